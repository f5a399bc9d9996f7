"""The clock of the team, which tests move."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.utils import timezone

SetClock = Callable[[str], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set it: `clock("2026-11-30 23:59")` is that moment in UTC, and it stands still there."""

    def set_to(moment: str) -> None:
        monkeypatch.setattr(timezone, "now", lambda: datetime.fromisoformat(moment).replace(tzinfo=UTC))

    return set_to
