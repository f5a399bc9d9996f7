"""When a session ends: STUDIO_SESSION_DAYS after its sign-in, or after STUDIO_SESSION_IDLE_HOURS without use. Knows no tables of ours."""

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from studio.accounts.session_store import SessionStore
from studio.web.htmx import is_fetched

SIGNED_IN_AT, USED_AT = "signed_in_at", "used_at"  # keys of a session; seconds since 1970
NOTED_EVERY = 3600  # seconds between two notes of use: each is a write


def is_over(session: SessionBase) -> bool:
    """Whether this session is too old or was not used for too long. One that was begun before its age was kept starts now."""
    now = int(time.time())
    signed_in_at: int = session.setdefault(SIGNED_IN_AT, now)
    used_at: int = session.get(USED_AT, signed_in_at)
    return bool(now - signed_in_at >= settings.SESSION_COOKIE_AGE or now - used_at >= settings.SESSION_IDLE.total_seconds())


def note_use(request: HttpRequest) -> None:
    """Note that a person uses the session. Open pages ask for news by themselves: that is not use."""
    if request.method in {"GET", "HEAD"} and is_fetched(request):
        return
    now = int(time.time())
    if now - request.session.get(USED_AT, 0) >= min(NOTED_EVERY, settings.SESSION_IDLE.total_seconds() / 2):
        request.session[USED_AT] = now


def note_sign_in(request: HttpRequest, **_signal: Any) -> None:
    """Start the clocks of a session. Receives Django's `user_logged_in`."""
    request.session[SIGNED_IN_AT] = request.session[USED_AT] = int(time.time())


def delete_expired() -> None:
    """Delete the rows of sessions that ended. Run by the worker once a day."""
    SessionStore.clear_expired()
