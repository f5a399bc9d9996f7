"""The ledger of before limits: its rows learn what they were for, and what they come to."""

from importlib import import_module

from django.apps import apps
from django.db import connection
from django.utils import timezone

from studio.credits import ledger
from studio.credits.models import Account, Entry, Hold, Spending, Tally
from studio.jobs.models import Attempt
from tests.credits.conftest import SetClock
from tests.jobs.rows import job_row

C = 1_000
fill = import_module("studio.credits.migrations.0003_fill").fill
count_spending = import_module("studio.credits.migrations.0005_count_spending").fill


def test_old_rows_learn_day_project_and_provider_and_everything_is_counted(alice, bob, tide, xai, clock: SetClock, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    for user in (alice, bob):
        ledger.grant(user, 100 * C, key=user.email, reason="Start", actor=None)
    clock("2026-10-31 23:30")  # the first of November where the team is
    for user, end in ((alice, "settled"), (alice, "open"), (bob, "released")):
        reference = str(Attempt.objects.get(job=job_row(tide, user, xai)).pk)
        ledger.hold(user, 10 * C, reference=reference, reason="TIDE")
        if end != "open":
            ledger.settle(reference, 12 * C) if end == "settled" else ledger.release(reference)
    ledger.hold(bob, 1 * C, reference="no attempt")
    Hold.objects.update(day="2000-01-01", created_at=timezone.now())
    Account.objects.update(holding=0)
    for counted in (Tally, Spending):
        counted.objects.all().delete()

    fill(apps, connection.schema_editor())
    count_spending(apps, connection.schema_editor())

    assert ledger.verify() == []
    assert {str(day) for day in Hold.objects.values_list("day", flat=True)} == {"2026-11-01"}
    assert list(Hold.objects.order_by("pk").values_list("project__code", "provider")) == [("TIDE", "xai")] * 3 + [(None, "")]
    assert Entry.objects.values_list("project__code", "provider").get(kind="charge") == ("TIDE", "xai")
    assert sorted(Tally.objects.filter(project=tide).values_list("starts_on__year", "held", "spent")) == [(1, 10 * C, 12 * C), (2026, 10 * C, 12 * C)]
