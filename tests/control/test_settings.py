"""Settings come from the environment: a wrong one stops the start by name, each one stands in README.md, and production is closed."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("studio/settings.py", "studio/keyring.py", "studio/control/serving.py")
PRODUCTION = {
    "STUDIO_SECRET_KEY": "a-key-of-fifty-characters-and-more-0123456789-abcdefghij",
    "STUDIO_FIELD_KEYS": Fernet.generate_key().decode(),
    "STUDIO_PUBLIC_URL": "https://studio.example.org",
}


def checked(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `manage.py check` says in a process of its own, whose environment is nothing but this."""
    return subprocess.run(
        [sys.executable, "manage.py", "check", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STUDIO_DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def names() -> set[str]:
    """Every STUDIO_ name that the code reads."""
    read = "".join((ROOT / source).read_text() for source in SOURCES)
    called = re.findall(r'\b(?:text|flag|number|url)\(\s*"([A-Z_]+)"', read)
    spelt = re.findall(r'environ(?:\.get\(|\[)\s*"(STUDIO_[A-Z_]+)"', read)
    return {f"STUDIO_{name}" for name in called} | set(spelt)


def test_every_setting_stands_in_the_table_of_the_readme():
    table = set(re.findall(r"^\| `(STUDIO_[A-Z_]+)`", (ROOT / "README.md").read_text(), re.MULTILINE))

    assert table == names()


def test_production_settings_pass_djangos_own_check_without_a_warning(tmp_path: Path):
    done = checked(tmp_path, "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_local_settings_need_nothing_and_keep_the_secrets_they_make(tmp_path: Path):
    assert checked(tmp_path, STUDIO_LOCAL="1").returncode == 0

    first = {path.name: (path.read_text(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir() if path.is_file()}
    checked(tmp_path, STUDIO_LOCAL="1")

    assert {name: mode for name, (_, mode) in first.items()} == {"secret_key": 0o600, "field_keys": 0o600}
    assert {path.name: (path.read_text(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir() if path.is_file()} == first


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"STUDIO_SECRET_KEY": ""}, "STUDIO_SECRET_KEY is not set"),
        ({"STUDIO_SECRET_KEY": "short"}, "STUDIO_SECRET_KEY is too weak"),
        ({"STUDIO_FIELD_KEYS": ""}, "STUDIO_FIELD_KEYS is not set"),
        ({"STUDIO_FIELD_KEYS": "nonsense"}, "STUDIO_FIELD_KEYS holds something that is not a Fernet key"),
        ({"STUDIO_PUBLIC_URL": "studio.example.org"}, "STUDIO_PUBLIC_URL must start with one of http:, https:"),
        ({"STUDIO_DATABASE_URL": "mysql://x"}, "STUDIO_DATABASE_URL must start with one of sqlite:, postgres:, postgresql:"),
        ({"STUDIO_BROKER_URL": "amqp://x"}, "STUDIO_BROKER_URL must start with one of redis:, rediss:"),
        ({"STUDIO_STORAGE_URL": "gs://clips"}, "STUDIO_STORAGE_URL must start with file: or s3:."),
        ({"STUDIO_ACCEL_REDIRECT": "protected"}, "STUDIO_ACCEL_REDIRECT is 'protected'; it takes a path such as /protected/."),
        ({"STUDIO_SANDBOX": "perhaps"}, "STUDIO_SANDBOX is 'perhaps'; it takes 1 or 0."),
        ({"STUDIO_PORT": "many"}, "STUDIO_PORT is 'many'; it takes a number."),
        ({"PORT": "many"}, "STUDIO_PORT is 'many'; it takes a number."),
        ({"STUDIO_PORT": "70000"}, "STUDIO_PORT is 70000; it takes 1 to 65535."),
        ({"STUDIO_WORKERS": "nan"}, "STUDIO_WORKERS is nan; it takes 1 to 64."),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name_and_what_is_wrong(change: dict[str, str], complaint: str, tmp_path: Path):
    done = checked(tmp_path, **{**PRODUCTION, **change})

    assert done.returncode == 1
    assert complaint in done.stderr


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
