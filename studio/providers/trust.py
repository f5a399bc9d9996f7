"""Which certificates are believed: the public authorities, and those of the files that the environment names.

A company whose proxy looks into TLS, or whose gateway has a certificate of its own authority, names that authority's file in STUDIO_CA_BUNDLE.
SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, which other programs know, count too. They add to the public authorities.
"""

import functools
import os
import ssl
import stat
from pathlib import Path

import httpx

OURS = "STUDIO_CA_BUNDLE"
VARIABLES = (OURS, "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
FOR_OPERATORS = "If a proxy or an authority of your own signs certificates here, name the authority's file in STUDIO_CA_BUNDLE."


BEGINNING = b"-----BEGIN CERTIFICATE-----"


class WrongBundle(ValueError):
    """A variable names no certificates. Its text has the variable's name."""


def bundles() -> tuple[tuple[str, str], ...]:
    """The variables that the environment has, each with its path; SSL_CERT_DIR with each of its folders that are there."""
    named = [(name, path) for name in VARIABLES if (path := os.environ.get(name, "").strip())]
    return tuple((name, one) for name, path in named for one in (_folders(path) if name == "SSL_CERT_DIR" else [path]))


def context() -> ssl.SSLContext:
    """What a connection is checked with. Raises WrongBundle."""
    return _context(bundles())


def write(file: Path) -> None:
    """Write all that are believed into one file, for libraries that take a file alone."""
    authorities = context().get_ca_certs(binary_form=True)
    file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, authorities)))


@functools.lru_cache(maxsize=4)
def _context(paths: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    """Loaded once: a context for each pool would cost memory and time."""
    trusted = httpx.create_ssl_context(trust_env=False)
    for name, path in paths:
        _load(trusted, name, path)
    return trusted


def _folders(path: str) -> list[str]:
    """A list of folders as OpenSSL takes it, without those that are not there; as it is, where none is."""
    return [one for one in path.split(os.pathsep) if one and Path(one).is_dir()] or [path]


def _load(trusted: ssl.SSLContext, name: str, path: str) -> None:
    try:
        files = _files(Path(path))
    except FileNotFoundError as error:
        raise WrongBundle(f"{name} is {path!r}, which is not there. It takes a file of certificates (PEM), or a folder of them.") from error
    except OSError as error:
        raise WrongBundle(f"{name} is {path!r}, which cannot be read: {error.strerror}. It takes a file of certificates (PEM).") from error
    try:
        for file in files:
            trusted.load_verify_locations(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise WrongBundle(f"{name} is {path!r}, which holds no certificates that can be read. It takes a file of certificates (PEM).") from error
    if not files and name == OURS:  # other programs take an empty folder
        raise WrongBundle(f"{name} is {path!r}, which holds no certificates that can be read. It takes files of certificates (PEM).")


def _files(path: Path) -> list[Path]:
    """The file, or those of a folder with certificates in them. OpenSSL itself would only see those whose names are made from a hash."""
    if not stat.S_ISDIR(path.stat().st_mode):
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and BEGINNING in file.read_bytes())
