"""Sessions in the database, which a full disk leaves as they are."""

import logging

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

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
