"""The installation's own secrets: from the environment, or made once on a person's own machine.

Outside local mode nothing is invented: a missing secret stops the start, because a key that changes at every start would
sign everybody out and make the provider keys unreadable.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from studio import disk
from studio.environment import text

MIN_LENGTH = 50


def secret_key(data_dir: Path, *, local: bool) -> str:
    """Django's signing key."""
    value = text("SECRET_KEY")
    if value and not local and (len(value) < MIN_LENGTH or len(set(value)) < 5):  # noqa: PLR2004 - Django's own bar
        raise ImproperlyConfigured(f"STUDIO_SECRET_KEY is too weak: use at least {MIN_LENGTH} random characters.")
    if value or not local:
        return value or _missing("STUDIO_SECRET_KEY", "at least 50 random characters")
    return _kept(data_dir / "secret_key", secrets.token_urlsafe(64))


def field_keys(data_dir: Path, *, local: bool) -> list[str]:
    """The keys that encrypt provider keys at rest, newest first; the first encrypts, all decrypt."""
    value = text("FIELD_KEYS")
    if not value:
        value = _kept(data_dir / "field_keys", Fernet.generate_key().decode()) if local else _missing("STUDIO_FIELD_KEYS", "one or more Fernet keys")
    keys = [key.strip() for key in value.split(",") if key.strip()] or [value]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured("STUDIO_FIELD_KEYS holds something that is not a Fernet key (32 bytes, url-safe base64).") from error
    return keys


def has_own_secrets(data_dir: Path) -> bool:
    """Whether this folder belongs to an installation on a person's own machine."""
    return (data_dir / "secret_key").exists()


def running_port(data_dir: Path) -> str:
    """The port on which this folder's installation listens now, or an empty string: `manage.py run` leaves it there while it runs."""
    try:
        return (data_dir / "port").read_text().strip()
    except FileNotFoundError:
        return ""


@contextmanager
def listening_on(data_dir: Path, port: int) -> Iterator[None]:
    """While this lasts, commands in this folder know the port without being told."""
    file = data_dir / "port"
    file.write_text(str(port))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _missing(name: str, what: str) -> str:
    raise ImproperlyConfigured(f"{name} is not set: give {what}. README.md says how to make one.")


def _kept(path: Path, fresh: str) -> str:
    """The text in the file, which is made with `fresh` and readable by its owner alone if it is not there yet."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode must hold from the start
            file.write(fresh)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        trouble = disk.trouble_of(error)
        why = disk.explained(trouble, [path.parent]) if trouble else f"{error.strerror}."
        raise ImproperlyConfigured(f"The secrets cannot be kept in STUDIO_DATA_DIR, which is {path.parent}. {why}") from error
    return fresh
