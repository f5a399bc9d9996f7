"""How many bytes of a body each address takes, and from whom. Decided before anything reads it: the CSRF check is the first that does.

    nobody signed in      a small form, and never a file; a guest's comment is longer
    a person              a form; a file only at the addresses of FILES
    programs              what the view takes; the sandbox takes images only from callers that have the key of one of its connections

The refusal is a 413 that says the limit. The server applies the same limits while it receives (receiving.py).
"""

from collections.abc import Callable, Iterator, Mapping
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.deprecation import MiddlewareMixin

from studio.accounts import session_age
from studio.accounts.session_store import SessionStore
from studio.jobs import batch_sheet, callbacks, references, rescue
from studio.jobs.uploads import without_files
from studio.jobs.wanted import MOST_REFERENCES
from studio.prompts import carrying
from studio.routing.models import Connection, KeyUnreadable
from studio.sandbox.intake import LARGEST_REQUEST
from studio.web.csp_reports import LARGEST as LARGEST_REPORT
from studio.web.htmx import is_fetched, varied

MEGABYTE = 1_000_000
SMALL = 64 * 1024  # bytes of a form of somebody who is not signed in
FORM = 2_621_440  # bytes of a person's form: Django's own limit for its fields
# By the name of the address: what programs may send, what guests may send, and the files that people may send besides a form. A file that is a
# little larger gets a sentence beside its field.
PROGRAMS = {"csp_report": LARGEST_REPORT, "hook": callbacks.LARGEST}
GUESTS = {"share_comment": 256 * 1024}
FILES = {
    "batch_sheet": batch_sheet.MOST_BYTES,
    "job_upload": rescue.MOST_UPLOADED,
    "order": MOST_REFERENCES * references.MOST_BYTES,
    "prompts_import": carrying.MOST_BYTES,
    "reference_add": references.MOST_BYTES,
}
LARGEST = max(FILES.values()) + FORM
SANDBOX, OF_ADMINS = "sandbox/", {"sandbox", "sandbox_fault"}


class BodyLimits(MiddlewareMixin):
    """Before the CSRF check, which reads the form."""

    def process_view(
        self, request: HttpRequest, _view: Callable[..., Any], _arguments: tuple[Any, ...], _named: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Return the refusal, or None to let the view answer."""
        limit = limit_of(request)
        if declared(request.META) > limit:
            return too_large(request, limit)
        if not takes_files(request):
            without_files(request)
        return None


def limit_of(request: HttpRequest) -> int:
    """Bytes of a body that the address of this request takes from whoever sends it."""
    match = request.resolver_match
    name = (match.url_name if match else None) or ""
    if match and match.route.startswith(SANDBOX) and name not in OF_ADMINS:
        return LARGEST_REQUEST if declared(request.META) <= SMALL or has_sandbox_key(request) else SMALL
    if name in PROGRAMS:
        return PROGRAMS[name]
    if request.user.is_authenticated:
        return FORM + FILES.get(name, 0)
    return GUESTS.get(name, SMALL)


def limit_for(environ: Mapping[str, Any]) -> int:
    """Bytes of a body that whoever sent this head may send: asked by the server before it receives a large one."""
    request = WSGIRequest(dict(environ))
    close_old_connections()
    try:
        request.resolver_match = resolve(request.path_info)
        request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        request.user = AnonymousUser() if session_age.is_over(request.session) else get_user(request)
        return limit_of(request)
    except Resolver404:
        return SMALL
    finally:
        close_old_connections()


def takes_files(request: HttpRequest) -> bool:
    """Whether whoever sends this may send files to this address."""
    name = request.resolver_match.url_name if request.resolver_match else None
    return name in FILES and request.user.is_authenticated


def declared(environ: Mapping[str, Any]) -> int:
    """The body's bytes as the request declares them; 0 for none. Django reads no further than this."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    return int(length[:20]) if length.isascii() and length.isdecimal() else 0


def has_sandbox_key(request: HttpRequest) -> bool:
    """Whether this caller sends the key of a connection that leads to the sandbox."""
    sent = (request.headers.get("Authorization", "").partition(" ")[2], request.headers.get("TT-API-KEY", ""))
    return any(compare_digest(key, one.strip().encode()) for key in _sandbox_keys() for one in sent)


def _sandbox_keys() -> Iterator[bytes]:
    for row in Connection.objects.filter(sandbox=True).exclude(key_encrypted=""):
        try:
            yield row.key.encode()
        except KeyUnreadable:  # doctor names it
            continue


def too_large(request: HttpRequest, limit: int) -> HttpResponse:
    """Return the 413 of a body that was not read: a sentence for scripts and programs, a page for everybody else. Ends the connection."""
    sentence = f"That is too large: this address takes at most {in_words(limit)}."
    if not request.user.is_authenticated and request.resolver_match and request.resolver_match.url_name in FILES:
        sentence += " Sign in to send files."
    if is_fetched(request) or "text/html" not in request.headers.get("Accept", "text/html"):
        answer = HttpResponse(sentence, content_type="text/plain; charset=utf-8")
    else:
        answer = render(request, "413.html", {"sentence": sentence})
    answer.status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    answer.headers["Studio-Limit"] = in_words(limit)
    return varied(answer)


def in_words(size: int) -> str:
    """A number of bytes in KB or MB, rounded down."""
    return f"{size // MEGABYTE} MB" if size >= MEGABYTE else f"{size // 1_000} KB"
