"""Sessions in the database, which a full disk leaves as they are, and which may end while a request is answered."""

import logging

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from studio import disk

log = logging.getLogger(__name__)


class SessionStore(DatabaseSessions):
    """Django's, except that reading goes on while the disk takes nothing.

    Django then answers that somebody signed out (400). What a session learns on the way, such as the last project, can be forgotten; signing in needs a
    new row, and is refused with the database's own error.
    """

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Keep what changed, if our disk takes it."""
        try:
            super().save(must_create=must_create)
        except UpdateError as error:
            if disk.trouble_of(error) is None:
                raise
            log.warning("a session could not be kept", exc_info=True)


class Sessions(SessionMiddleware):
    """Django's, except that what was asked is answered, though the person signed out elsewhere meanwhile.

    Django then says 400, of an order that was placed too. The next request is refused as every one without a session (sessions.py). No cookie is set: a
    sign-in elsewhere may have given the browser another one.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer, with the session kept if it is still there."""
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            log.info("somebody signed out while a request of theirs was answered")
            return response
