"""Which certificates are believed: the public authorities, and those of the files that the environment names.

A company whose proxy looks into TLS, or whose gateway has a certificate of its own authority, names that authority's file in STUDIO_CA_BUNDLE.
SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, which other programs know, count too. They add to the public authorities.
"""

import functools
import os
import ssl
from pathlib import Path

import httpx

VARIABLES = ("STUDIO_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
FOR_OPERATORS = "If a proxy or an authority of your own signs certificates here, name the authority's file in STUDIO_CA_BUNDLE."


class WrongBundle(ValueError):
    """A variable names no certificates. Its text has the variable's name."""


def bundles() -> tuple[tuple[str, str], ...]:
    """The variables that the environment has, each with its path."""
    return tuple((name, path) for name in VARIABLES if (path := os.environ.get(name, "").strip()))


def context() -> ssl.SSLContext:
    """What a connection is checked with. Raises WrongBundle."""
    return _context(bundles())


def write(file: Path) -> None:
    """Write all that are believed into one file, for libraries that take a file alone. What lies in folders stays out."""
    authorities = context().get_ca_certs(binary_form=True)
    file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, authorities)))


@functools.lru_cache(maxsize=4)
def _context(paths: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    """Loaded once: a context for each pool would cost memory and time."""
    trusted = httpx.create_ssl_context(trust_env=False)
    for name, path in paths:
        _load(trusted, name, path)
    return trusted


def _load(trusted: ssl.SSLContext, name: str, path: str) -> None:
    if not Path(path).exists():
        raise WrongBundle(f"{name} is {path!r}, which is not there. It takes a file of certificates (PEM), or a folder of them.")
    try:
        if Path(path).is_dir():
            trusted.load_verify_locations(capath=path)
        else:
            trusted.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise WrongBundle(f"{name} is {path!r}, which holds no certificates that can be read. It takes a file of certificates (PEM).") from error
