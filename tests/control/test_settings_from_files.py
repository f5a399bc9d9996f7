"""Each setting can stand in a file, which STUDIO_…_FILE names: a secret is then in no environment."""

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from studio import environment
from tests.control.test_settings import PRODUCTION, checked, names, read_with

SECRETS = {
    "SECRET_KEY": "another-key-of-fifty-characters-0123456789-abcdefghijkl",
    "FIELD_KEYS": Fernet.generate_key().decode(),
    "DATABASE_URL": "postgres://studio:w%40rd@db:5432/studio",
    "BROKER_URL": "redis://:word@redis:6379/0",
    "EMAIL_URL": "smtp+tls://user:word@mail.example.org:587",
    "STORAGE_URL": "s3://AKIA:word@clips?region=eu-central-1",
}
READ_AS = {
    "SECRET_KEY": lambda read: read["SECRET_KEY"],
    "FIELD_KEYS": lambda read: read["FIELD_KEYS"],
    "DATABASE_URL": lambda read: read["DATABASES"]["default"]["PASSWORD"],
    "BROKER_URL": lambda read: read["BROKER_URL"],
    "EMAIL_URL": lambda read: read["EMAIL_HOST_PASSWORD"],
    "STORAGE_URL": lambda read: read["STORAGES"]["default"]["OPTIONS"]["secret_key"],
}
PATHS = {"STUDIO_CA_BUNDLE"}  # whose value is a path itself


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("ends", ["", "\n", "\r\n", " \n\n"])
def test_a_secret_in_a_file_is_read_as_one_in_the_environment(name: str, ends: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(SECRETS[name] + ends)
    usual = read_with(monkeypatch, tmp_path, **{f"STUDIO_{name}": SECRETS[name]})
    found = read_with(monkeypatch, tmp_path, **{f"STUDIO_{name}": "", f"STUDIO_{name}_FILE": str(file)})

    assert READ_AS[name](found) == READ_AS[name](usual)
    assert READ_AS[name](found)


@pytest.mark.parametrize("name", sorted(names() - PATHS))
@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (Path.exists, "which cannot be read: No such file or directory."),
        (lambda file: file.mkdir(), "which cannot be read: Is a directory."),
        (lambda file: file.write_text(" \n"), "which is empty."),
        (lambda file: file.write_bytes(b"\xff\xfe\x00s3cr3t"), "which holds no text in UTF-8."),
        (lambda file: file.write_bytes(b"s3cr3t\x00"), "which holds more than a setting."),
        (lambda file: file.write_text("s3cr3t" * 20_000), "which holds more than a setting."),
    ],
    ids=["missing", "folder", "empty", "binary", "zero", "long"],
)
def test_a_file_that_is_no_setting_is_refused_by_name(name: str, make: object, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "secret"
    make(file)  # type: ignore[operator]
    with pytest.raises(ImproperlyConfigured) as refused:
        read_with(monkeypatch, tmp_path, **{name: "", f"{name}_FILE": str(file)})

    assert str(refused.value) == f"{name}_FILE is {str(file)!r}, {complaint}"


def test_a_file_that_we_may_not_read_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("s3cr3t")
    file.chmod(0)
    if os.geteuid() == 0:  # who may read everything, but not what the kernel refuses to everybody
        file = Path("/proc/self/mem")
    with pytest.raises(
        ImproperlyConfigured, match=r"^STUDIO_EMAIL_URL_FILE is '.*', which cannot be read: (Permission denied|Input/output error)\.$"
    ):
        read_with(monkeypatch, tmp_path, STUDIO_EMAIL_URL_FILE=str(file))


@pytest.mark.parametrize("name", SECRETS)
def test_a_setting_and_its_file_are_a_contradiction(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(SECRETS[name])
    with pytest.raises(ImproperlyConfigured, match=f"^STUDIO_{name} and STUDIO_{name}_FILE are both set. Leave one of them out.$"):
        read_with(monkeypatch, tmp_path, **{f"STUDIO_{name}": SECRETS[name], f"STUDIO_{name}_FILE": str(file)})


def test_secrets_can_all_stand_in_files(tmp_path: Path):
    given = {}
    for name, value in PRODUCTION.items():
        (tmp_path / name).write_text(f"{value}\n")
        given[f"{name}_FILE"] = str(tmp_path / name)

    assert checked(tmp_path / "data", **given).returncode == 0


def test_a_mistyped_name_of_a_file_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("STUDIO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STUDIO_SECRET_KEY_FILE", "/run/secrets/secret_key")
    monkeypatch.setenv("STUDIO_SECRT_KEY_FILE", "/run/secrets/secret_key")

    assert list(environment.unread()) == ["STUDIO_SECRT_KEY_FILE"]


@pytest.mark.parametrize(
    ("setting", "address", "password", "found"),
    [
        ("DATABASE", "postgres://studio@db:5432/studio", "p@/:w", "p@/:w"),
        ("BROKER", "redis://redis:6379/0", "p@/:w", "redis://:p%40%2F%3Aw@redis:6379/0"),
        ("BROKER", "rediss://ada@redis:6379/0?ssl_cert_reqs=none", "pw", "rediss://ada:pw@redis:6379/0?ssl_cert_reqs=none"),
    ],
)
def test_a_password_can_stand_apart_from_its_address(
    setting: str, address: str, password: str, found: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    read = read_with(monkeypatch, tmp_path, **{f"STUDIO_{setting}_URL": address, f"STUDIO_{setting}_PASSWORD": password})

    assert (read["DATABASES"]["default"]["PASSWORD"] if setting == "DATABASE" else read["BROKER_URL"]) == found


@pytest.mark.parametrize(("setting", "address"), [("DATABASE", "postgres://studio:one@db/studio"), ("BROKER", "redis://:one@redis:6379/0")])
def test_two_passwords_are_a_contradiction(setting: str, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(ImproperlyConfigured, match=f"^STUDIO_{setting}_PASSWORD is set, and STUDIO_{setting}_URL holds a password too"):
        read_with(monkeypatch, tmp_path, **{f"STUDIO_{setting}_URL": address, f"STUDIO_{setting}_PASSWORD": "two"})


@pytest.mark.parametrize("setting", ["DATABASE", "BROKER"])
def test_a_password_is_read_from_a_file_too(setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "password").write_text("s3cr3t\n")
    address = {"DATABASE": "postgres://studio@db/studio", "BROKER": "redis://redis:6379/0"}[setting]

    read = read_with(monkeypatch, tmp_path, **{f"STUDIO_{setting}_URL": address, f"STUDIO_{setting}_PASSWORD_FILE": str(tmp_path / "password")})

    assert "s3cr3t" in str(read["DATABASES"]["default"].get("PASSWORD", "") + read["BROKER_URL"])
