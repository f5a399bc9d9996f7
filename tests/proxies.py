"""nginx and Caddy as docs/nginx.conf and docs/Caddyfile configure them, on a free port of loopback with a certificate of their own."""

import datetime
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.installation import ROOT, free_port
from tests.time_limits import eventually, scaled

PROGRAMS = ("nginx", "caddy")
SYSTEM = "/usr/sbin:/usr/local/sbin"  # where nginx is, and people's PATH does not lead
FILES = {"nginx": ROOT / "docs/nginx.conf", "caddy": ROOT / "docs/Caddyfile"}
HOST = "studio.example.org"
BACKEND = "127.0.0.1:8000"
NGINX = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused; uwsgi_temp_path {folder}/unused; scgi_temp_path {folder}/unused;
    include {folder}/studio.conf;
}}
"""


def is_installed(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:{SYSTEM}") is not None


class Proxy:
    """One of the programs in front of a server on this machine. `bodies` is where nginx keeps what it receives."""

    def __init__(self, program: str, folder: Path, backend: int, changes: dict[str, str] | None = None) -> None:
        self.program, self.port, self.folder = program, free_port(), folder
        self.bodies = folder / "bodies"
        certificate, key = write_certificate(folder)
        common = {BACKEND: f"127.0.0.1:{backend}", **(changes or {})}
        if program == "nginx":
            names = {"443 ssl": f"127.0.0.1:{self.port} ssl", "/etc/ssl/studio.pem": str(certificate), "/etc/ssl/studio.key": str(key)}
            self.file = folder / "nginx.conf"
            self.file.write_text(NGINX.format(folder=folder, user="user root;" if os.getuid() == 0 else ""))
            (folder / "studio.conf").write_text(replaced(FILES[program].read_text(), {**names, **common}))
            self.check: tuple[str, ...] = ("nginx", "-t", "-c", str(self.file), "-p", str(folder), "-e", "stderr")
            self.command: tuple[str, ...] = ("nginx", "-c", str(self.file), "-p", str(folder), "-e", str(folder / "errors"))
        else:
            names = {
                f"{HOST} {{": f"https://{HOST}:{self.port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}",
                "{\n\tservers": "{\n\tadmin off\n\tservers",
            }
            self.file = folder / "Caddyfile"
            self.file.write_text(
                replaced(FILES[program].read_text(), {**names, **common}).replace("servers {", "auto_https disable_redirects\n\tservers {")
            )
            self.check = ("caddy", "validate", "--adapter", "caddyfile", "--config", str(self.file))
            self.command = ("caddy", "run", "--adapter", "caddyfile", "--config", str(self.file))

    def checked(self) -> tuple[int, str]:
        """What the program says of its file."""
        done = subprocess.run(self.check, env=self._environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def running(self) -> Iterator[None]:
        """While it answers."""
        with (self.folder / "printed").open("w") as printed:
            process = subprocess.Popen(self.command, env=self._environment, stdout=printed, stderr=subprocess.STDOUT)
            try:
                eventually(self._accepts, within=20)
                yield
            finally:
                process.terminate()
                process.wait(scaled(20))

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{os.environ['PATH']}:{SYSTEM}", "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}

    def _accepts(self) -> bool:
        with suppress(OSError), closing(connect(self.port)):
            return True
        return False


def is_ended(line: socket.socket) -> bool:
    """Whether the other side has ended this connection."""
    line.settimeout(0)
    try:
        while line.recv(4096):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        pass
    return True


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with these changes, each of which must concern something."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the file"
        text = text.replace(old, new)
    return text


def connect(port: int, *, tls: bool = True, buffer: int = 0) -> socket.socket:
    """A connection to a proxy, or without TLS to a server."""
    line = socket.socket()
    if buffer:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    line.settimeout(scaled(20))
    try:
        line.connect(("127.0.0.1", port))
        return trusting().wrap_socket(line, server_hostname=HOST) if tls else line
    except OSError:
        line.close()
        raise


@cache
def trusting() -> ssl.SSLContext:
    """For a certificate that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for HOST that it signs itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "studio.pem", folder / "studio.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths
