"""The cache that all processes share, in the database. Counters of sign-in throttling are kept in it."""

from contextlib import suppress
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import DatabaseError, IntegrityError, connections, router, transaction


class SharedCache(DatabaseCache):
    """Django's, except that `add` raises the database's error instead of saying that the key was there already.

    Throttling takes a key that is there for somebody else's turn, and refuses: people whose studio had a full disk were told that they had tried too often.
    """

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Whether the key was not there and is now. Raises DatabaseError where that could not be written."""
        database = router.db_for_write(self.cache_model_class)
        failed: list[DatabaseError] = []

        def noted(execute: Any, *words: Any) -> Any:
            try:
                return execute(*words)
            except DatabaseError as error:
                failed.append(error)
                raise

        # Of its own transaction Django swallows the errors, at its commit too: this one around it moves the commit out here.
        with transaction.atomic(using=database), connections[database].execute_wrapper(noted):
            added = bool(super().add(key, value, timeout, version))
            with suppress(IndexError):
                if not isinstance(failed[0], IntegrityError):  # that is another process that was quicker
                    raise failed[0]
        return added
