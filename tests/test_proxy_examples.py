"""The examples of proxies in docs/ are read by the real programs, where those are installed, and have the studio's limits."""

import datetime
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.urls import NoReverseMatch, reverse

from studio.control.body_limits import FILES, FORM, LARGEST

DOCS = Path(__file__).parent.parent / "docs"
NGINX, CADDY = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"), shutil.which("caddy")
ARGUMENTS = {"code": "TIDE", "number": 1}


def certificate(folder: Path) -> None:
    """Write a key and a certificate of nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "studio")]), datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    (folder / "studio.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "studio.key").write_bytes(key.private_bytes(*form))


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx")
def test_nginx_reads_its_example(tmp_path: Path):
    certificate(tmp_path)
    (tmp_path / "studio.conf").write_text((DOCS / "nginx.conf").read_text().replace("/etc/ssl/", f"{tmp_path}/"))
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; error_log stderr; events {{ }} http {{ include {tmp_path}/studio.conf; }}")
    done = subprocess.run([str(NGINX), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr


@pytest.mark.skipif(CADDY is None, reason="Caddy is not installed: apt-get install caddy")
def test_caddy_reads_its_example(tmp_path: Path):
    command = [str(CADDY), "validate", "--adapter", "caddyfile", "--config", str(DOCS / "Caddyfile")]
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout + done.stderr


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
