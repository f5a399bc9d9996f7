"""compose.yaml and the Dockerfile keep every container from its own files, from rights, from other networks and from secrets that it does not need."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"setup", "web", "worker"}
DIGEST = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_cannot_change_itself_or_gain_rights(name: str):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in {mount.partition(":")[0] for mount in service["tmpfs"]}  # noqa: S108 - a name in the file
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", service["user"])  # not root


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_cannot_use_up_the_machine(name: str):
    assert {"mem_limit", "pids_limit", "cpus"} <= SERVICES[name].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_that_goes_on_is_asked_whether_it_is_well(name: str):
    health = SERVICES[name]["healthcheck"]

    assert health == {"disable": True} if name == "setup" else health["test"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - OURS))
def test_an_outside_image_is_named_by_digest(name: str):
    assert DIGEST.fullmatch(SERVICES[name]["image"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_image_is_built_on_one_named_by_digest_of_the_tag_in_the_dockerfile(name: str):
    base = SERVICES[name]["build"]["args"]["PYTHON"]
    usual = re.search(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert DIGEST.fullmatch(base)
    assert usual
    assert base.startswith(f"{usual[1]}@")


def test_database_and_redis_have_no_way_in_or_out():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])


def test_no_secret_stands_in_an_environment_or_a_command():
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|KEYS", key) or key.endswith("_FILE"), (name, key)
            assert "@" not in str(value) or re.search(r"://\w+@", value) or "ADMIN_EMAIL" in key, (name, key)  # a user without a password
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    assert "--requirepass" not in str(SERVICES["redis"]["command"])


def test_each_container_gets_only_the_secrets_that_it_uses():
    asked = {name: set(service["secrets"]) for name, service in SERVICES.items()}

    assert asked["redis"] == {"redis_password"}
    assert asked["postgres"] == {"database_owner_password", "database_app_password"}
    assert {name for name, secrets in asked.items() if "database_owner_password" in secrets} == {"setup", "postgres"}
    for name in OURS:
        files = {value.rpartition("/")[2].rstrip("}") for key, value in SERVICES[name]["environment"].items() if key.endswith("_FILE")}
        assert files == asked[name]


def test_only_setup_is_the_owner_of_the_tables():
    users = {name: SERVICES[name]["environment"]["STUDIO_DATABASE_URL"].split("//")[1].split("@")[0] for name in OURS}

    assert users == {"setup": "studio", "web": "studio_app", "worker": "studio_app"}


def test_the_image_runs_as_nobody_who_owns_its_files():
    lines = (ROOT / "Dockerfile").read_text().splitlines()

    assert "USER 10001:10001" in lines
    assert not [line for line in lines if line.startswith(("COPY", "ADD")) and "--chown" in line]


def test_secrets_never_come_into_the_image_or_the_repository():
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert {"secrets/", ".env"} <= set((ROOT / ".gitignore").read_text().splitlines())


def pinned(tmp_path: Path, docker: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What renewing the digests says, and the file after it, with a `docker` that is this script."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(f"#!/bin/sh\n{docker}\n")
    (tmp_path / "bin" / "docker").chmod(0o755)
    file = tmp_path / "compose.yaml"
    file.write_text((ROOT / "compose.yaml").read_text())
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    command = [sys.executable, ".ci/pin_images.py", str(file)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False), file.read_text()


def test_digests_are_renewed_and_nothing_else(tmp_path: Path):
    done, text = pinned(tmp_path, f'[ "$1 $2 $3" = "buildx imagetools inspect" ] && echo sha256:{"ab" * 32}')

    assert done.returncode == 0, done.stderr
    assert text == re.sub(r"@sha256:[0-9a-f]{64}", f"@sha256:{'ab' * 32}", (ROOT / "compose.yaml").read_text())
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize("docker", ["echo 'no such host' >&2; exit 1", "echo latest"])
def test_a_registry_that_cannot_be_asked_changes_nothing(docker: str, tmp_path: Path):
    done, text = pinned(tmp_path, docker)

    assert done.returncode == 1
    assert "was not found" in done.stderr
    assert text == (ROOT / "compose.yaml").read_text()
