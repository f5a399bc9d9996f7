"""What every page about credits asks of its request first: who it is, and where a list goes on."""

from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from studio.accounts import door
from studio.accounts.models import User

DIGITS = 18  # of a BIGINT
SEARCH_LENGTH = 120


def manager(request: HttpRequest) -> User:
    """The person who is signed in, if they manage credits; PermissionDenied for anybody else."""
    user = door.person(request)
    if not user.manages_credits:
        raise PermissionDenied("Only credit managers and admins see everybody's credits.")
    return user


def cursor(request: HttpRequest, name: str) -> int | None:
    """Where a list goes on; None, its beginning, for an address that somebody edited."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def search(request: HttpRequest) -> str:
    """What is looked for, as the database can take it."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:SEARCH_LENGTH]


def wants_sheet(request: HttpRequest) -> bool:
    """Whether the page is asked for as a file."""
    return request.GET.get("as") == "csv"


def query(request: HttpRequest, **changed: str | None) -> str:
    """The page's own query with some words changed, or left out for None, ready to stand behind a question mark."""
    words = {name: value for name, value in request.GET.items() if value and name not in changed}
    return urlencode(words | {name: value for name, value in changed.items() if value is not None})
