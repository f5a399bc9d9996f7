"""The cache that all processes share, in the database. Values are JSON: whoever can write to its table makes nobody run anything."""

import json
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import transaction
from django.db.models import Q

from studio.shared_state.models import CachedValue

MOST = 10_000  # values; beyond it those that expire first are deleted


class SharedCache(BaseCache):
    """A cache backend of Django's. It raises the database's errors instead of hiding them, so that nobody takes a full disk for a key that is there."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        """Take the options of CACHES; there is one table, so its location means nothing."""
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or `default` where there is none or it has expired."""
        found = self._living().filter(pk=self.make_and_validate_key(key, version=version)).first()
        return json.loads(found.value) if found else default

    def set(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Keep the value. Raises TypeError for one that is not JSON."""
        name = self.make_and_validate_key(key, version=version)
        CachedValue.objects.update_or_create(pk=name, defaults={"value": json.dumps(value), "expires_at": self._expiry(timeout)})
        self._cull()

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Whether the key was not there and is now."""
        name = self.make_and_validate_key(key, version=version)
        text, expires_at = json.dumps(value), self._expiry(timeout)
        with transaction.atomic():
            CachedValue.objects.filter(pk=name, expires_at__lte=int(time.time())).delete()
            CachedValue.objects.bulk_create([CachedValue(pk=name, value="", expires_at=0)], ignore_conflicts=True)
            return bool(CachedValue.objects.filter(pk=name, expires_at=0).update(value=text, expires_at=expires_at))

    def touch(self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Whether the key is there; it expires later now."""
        return bool(self._living().filter(pk=self.make_and_validate_key(key, version=version)).update(expires_at=self._expiry(timeout)))

    def delete(self, key: str, version: int | None = None) -> bool:
        """Whether the key was there."""
        return bool(CachedValue.objects.filter(pk=self.make_and_validate_key(key, version=version)).delete()[0])

    def clear(self) -> None:
        """Delete everything."""
        CachedValue.objects.all().delete()

    def _living(self) -> Any:
        return CachedValue.objects.filter(Q(expires_at=None) | Q(expires_at__gt=int(time.time())))

    def _expiry(self, timeout: float | None) -> int | None:
        at = self.get_backend_timeout(timeout)
        return None if at is None else max(1, int(at))

    def _cull(self) -> None:
        over = CachedValue.objects.count() - MOST
        if over > 0:
            oldest = CachedValue.objects.exclude(expires_at=None).order_by("expires_at").values("pk")[:over]
            CachedValue.objects.filter(pk__in=list(oldest.values_list("pk", flat=True))).delete()


def delete_expired() -> None:
    """Delete what has expired. Run by the worker."""
    CachedValue.objects.filter(expires_at__lte=int(time.time())).delete()
