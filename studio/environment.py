"""Readers of settings: each takes the name of one without STUDIO_, and gives its value in the form in which the code uses it.

A wrong value raises ImproperlyConfigured with the setting's name and what it takes. Addresses that may hold a password are never repeated. Lists and
addresses are read as people write them: spaces, capitals, letters beyond ASCII, a slash at the end.
"""

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Collection
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from redis.connection import parse_url

from studio import disk, file_modes
from studio.host_names import bracketed, host_name, is_literal
from studio.providers import proxies, trust
from studio.providers.guard import NEVER
from studio.rates import Rate, parse_rates

MOST_PORT = 65535
LISTED = re.compile(r"[,\s]+")  # what stands between the entries of a list
READ = {"STUDIO_SECRET_KEY", "STUDIO_FIELD_KEYS", trust.OURS}  # settings that are read here, as soon as they are, and those that are read elsewhere
LARGEST_FILE = 65_536  # bytes
ALIKE = 0.8  # of two names, or more
DATABASES = ("sqlite", "postgres", "postgresql")


def text(name: str, default: str = "") -> str:
    """The setting as written, or as it stands in the file that STUDIO_…_FILE names, without surrounding space.

    An empty one is one that is not there: compose files hand on what nobody has set.
    """
    READ.add(f"STUDIO_{name}")
    value, file = os.environ.get(f"STUDIO_{name}", "").strip(), os.environ.get(f"STUDIO_{name}_FILE", "").strip()
    if value and file:
        raise ImproperlyConfigured(f"STUDIO_{name} and STUDIO_{name}_FILE are both set. Leave one of them out.")
    return (_content(f"STUDIO_{name}_FILE", Path(file)) if file else value) or default


def _content(name: str, file: Path) -> str:
    """What stands in the file of a setting. Complaints repeat none of it."""
    try:
        with file.open("rb") as opened:
            read = opened.read(LARGEST_FILE + 1)
        value = read.decode().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name} is {str(file)!r}, which cannot be read: {error.strerror}.") from error
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {str(file)!r}, which holds no text in UTF-8.") from None
    if len(read) > LARGEST_FILE or "\0" in value:
        raise ImproperlyConfigured(f"{name} is {str(file)!r}, which holds more than a setting.")
    if not value:
        raise ImproperlyConfigured(f"{name} is {str(file)!r}, which is empty.")
    return value


def unread() -> dict[str, str]:
    """Names in the environment that are meant for us and that nothing reads, each with the setting that was probably meant, or ""."""
    names = sorted(name for name in os.environ if name.startswith("STUDIO_") and not {name, name.removesuffix("_FILE")} & READ)
    return {name: next(iter(get_close_matches(name, READ, 1, ALIKE)), "") for name in names}


def line(name: str, default: str, *, longest: int) -> str:
    """A line of at most so many characters, which people read."""
    value = text(name, default)
    if not value or len(value) > longest or not value.isprintable():
        raise _wrong(name, value, f"one line of at most {longest} characters")
    return value


def token(name: str, default: str) -> str:
    """A name for machines: letters, digits, dots, dashes and underscores."""
    value = text(name, default)
    if not re.fullmatch(r"[\w.-]{1,80}", value, re.ASCII):
        raise _wrong(name, value, "a name of at most 80 letters, digits, dots and dashes")
    return value


def flag(name: str, *, default: bool) -> bool:
    """A switch: 1, true, yes, on or 0, false, no, off."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise _wrong(name, value, "1 or 0")


def number(name: str, default: float | str, *, least: float, most: float) -> float:
    """A number within its range."""
    written = text(name, str(default))
    try:
        value = float(written)
    except ValueError as error:
        raise _wrong(name, written, "a number") from error
    if not least <= value <= most:
        raise ImproperlyConfigured(f"STUDIO_{name} is {value:g}; it takes {least:g} to {most:g}.")
    return value


def whole(name: str, default: int | str, *, least: int, most: int) -> int:
    """A whole number within its range."""
    value = number(name, default, least=least, most=most)
    if value != int(value):
        raise _wrong(name, text(name, str(default)), "a whole number")
    return int(value)


def rates(name: str, default: str) -> tuple[Rate, ...]:
    """How often something may be done, such as `30/h, 200/d`; `off` for no limit."""
    value = text(name, default)
    try:
        return () if value.lower() == "off" else parse_rates(value)
    except ValueError as error:
        raise _wrong(name, value, "rates such as 30/m or 100/h, 1000/d, or off") from error


def choice(name: str, default: str, among: Collection[str]) -> str:
    """One of these words, in any capitalisation."""
    value = text(name, default)
    if value.upper() not in among:
        raise _wrong(name, value, f"one of {', '.join(among)}")
    return value.upper()


def time_zone(name: str, default: str) -> str:
    """The name of a time zone that this machine knows."""
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder, such as Europe
        raise _wrong(name, value, "a time zone such as Europe/Berlin or UTC") from error
    return value


def folder(name: str, default: Path) -> Path:
    """The absolute path of a folder, which need not exist yet."""
    path = Path(text(name) or default).resolve()
    if disk.is_there(path) and not path.is_dir():
        raise _wrong(name, str(path), "a folder, and this is none")
    return path


def made_folder(name: str, default: Path) -> Path:
    """The same, made if it is not there yet. One that may not be written is taken: `doctor` says so."""
    path = folder(name, default)
    try:
        path.mkdir(parents=True, exist_ok=True)
        next(path.iterdir(), None)
        if not os.access(path, os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    except OSError as error:
        trouble = disk.trouble_of(error)
        why = disk.explained(trouble, [path]) if trouble else f"{error.strerror}."
        raise ImproperlyConfigured(f"STUDIO_{name} is {str(path)!r}, which cannot be used. {why}") from error
    return path


def group(name: str) -> int | None:
    """The number of a group of this machine, given by its name or number, to which we may give files; None where the setting is empty."""
    value = text(name)
    if not value:
        return None
    found = file_modes.group_id(value)
    if found is None:
        raise _wrong(name, value, "the name or number of a group of this machine")
    if not file_modes.may_use(found):
        raise ImproperlyConfigured(
            f"STUDIO_{name} is {value!r}, and the studio's user is no member of that group. Add it: usermod -a -G {value} USER"
        )
    return found


def mailbox(name: str, default: str) -> str:
    """An e-mail address."""
    value = text(name, default)
    if value != default:
        _check_mailbox(name, value, value)
    return value


def sender(name: str, default: str) -> str:
    """An e-mail address, alone or as in `Studio <studio@example.org>`."""
    value = text(name, default)
    if value != default:
        _check_mailbox(name, value, parseaddr(value)[1])
    return value


def url(name: str, *, schemes: tuple[str, ...]) -> SplitResult | None:
    """An address with one of the schemes, in parts; None where the setting is empty."""
    value = text(name)
    if not value:
        return None
    try:
        parts = urlsplit(value)
        _ = parts.hostname, "," in parts.netloc or parts.port  # raise where they cannot be read; several hosts are for the driver to read
    except ValueError as error:
        raise ImproperlyConfigured(f"STUDIO_{name} cannot be read: its host or port is wrong. Write @ / : in a password as %40 %2F %3A.") from error
    if parts.scheme not in schemes:
        raise ImproperlyConfigured(f"STUDIO_{name} must start with one of {', '.join(f'{scheme}:' for scheme in schemes)}.")
    return parts


def site(name: str, default: str = "") -> str:
    """The address of a server over http or https, without a path: scheme, host and port. Empty where the setting is."""
    parts = url(name, schemes=("http", "https"))
    if parts is None:
        return default
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"STUDIO_{name} takes scheme, host and port alone, such as https://studio.example.org.")
    if parts.path.strip("/"):
        raise ImproperlyConfigured(
            f"STUDIO_{name} has the path {parts.path!r}, and the studio only works at the root of a host, such as https://studio.example.org."
        )
    host = host_name(parts.hostname or "")
    if not host:
        raise _wrong(name, text(name), "the address of a server, such as https://studio.example.org")
    port = "" if parts.port in {None, {"http": 80, "https": 443}[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{bracketed(host)}{port}"


def host_of(address: str) -> str:
    """The host of a site, as Django's ALLOWED_HOSTS has it."""
    return bracketed(urlsplit(address).hostname or "")


def hosts(name: str) -> list[str]:
    """Host names that may be asked for, as Django's ALLOWED_HOSTS has them: `*` and a leading dot for what is below are allowed."""
    return [_allowed_host(name, entry) for entry in LISTED.split(text(name)) if entry]


def domains(name: str) -> frozenset[str]:
    """Domains of e-mail addresses, separated by commas: example.org, team.example.org. Each is meant exactly, without those below it."""
    value = text(name)
    found = [entry.strip().lower() for entry in value.split(",") if entry.strip()]
    for entry in found:
        if not re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62}", entry):
            raise _wrong(name, value, "domains of e-mail addresses, such as example.org, separated by commas")
    return frozenset(found)


def private_hosts(name: str) -> frozenset[str]:
    """Hosts of one's own network, each alone or with a port, and ranges of addresses such as 198.18.0.0/15."""
    return frozenset(_private_host(name, entry) for entry in LISTED.split(text(name)) if entry)


def listening(name: str, default: str) -> str:
    """An address of this machine, without brackets and port."""
    value = text(name, default)
    host = value.removeprefix("[").removesuffix("]")
    found = host_name(host) if value in {host, f"[{host}]"} else ""
    if found and not is_literal(found):
        try:
            socket.getaddrinfo(found, None)
        except OSError:
            found = ""
    if not found:
        raise _wrong(name, value, "an address of this machine, such as 127.0.0.1 or [::], without a port: that is STUDIO_PORT")
    return found


def database(name: str, default: Path, *, password: str = "") -> dict[str, Any]:
    """What Django's DATABASES takes of it: ENGINE, NAME, and for PostgreSQL the rest. `password` is for an address that has none."""
    parts = url(name, schemes=DATABASES)
    _refuse_second_password(name, parts if parts and parts.scheme != "sqlite" else None, password)
    if parts is None:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default)}
    if parts.scheme == "sqlite":
        path = Path(parts.path[1:])
        if parts.netloc or not path.is_absolute() or (disk.is_there(path) and path.is_dir()):
            raise ImproperlyConfigured(f"STUDIO_{name} names no file. It looks like sqlite:////srv/studio.sqlite3, with four slashes.")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    if not parts.path.strip("/"):
        raise ImproperlyConfigured(f"STUDIO_{name} names no database. It looks like postgres://user:password@host:5432/name.")
    found = dict(environ.Env.db_url_config(text(name)))
    return {**found, "PASSWORD": password} if password else found


def broker(name: str, *, password: str = "") -> str:
    """The address of a Redis, or an empty string. `password` is for an address that has none."""
    parts = url(name, schemes=("redis", "rediss"))
    _refuse_second_password(name, parts, password)
    if parts is None:
        return ""
    try:
        parse_url(text(name))  # type: ignore[no-untyped-call]  # redis has none
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"STUDIO_{name} cannot be read. It looks like redis://host:6379/0.") from error
    if not parts.hostname or not re.fullmatch(r"/?\d*/?", parts.path):
        raise ImproperlyConfigured(f"STUDIO_{name} names no host or no database. It looks like redis://host:6379/0.")
    address = text(name).rstrip("/")
    if not password:
        return address
    user, host = quote(unquote(parts.username or ""), safe=""), parts.netloc.rpartition("@")[2]
    return address.replace(parts.netloc, f"{user}:{quote(password, safe='')}@{host}", 1)


def email(name: str) -> dict[str, Any]:
    """Django's EMAIL_ settings, and none where the setting is empty."""
    schemes = tuple(environ.Env.EMAIL_SCHEMES)
    parts = url(name, schemes=schemes)
    if parts is None:
        return {}
    if parts.scheme.startswith("smtp") and not parts.hostname:
        raise ImproperlyConfigured(f"STUDIO_{name} names no server. It looks like smtp+tls://user:password@mail.example.org:587.")
    return dict(environ.Env.email_url_config(text(name)))


def check_network() -> bool:
    """Whether the environment names certificates to believe. Raises for a proxy or a file that cannot be used."""
    try:
        for scheme in proxies.DEFAULT_PORTS:
            proxies.named(scheme)
        trust.context()
    except (proxies.WrongProxy, trust.WrongBundle) as error:
        raise ImproperlyConfigured(str(error)) from error
    return bool(trust.bundles())


def _refuse_second_password(name: str, parts: SplitResult | None, password: str) -> None:
    """Raise ImproperlyConfigured for a password that has no server, or a server that has two."""
    extra = name.replace("_URL", "_PASSWORD")
    if password and parts is None:
        raise ImproperlyConfigured(f"STUDIO_{extra} needs a server in STUDIO_{name} that asks for it.")
    if password and parts is not None and parts.password:
        raise ImproperlyConfigured(f"STUDIO_{extra} is set, and STUDIO_{name} holds a password too. Leave one of them out.")


def _private_host(name: str, entry: str) -> str:
    """One entry: `gateway.lan`, `gateway.lan:8080`, `[fd00::1]:8080` or `10.0.0.0/8`; also as an address of a page."""
    try:
        network = ipaddress.ip_network(entry, strict=False) if re.fullmatch(r"[0-9a-fA-F.:]+/\d+", entry) else None
        parts = urlsplit(entry if "://" in entry else f"//{f'[{entry}]' if entry.count(':') > 1 and '[' not in entry else entry}")
        host, port = host_name(parts.hostname or ""), parts.port
    except ValueError:
        network, host, port, parts = None, "", None, SplitResult("", "", "", "", "")
    if network is not None:
        return _range(name, network)
    if not host or parts.path.strip("/") or parts.query or parts.username or parts.scheme not in {"", "http", "https"}:
        raise _wrong(name, entry, "hosts such as gateway.lan or gateway.lan:8080, and ranges such as 198.18.0.0/15, with commas between them")
    return bracketed(host) + (f":{port}" if port else "")


def _range(name: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    if network.prefixlen == 0:
        raise _wrong(name, str(network), "ranges of your own network, and this is every address")
    if any(network.version == never.version and network.subnet_of(never) for never in NEVER):  # type: ignore[arg-type]  # of one version
        raise _wrong(name, str(network), "no range that is never asked: machines keep their credentials at such addresses")
    return str(network)


def _allowed_host(name: str, entry: str) -> str:
    """One entry of ALLOWED_HOSTS, also where the address of a page was given."""
    if entry == "*":
        return entry
    try:
        parts = urlsplit(entry if "://" in entry else f"//{f'[{entry}]' if entry.count(':') > 1 and '[' not in entry else entry}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), "", None
    dot = "." if host.startswith(".") else ""
    found = host_name(host[len(dot) :])
    if not found or port or parts.path.strip("/") or parts.query or parts.username:
        raise _wrong(name, entry, "host names such as studio.example.org, without port and path, with commas between them")
    return f"{dot}{bracketed(found)}"


def _check_mailbox(name: str, value: str, address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise _wrong(name, value, "an e-mail address") from error
    if not value.isprintable():
        raise _wrong(name, value, "an e-mail address")


def _wrong(name: str, value: str, takes: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"STUDIO_{name} is {value!r}; it takes {takes}.")
