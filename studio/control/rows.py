"""Connections as their page lists them."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from studio.control.connections import address
from studio.routing.models import Connection


@dataclass(frozen=True, slots=True)
class Row:
    """One connection. `resting_until` is when its provider may be asked again, None where it may be asked now."""

    connection: Connection
    address: str
    resting_until: datetime | None

    @property
    def state(self) -> str:
        """`off`, `resting` or `on`."""
        if not self.connection.enabled:
            return "off"
        return "resting" if self.resting_until else "on"


def listed() -> list[Row]:
    """All connections, real ones first. One query."""
    now = timezone.now()
    return [Row(row, address(row), row.not_before if row.is_waiting(now) else None) for row in Connection.objects.all()]
