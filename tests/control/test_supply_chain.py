"""What the studio consists of is written down with hashes, and pins are compared with known advisories, or it is said that they were not."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
REQUIREMENTS = ROOT / ".ci" / "requirements"
PINS = "django==5.2.19 \\\n    --hash=sha256:00\nPillow==12.0.0 \\\n    --hash=sha256:00\n    # via x==1\ndjango-storages[s3]==1.14.6 \\\n    --hash=sha256:00\n"
HOLE = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fixed_in": ["5.2.20", "6.0.1"], "withdrawn": None}

Index = Callable[..., str]


def bill(tmp_path: Path) -> str:
    file = tmp_path / "sbom.json"
    subprocess.run([sys.executable, "-W", "error", ".ci/sbom.py", str(file)], cwd=ROOT, check=True)
    return file.read_text()


def test_the_bill_of_materials_is_the_same_each_time_and_names_no_host(tmp_path: Path):
    first = bill(tmp_path)

    assert bill(tmp_path) == first
    assert set(re.findall(r"https?://([^/\"]+)", first)) <= {"cyclonedx.org"}  # of its own schema
    assert str(ROOT) not in first
    assert socket.gethostname() not in first


def test_the_bill_of_materials_has_every_package_and_every_browser_file_with_its_hashes(tmp_path: Path):
    written = json.loads(bill(tmp_path))
    parts = {part["bom-ref"]: part for part in written["components"]}
    pins = dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", (REQUIREMENTS / "app.txt").read_text(), re.MULTILINE))
    lock = json.loads((ROOT / ".ci" / "vendor.lock.json").read_text())
    served = {path for package in lock.values() for path in package["files"] if path.startswith("static/")}

    assert (written["bomFormat"], written["specVersion"], written["metadata"]["component"]["name"]) == ("CycloneDX", "1.6", "studio")
    assert {ref for ref in parts if ref.startswith("pkg:pypi/")} == {f"pkg:pypi/{name}@{version}" for name, version in pins.items()}
    assert {file["name"] for part in parts.values() for file in part.get("components", [])} == served
    assert all(part["hashes"] for part in parts.values())
    assert set(written["dependencies"][-1]["dependsOn"] if written["dependencies"][-1]["ref"] == "studio" else
               next(one["dependsOn"] for one in written["dependencies"] if one["ref"] == "studio")) == set(parts)  # fmt: skip


def test_the_pins_name_no_registry_and_have_hashes():
    for file in REQUIREMENTS.iterdir():
        text = file.read_text()

        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text)
        assert len(re.findall(r"^[\w.-]+(?:\[.*\])?==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) == len(
            re.findall(r"^\w\S*==", text, re.MULTILINE)
        )


@pytest.fixture
def index() -> Iterator[Callable[[dict[str, Any]], str]]:
    """An index on this machine: makes one that answers these paths, and gives its address."""
    servers = []

    def make(answers: dict[str, Any]) -> str:
        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answers.get(self.path, 404)
                self.send_response(found if isinstance(found, int) else 200)
                self.end_headers()
                if not isinstance(found, int):
                    self.wfile.write(found if isinstance(found, bytes) else json.dumps(found).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def compared(tmp_path: Path, address: str) -> tuple[int, str]:
    """The exit status of the check of three pins, and what it says."""
    (tmp_path / "pins.txt").write_text(PINS)
    command = [sys.executable, ".ci/advisories.py", "--index", address, str(tmp_path / "pins.txt")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def known(**advisories: Any) -> dict[str, Any]:
    pins = {"django": "5.2.19", "pillow": "12.0.0", "django-storages": "1.14.6"}
    return {f"/pypi/{name}/{version}/json": {"vulnerabilities": advisories.get(name.replace("-", "_"), [])} for name, version in pins.items()}


def test_pins_without_advisories_pass(index: Index, tmp_path: Path):
    assert compared(tmp_path, index(known())) == (0, "advisories: 3 pins compared, 0 advisories\n")


def test_a_pin_with_an_advisory_fails_the_check_and_says_what_fixes_it(index: Index, tmp_path: Path):
    status, said = compared(tmp_path, index(known(django=[HOLE], pillow=[{"id": "GHSA-1", "fixed_in": []}])))

    assert status == 1
    assert "django 5.2.19: PYSEC-2026-1 CVE-2026-1; fixed in 5.2.20, 6.0.1\n" in said
    assert "pillow 12.0.0: GHSA-1; no version fixes it\n" in said
    assert "3 pins compared, 2 advisories" in said


def test_an_advisory_that_was_withdrawn_counts_nothing(index: Index, tmp_path: Path):
    assert compared(tmp_path, index(known(django=[{**HOLE, "withdrawn": "2026-11-30T00:00:00Z"}])))[0] == 0


def test_a_pin_that_the_index_does_not_know_is_said_and_hides_no_other(index: Index, tmp_path: Path):
    answers = known(pillow=[HOLE])
    del answers["/pypi/django/5.2.19/json"]
    status, said = compared(tmp_path, index(answers))

    assert status == 1
    assert "2 of 3 pins compared, 1 advisories; 1 NOT COMPARED" in said


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "it keeps no advisories"),
        (dict.fromkeys(known(), 503), "it answers 503"),
        (dict.fromkeys(known(), b"<html>"), "its answer has no list of advisories"),
        ({key: {"info": {}} for key in known()}, "its answer has no list of advisories"),
    ],
)
def test_an_index_that_cannot_say_is_no_failure_and_no_all_clear(answers: dict[str, Any], why: str, index: Index, tmp_path: Path):
    status, said = compared(tmp_path, index(answers))

    assert status == 0
    assert said == f"advisories: NOT COMPARED. 3 pins were not compared with the index: {why}.\n"


def test_without_a_network_it_says_that_nothing_was_compared(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    status, said = compared(tmp_path, f"http://127.0.0.1:{port}")

    assert status == 0
    assert "NOT COMPARED. 3 pins were not compared with the index: it cannot be reached" in said


def test_files_that_pin_nothing_fail_the_check(tmp_path: Path):
    (tmp_path / "pins.txt").write_text("")
    done = subprocess.run([sys.executable, ".ci/advisories.py", str(tmp_path / "pins.txt")], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "advisories: the files pin nothing\n")
