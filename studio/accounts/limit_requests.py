"""Middleware: counts requests that are limited whatever they say, and answers 429 to whoever is over a limit."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from studio.accounts import known_browsers, rate_limits, security_log
from studio.accounts.models import User
from studio.web.too_many_requests import TooManyRequests, refuse

# By the name of the address: what is counted for each POST of anybody ...
POSTS = {
    "account_reset_password": "reset_password",
    "account_reset_password_from_key": "reset_password_from_key",
    "account_change_password": "change_password",
    "share_open": "share_password",
    "share_decide": "share_decide",
    "share_comment": "share_comment",
}
# ... and of people who are signed in ...
OWN_POSTS = {
    "people": "invitations",
    "person_link": "invitations",
    "member_add": "invitations",
    "member_link": "invitations",
    "credits_ask": "credit_requests",
}
# ... and for each GET of theirs: pages that give a file, and those that search where the address has a text to search for.
DOWNLOADS = {
    "clip_download",
    "clip_titled",
    "clip_notes",
    "project_notes",
    "bundle_file",
    "audit_export",
    "prompts_export",
    "statement_team",
    "statement_person",
    "statement_project",
}
SEARCHES = {"gallery", "gallery_all", "found", "prompts", "library_picker", "clip_people", "credits_people", "credits_find", "credits_ledger"}
SAFE = {"GET", "HEAD", "OPTIONS"}


class RequestLimits:
    """Counts before the view, and turns TooManyRequests of any view into the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and have the browser of whoever just signed in remember it."""
        response = self._get_response(request)
        signed_in = getattr(request, "just_signed_in", None)
        if isinstance(signed_in, User):
            known_browsers.remember(request, response, signed_in)
        return response

    def process_view(self, request: HttpRequest, _view: Callable[..., Any], _args: tuple[Any, ...], kwargs: dict[str, Any]) -> HttpResponse | None:
        """Return the refusal, or None to let the view answer."""
        name = str(request.resolver_match and request.resolver_match.url_name)
        person = request.user if isinstance(request.user, User) else None
        try:
            if person and (limit := _own_limit(request, name)):
                rate_limits.spend_own(person, limit)
        except TooManyRequests as refusal:
            return _refused(request, refusal)
        action = POSTS.get(name) if request.method not in SAFE else None
        if action is None:
            return None
        seconds = rate_limits.spend(request, action, key=str(kwargs.get("token", "")), person=person)
        return _refused(request, TooManyRequests(seconds, limit=action)) if seconds else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the refusal for a view that raised TooManyRequests."""
        return _refused(request, exception) if isinstance(exception, TooManyRequests) else None


def _refused(request: HttpRequest, refusal: TooManyRequests) -> HttpResponse:
    """Return the 429, and log it."""
    security_log.failed(request, "throttled", limit=refusal.limit, seconds=refusal.seconds)
    return refuse(request, refusal)


def _own_limit(request: HttpRequest, name: str) -> str | None:
    """Which of settings.LIMITS a request of somebody who is signed in counts for."""
    if request.method not in SAFE:
        return OWN_POSTS.get(name)
    if name in SEARCHES and request.GET.get("q", "").strip():
        return "searches"
    is_continued = request.headers.get("Range", "bytes=0-") != "bytes=0-"
    return "downloads" if name in DOWNLOADS and request.method == "GET" and not is_continued else None


def note_sign_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Have the answer remember this browser. Receives Django's `user_logged_in`."""
    request.just_signed_in = user  # type: ignore[attr-defined]
