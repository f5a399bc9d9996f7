"""Connections as their page lists them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from studio.control.connections import address
from studio.routing.balance import is_told
from studio.routing.breaker import WHOLE, open_ones
from studio.routing.models import Connection


@dataclass(frozen=True, slots=True)
class Row:
    """One connection. `resting_until` is when its provider may be asked again, None where it may be asked now; `paused` names the models that are paused."""

    connection: Connection
    address: str
    resting_until: datetime | None
    paused: tuple[str, ...]
    tells_balance: bool

    @property
    def state(self) -> str:
        """`off`, `paused`, `partly` (models of it are paused), `resting` or `on`."""
        if not self.connection.enabled:
            return "off"
        if self.paused:
            return "paused" if WHOLE in self.paused else "partly"
        return "resting" if self.resting_until else "on"


def listed() -> list[Row]:
    """All connections, real ones first. Two queries."""
    now = timezone.now()
    connections = list(Connection.objects.all())
    paused: dict[int, tuple[str, ...]] = defaultdict(tuple)
    for connection_id, model in open_ones({row.pk for row in connections}):
        paused[connection_id] += (model,)
    return [
        Row(row, address(row), row.not_before if row.is_waiting(now) else None, paused[row.pk], tells_balance=is_told(row)) for row in connections
    ]
