"""Settings come from the environment: a wrong one stops the start by name, each one stands in README.md, and production is closed."""

import errno
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from studio import environment as environment_readers
from studio.providers import trust

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("studio/settings.py", "studio/keyring.py", "studio/control/healthcheck.py")
READERS = "group|domains|rates|text|line|token|flag|number|whole|choice|time_zone|folder|made_folder|mailbox|sender|site|hosts|private_hosts|listening|database|broker|email"
PRODUCTION = {
    "STUDIO_SECRET_KEY": "a-key-of-fifty-characters-and-more-0123456789-abcdefghij",
    "STUDIO_FIELD_KEYS": Fernet.generate_key().decode(),
    "STUDIO_PUBLIC_URL": "https://studio.example.org",
}


def checked(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `manage.py check` says."""
    return started(tmp_path, "manage.py", "check", *words, **environment)


def started(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a Python program says in a process of its own, whose environment is nothing but this."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STUDIO_DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def no_entry(folder: Path) -> Iterator[None]:
    """Nobody may enter the folder, nor look into it."""
    usual = Path.stat

    def stat(path: Path, **options: Any) -> os.stat_result:
        if folder in path.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return usual(path, **options)

    with (
        mock.patch.object(Path, "stat", stat),
        mock.patch.object(os, "access", lambda path, _: Path(path) != folder and folder not in Path(path).parents),
    ):
        yield


def names() -> set[str]:
    """Every STUDIO_ name that the code reads."""
    read = "".join((ROOT / source).read_text() for source in SOURCES)
    called = re.findall(rf'\b(?:{READERS})\(\s*"([A-Z_]+)"', read)
    spelt = re.findall(r'environ(?:\.get\(|\[)\s*"(STUDIO_[A-Z_]+)"', read)
    return {f"STUDIO_{name}" for name in called} | set(spelt) | {name for name in trust.VARIABLES if name.startswith("STUDIO_")}


def read_with(monkeypatch: pytest.MonkeyPatch, folder: Path, **environment: str) -> dict[str, Any]:
    """The settings of an installation in production whose environment is nothing but this."""
    for name in [
        name for name in os.environ if name.startswith(("STUDIO_", "SSL_CERT_")) or name.lower().endswith(("_proxy", "_bundle")) or name == "PORT"
    ]:
        monkeypatch.delenv(name)
    for name, value in {**PRODUCTION, "STUDIO_DATA_DIR": str(folder), **environment}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "studio" / "settings.py"))


def test_every_reader_of_settings_is_known_here():
    """Or a setting that is read by a new one would have no wrong value below."""
    public = {name for name, one in vars(environment_readers).items() if inspect.isfunction(one) and one.__module__ == environment_readers.__name__}

    assert {name for name in public if not name.startswith("_")} - {"url", "host_of", "check_network", "unread"} == set(READERS.split("|"))


def test_every_setting_stands_in_the_table_of_the_readme():
    table = set(re.findall(r"^\| `(STUDIO_[A-Z_]+)`", (ROOT / "README.md").read_text(), re.MULTILINE))

    assert table == names()


def test_production_settings_pass_djangos_own_check_without_a_warning(tmp_path: Path):
    done = checked(tmp_path, "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues (2 silenced)" in done.stdout


def test_local_settings_need_nothing_and_keep_the_secrets_they_make(tmp_path: Path):
    assert checked(tmp_path, STUDIO_LOCAL="1").returncode == 0

    first = {path.name: (path.read_text(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir() if path.is_file()}
    checked(tmp_path, STUDIO_LOCAL="1")

    assert {name: mode for name, (_, mode) in first.items()} == {"secret_key": 0o600, "field_keys": 0o600}
    assert {path.name: (path.read_text(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir() if path.is_file()} == first


# What people write, by setting, each with a part of what they are told. Any text is right for none of them.
WRONG: dict[str, dict[str, str]] = {
    "STUDIO_ACCEL_REDIRECT": {"protected": "is 'protected'; it takes a path such as /protected/."},
    "STUDIO_ADMIN_EMAIL": {"ada": "is 'ada'; it takes an e-mail address.", "Ada <ada@example.org>": "it takes an e-mail address."},
    "STUDIO_ALLOWED_HOSTS": {"studio.example.org:8000": "without port and path", "https://studio.example.org/team": "without port and path"},
    "STUDIO_ALLOW_PRIVATE_HOSTS": {
        "http://gateway.lan/v1": "is 'http://gateway.lan/v1'; it takes hosts such as gateway.lan",
        "*.lan": "it takes hosts such as gateway.lan",
        "gateway.lan:http": "it takes hosts such as gateway.lan",
        "198.18.0.0/33": "it takes hosts such as gateway.lan",
        "198.18.0.0/15;": "it takes hosts such as gateway.lan",
        "198.18.0": "it takes hosts such as gateway.lan",
        "0.0.0.0/0": "this is every address",
        "169.254.0.0/16": "never asked",
    },
    "STUDIO_BEHIND_PROXY": {"nginx": "it takes 1 or 0."},
    "STUDIO_BIND": {
        "[::]:8000": "without a port: that is STUDIO_PORT",
        "0.0.0.0:80": "without a port",
        "http://0.0.0.0": "an address of this machine",
        "[::": "an address of this machine",
        "256.1.1.1": "an address of this machine",
    },
    "STUDIO_BROKER_PASSWORD": {"pass/word": "needs a server in STUDIO_BROKER_URL"},
    "STUDIO_BROKER_URL": {
        "amqp://x": "must start with one of redis:, rediss:",
        "redis://host:many/0": "cannot be read",
        "redis://host/first": "names no host or no database",
        "redis:///0": "names no host or no database",
    },
    "STUDIO_CA_BUNDLE": {"/etc/none.pem": "is '/etc/none.pem', which is not there.", "/etc/hostname": "which holds no certificates"},
    "STUDIO_CLUSTER_NAME": {"one/two": "a name of at most 80 letters", "two words": "a name of at most 80 letters"},
    "STUDIO_CREDIT_USD": {"0": "it takes 1e-06 to 1000.", "a cent": "it takes a number."},
    "STUDIO_DATABASE_URL": {
        "mysql://x": "must start with one of sqlite:, postgres:, postgresql:",
        "postgres://studio:pass/word@host:5432/name": "cannot be read",
        "postgres://host": "names no database",
        "sqlite:///studio.sqlite3": "names no file. It looks like sqlite:////srv/studio.sqlite3",
        "sqlite:studio.sqlite3": "names no file",
        "sqlite:////tmp": "names no file",
    },
    "STUDIO_DATABASE_PASSWORD": {"pass/word": "needs a server in STUDIO_DATABASE_URL"},
    "STUDIO_DATA_DIR": {"/proc/studio": "is '/proc/studio', which cannot be used.", "/etc/hostname": "it takes a folder, and this is none."},
    "STUDIO_DEBUG": {"verbose": "it takes 1 or 0."},
    "STUDIO_EMAIL_FROM": {"Studio": "it takes an e-mail address.", "Studio <studio>": "it takes an e-mail address."},
    "STUDIO_EMAIL_URL": {
        "smtp.example.org": "must start with one of smtp:",
        "http://mail.example.org": "must start with one of smtp:",
        "smtp://user:pass/word@mail.example.org": "cannot be read",
        "smtp+tls://": "names no server",
    },
    "STUDIO_FIELD_KEYS": {"": "is not set", "nonsense": "holds something that is not a Fernet key", ",": "holds something that is not a Fernet key"},
    "STUDIO_FILE_GROUP": {"no such group": "is 'no such group'; it takes the name or number of a group of this machine."},
    "STUDIO_HSTS_PRELOAD": {"always": "it takes 1 or 0.", "1": "needs STUDIO_HSTS_SUBDOMAINS=1"},
    "STUDIO_HSTS_SECONDS": {"a year": "it takes a number.", "-1": "it takes 0 to", "1.5": "it takes a whole number."},
    "STUDIO_HSTS_SUBDOMAINS": {"all": "it takes 1 or 0."},
    "STUDIO_LOCAL": {"here": "it takes 1 or 0."},
    "STUDIO_LOG_LEVEL": {"verbose": "is 'verbose'; it takes one of DEBUG, INFO, WARNING, ERROR, CRITICAL."},
    "STUDIO_PORT": {"many": "is 'many'; it takes a number.", "70000": "is 70000; it takes 1 to 65535.", "80.5": "it takes a whole number."},
    "STUDIO_PROXIES": {"two": "it takes a number.", "11": "it takes 0 to 10."},
    "STUDIO_PUBLIC_URL": {
        "studio.example.org": "must start with one of http:, https:",
        "https://example.org/team": "has the path '/team', and the studio only works at the root of a host",
        "https://example.org?team=1": "takes scheme, host and port alone",
        "https://ada:secret@example.org": "takes scheme, host and port alone",
        "https://exa mple.org": "the address of a server",
        "https://example.org:many": "cannot be read",
        "https://": "the address of a server",
    },
    "STUDIO_INVITERS": {"members": "it takes one of ADMINS, OWNERS."},
    "STUDIO_INVITE_DOMAINS": {"@example.org": "it takes domains of e-mail addresses", "example": "it takes domains of e-mail addresses"},
    "STUDIO_RECHECK_MB": {"all": "it takes a number.", "-5": "it takes 0 to"},
    "STUDIO_PICTURE_CPU_SECONDS": {"long": "it takes a number.", "0": "it takes 1 to 600"},
    "STUDIO_FRAME_CPU_SECONDS": {"long": "it takes a number.", "0": "it takes 1 to 600"},
    "STUDIO_FILM_CPU_SECONDS": {"long": "it takes a number.", "0": "it takes 1 to 600"},
    "STUDIO_DECODING_MEMORY_MB": {"all": "it takes a number.", "50": "it takes 100 to"},
    "STUDIO_SANDBOX": {"perhaps": "is 'perhaps'; it takes 1 or 0."},
    "STUDIO_SANDBOX_SPEED": {"fast": "it takes a number.", "0": "it takes 0.01 to 1000."},
    "STUDIO_SANDBOX_URL": {"127.0.0.1:8000": "must start with one of http:, https:", "http://web:8000/sandbox": "has the path '/sandbox'"},
    "STUDIO_LIMIT_ORDERS": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_UPLOADS": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_UPLOAD_BYTES": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_PROJECT_UPLOAD_BYTES": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_SEARCHES": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_FRAMES": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_DOWNLOADS": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_ZIP_BYTES": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_INVITATIONS": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_GRANTED_CREDITS": {"many": "it takes rates such as"},
    "STUDIO_LIMIT_CREDIT_REQUESTS": {"many": "it takes rates such as"},
    "STUDIO_SECRET_KEY": {"": "is not set", "short": "is too weak"},
    "STUDIO_SESSION_DAYS": {"month": "it takes a number.", "0": "it takes 1 to 365."},
    "STUDIO_SESSION_IDLE_HOURS": {"never": "it takes a number.", "0": "it takes 1 to"},
    "STUDIO_STATIC_ROOT": {"/etc/hostname": "it takes a folder, and this is none."},
    "STUDIO_STORAGE_URL": {"gs://clips": "must start with file: or s3:."},
    "STUDIO_TEAM_NAME": {"x" * 61: "one line of at most 60 characters", "two\nlines": "one line of at most 60 characters"},
    "STUDIO_TIME_ZONE": {"Moscow": "is 'Moscow'; it takes a time zone such as", "Europe": "a time zone such as", "UTC+3": "a time zone such as"},
    "STUDIO_WEB_THREADS": {"eight": "it takes a number.", "0": "it takes 1 to 200."},
    "STUDIO_WEB_WORKERS": {"two": "it takes a number.", "2.5": "it takes a whole number."},
    "STUDIO_WORKERS": {"nan": "is nan; it takes 1 to 64."},
}
ELSEWHERE = {"STUDIO_SANDBOX_FAULTS"}  # read once the sandbox's tables are known; see tests/sandbox/test_faults.py


# What other programs read too.
WRONG_ELSEWHERE = {
    **{name: {"socks5://proxy:1080": "only proxies over http: and https: are used", "http://proxy:many": "cannot be read", "http://": "names no host"}
       for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy")},
    **{name: {"/etc/none.pem": "which is not there"} for name in trust.VARIABLES},
}  # fmt: skip


def test_every_setting_has_a_wrong_value_below():
    assert set(WRONG) == names() - ELSEWHERE


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [(name, value, words) for table in (WRONG, WRONG_ELSEWHERE) for name, them in table.items() for value, words in them.items()],
)
def test_a_wrong_setting_is_refused_with_its_name_and_what_is_wrong(
    name: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with pytest.raises(ImproperlyConfigured) as refused:
        read_with(monkeypatch, tmp_path, **{name: value})

    assert str(refused.value).startswith(f"{name} ")
    assert complaint in str(refused.value)
    assert "pass/word" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "setting", "read"),
    [
        ("PUBLIC_URL", " HTTPS://Studio.Example.org/ ", "PUBLIC_URL", "https://studio.example.org"),
        ("PUBLIC_URL", "https://студия.example:8443/", "PUBLIC_URL", "https://xn--d1aizef8e.example:8443"),
        ("PUBLIC_URL", "https://studio.example.org:443", "PUBLIC_URL", "https://studio.example.org"),
        ("BIND", "[::]", "BIND", "::"),
        ("BIND", "localhost", "BIND", "localhost"),
        ("LOG_LEVEL", "warning", "LOGGING", "WARNING"),
        ("ALLOW_PRIVATE_HOSTS", "Gateway.LAN:8080, http://10.0.0.5/ ,bücher.lan", "ALLOW_PRIVATE_HOSTS",
         frozenset({"gateway.lan:8080", "10.0.0.5", "xn--bcher-kva.lan"})),
        ("ALLOW_PRIVATE_HOSTS", "198.18.0.7/15 fd00::1 [fd00::2]:8080", "ALLOW_PRIVATE_HOSTS",
         frozenset({"198.18.0.0/15", "[fd00::1]", "[fd00::2]:8080"})),
        ("DATABASE_URL", "sqlite:////srv/studio.sqlite3", "DATABASES", "/srv/studio.sqlite3"),
        ("DATABASE_URL", "postgres://u:p%40w@one:5432,two:5433/studio", "DATABASES", "studio"),
        ("EMAIL_FROM", "Studio <studio@example.org>", "DEFAULT_FROM_EMAIL", "Studio <studio@example.org>"),
        ("EMAIL_URL", "smtp+tls://user:p%40ss@mail.example.org:587", "EMAIL_HOST", "mail.example.org"),
        ("PROXIES", "2", "ALLAUTH_TRUSTED_PROXY_COUNT", 2),
    ],
)  # fmt: skip
def test_settings_are_read_as_people_write_them(name: str, value: str, setting: str, read: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    found = read_with(monkeypatch, tmp_path, **{f"STUDIO_{name}": value})[setting]
    found = found["default"]["NAME"] if setting == "DATABASES" else found["root"]["level"] if setting == "LOGGING" else found

    assert found == read


def test_an_empty_setting_is_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    usual = read_with(monkeypatch, tmp_path)
    needed = {"STUDIO_SECRET_KEY", "STUDIO_FIELD_KEYS", "STUDIO_DATA_DIR", "STUDIO_PUBLIC_URL"}
    empty = read_with(monkeypatch, tmp_path, **dict.fromkeys(names() - needed, ""))

    assert usual["BEHIND_PROXY"]
    assert {name: value for name, value in empty.items() if name.isupper()} == {name: value for name, value in usual.items() if name.isupper()}


@pytest.mark.parametrize("name", ["DATA_DIR", "STATIC_ROOT", "DATABASE_URL", "CA_BUNDLE"])
def test_a_setting_that_leads_behind_a_folder_that_we_may_not_enter_is_named(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    data, closed = tmp_path / "data", tmp_path / "closed"
    (closed / "inside").mkdir(parents=True)
    before = read_with(monkeypatch, data)
    with no_entry(closed):
        value = f"sqlite:///{closed}/inside/studio.sqlite3" if name == "DATABASE_URL" else str(closed / "inside")
        if name in {"DATA_DIR", "CA_BUNDLE"}:
            with pytest.raises(ImproperlyConfigured, match=rf"^STUDIO_{name} is '{closed}/inside', which cannot be"):
                read_with(monkeypatch, data, **{f"STUDIO_{name}": value})
        else:  # a command that writes there says it
            assert read_with(monkeypatch, data, **{f"STUDIO_{name}": value}).keys() == before.keys()


def test_hosts_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    written = "Studio.Example.org, https://bücher.example/ .example.net,::1"
    read = read_with(monkeypatch, tmp_path, STUDIO_ALLOWED_HOSTS=written)["ALLOWED_HOSTS"]

    assert read == ["studio.example.org", "xn--bcher-kva.example", ".example.net", "[::1]", "studio.example.org", "127.0.0.1", "localhost"]


def test_strict_transport_security_is_for_this_host_alone_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    usual = read_with(monkeypatch, tmp_path)
    told = read_with(monkeypatch, tmp_path, STUDIO_HSTS_SUBDOMAINS="1", STUDIO_HSTS_PRELOAD="1")
    none = read_with(monkeypatch, tmp_path, STUDIO_HSTS_SECONDS="0", STUDIO_HSTS_SUBDOMAINS="0", STUDIO_HSTS_PRELOAD="0")

    assert [tuple(one[name] for name in names) for one in (usual, told, none)] == [
        (31_536_000, False, False), (31_536_000, True, True), (0, False, False)
    ]  # fmt: skip


def test_a_count_of_proxies_without_a_proxy_is_a_contradiction(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(ImproperlyConfigured, match="STUDIO_BEHIND_PROXY says that there is none"):
        read_with(monkeypatch, tmp_path, STUDIO_BEHIND_PROXY="0", STUDIO_PROXIES="2")


def test_a_wrong_port_of_the_environment_is_refused_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(ImproperlyConfigured, match=r"STUDIO_PORT is 'many'; it takes a number\."):
        read_with(monkeypatch, tmp_path, PORT="many")


@pytest.mark.parametrize("words", [("manage.py", "check"), ("-m", "gunicorn", "-c", "python:studio.control.serving", "studio.wsgi")])
def test_a_wrong_setting_stops_a_command_and_the_web_server_with_a_sentence(words: tuple[str, ...], tmp_path: Path):
    done = started(tmp_path, *words, **{**PRODUCTION, "STUDIO_WEB_WORKERS": "two"})

    assert done.returncode == 1
    assert done.stderr.strip() == "studio: STUDIO_WEB_WORKERS is 'two'; it takes a number."


def test_browsers_may_fetch_pictures_and_clips_from_the_bucket_and_nothing_else(tmp_path: Path):
    policy = 'import json, studio.settings as s; print(json.dumps(s.CONTENT_SECURITY_POLICY["DIRECTIVES"], default=str))'
    environment = {"PATH": os.environ["PATH"], "STUDIO_DATA_DIR": str(tmp_path), "STUDIO_LOCAL": "1"}

    def told(**more: str) -> dict[str, list[str]]:
        done = subprocess.run([sys.executable, "-c", policy], cwd=ROOT, env={**environment, **more}, capture_output=True, text=True, check=True)
        directives: dict[str, list[str]] = json.loads(done.stdout)
        return directives

    folder, bucket = told(), told(STUDIO_STORAGE_URL="s3://AKIA:s3cr3t@clips?region=eu-central-1")

    added = {name: sorted(set(bucket[name]) - set(folder[name])) for name in folder if bucket[name] != folder[name]}
    assert added == {name: ["https://clips.s3.eu-central-1.amazonaws.com"] for name in ("img-src", "media-src")}


@pytest.mark.parametrize("name", PRODUCTION)
def test_a_complaint_never_repeats_a_secret(name: str, tmp_path: Path):
    done = checked(tmp_path, **{**PRODUCTION, name: "s3cr3t"})

    assert "s3cr3t" not in done.stdout + done.stderr


def test_every_dependency_has_its_reason_in_the_decisions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    reasons = (ROOT / "docs" / "decisions.md").read_text().casefold()

    assert not [name for line in named if (name := re.split(r"[\[<>=]", line)[0].casefold()) not in reasons]
