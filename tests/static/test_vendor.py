"""Third-party files are exactly the locked ones, with their licences."""

import json
import subprocess
import sys
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def test_vendored_files_are_the_locked_ones():
    done = subprocess.run([sys.executable, ROOT / ".ci/vendor.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_comes_with_its_licence():
    lock = json.loads((ROOT / ".ci/vendor.lock.json").read_text())
    for name, package in lock.items():
        assert any("LICENSE" in file for file in package["files"]), name


def test_no_vendored_script_points_at_a_map_that_is_not_there():
    # Hashed static files refuse to collect such a file.
    for script in (ROOT / "static").rglob("*.js"):
        assert "sourceMappingURL" not in script.read_text(), script
