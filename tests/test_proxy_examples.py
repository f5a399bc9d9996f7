"""The examples of proxies in docs/ are read by the real programs, where those are installed, and have the studio's limits."""

import re
from pathlib import Path

import pytest
from django.urls import NoReverseMatch, reverse

from studio.control.body_limits import FILES, FORM, LARGEST
from tests.proxies import Proxy, is_installed

DOCS = Path(__file__).parent.parent / "docs"
ARGUMENTS = {"code": "TIDE", "number": 1}


@pytest.mark.skipif(not is_installed("nginx"), reason="nginx is not installed: apt-get install nginx")
def test_nginx_reads_its_example(tmp_path: Path):
    status, printed = Proxy("nginx", tmp_path, 1).checked()

    assert status == 0, printed
    assert "test is successful" in printed
    assert "[warn]" not in printed


@pytest.mark.skipif(not is_installed("caddy"), reason="Caddy is not installed: apt-get install caddy")
def test_caddy_reads_its_example(tmp_path: Path):
    status, printed = Proxy("caddy", tmp_path, 1).checked()

    assert status == 0, printed
    assert "Valid configuration" in printed
    assert "not formatted" not in printed


@pytest.mark.parametrize(("file", "pattern", "unit"), [("nginx.conf", r"location ~ (\S+) ", "m"), ("Caddyfile", r"path_regexp (\S+)", "MB")])
def test_each_example_lets_through_what_the_studio_takes(file: str, pattern: str, unit: str):
    text = (DOCS / file).read_text()
    uploads = re.search(pattern, text)
    assert uploads
    for name in FILES:
        path = next(path for keys in ((), ("code",), ("code", "number")) if (path := found(name, keys)))
        assert re.search(uploads[1], path), path
    assert not re.search(uploads[1], "/accounts/login/")
    limits = sorted(int(size) * 1_000_000 for size in re.findall(rf"(?:client_max_body_size|max_size) (\d+){unit}", text))
    assert limits[0] >= FORM
    assert limits[1] >= LARGEST


def found(name: str, keys: tuple[str, ...]) -> str:
    """The path of this address with these arguments; empty if it has others."""
    try:
        return reverse(name, kwargs={key: ARGUMENTS[key] for key in keys})
    except NoReverseMatch:
        return ""
