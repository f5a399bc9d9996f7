"""How far charges drift from estimates, by connection."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import caches
from django.db import connection
from django.utils import timezone

from studio.control import drift
from studio.jobs.models import Attempt, Job
from studio.routing.models import Connection
from tests.conftest import signed_in

C = 1_000


@pytest.fixture
def ended(alice, tide, xai):
    """Makes ended attempts: how many, at which charge for an estimate of 100."""
    made = [0]

    def make(
        number: int, charged: int, *, usage: str = "", unit: str = "", ago: int = 0, guessed: bool = False, price: str = "book 2026-11-20"
    ) -> None:
        for _ in range(number):
            made[0] += 1
            job = Job.objects.create(project=tide, number=made[0], author=alice, connection=xai, prompt="A tide", state="done", due=None)
            at = timezone.now() - timedelta(days=ago)
            row = Attempt(job=job, connection=xai, ended_at=at, outcome="done", price=price, estimate=100 * C, charged=charged * C)
            row.charge_is_estimate = guessed
            row.usage_amount, row.usage_unit = usage, unit
            row.save()

    return make


@pytest.mark.parametrize(
    ("number", "charged", "percent", "off"), [(20, 121, 21, True), (20, 120, 20, False), (20, 79, -21, True), (19, 300, 200, False)]
)
def test_a_connection_is_marked_when_it_is_far_off_with_enough_charges(ended, number, charged, percent, off):
    ended(number, charged)

    [row] = drift.rows(30)

    assert (row.samples, row.percent, row.is_off) == (number, percent, off)


def test_charges_that_are_only_their_estimate_say_nothing(ended):
    ended(30, 100, guessed=True)

    [row] = drift.rows(30)

    assert (row.samples, row.guessed, row.percent) == (0, 30, None)


def test_reported_figures_are_added_up_exactly_by_unit(ended):
    ended(3, 100, usage="0.1", unit="credits")
    ended(1, 100, usage="12345678901234567890.5", unit="credits")
    ended(2, 100, usage="n/a", unit="credits")
    ended(1, 100, usage="500000", unit="usd_ticks")

    [row] = drift.rows(30)

    assert [(usage.unit, usage.text, usage.reports, usage.unreadable) for usage in row.usage] == [
        ("credits", "12345678901234567890.8", 4, 2),
        ("usd_ticks", "500000", 1, 0),
    ]


@pytest.mark.parametrize("text", ["", "n/a", "NaN", "Infinity", "1" * 50, "1e999", "１２x"])
def test_what_is_no_figure_is_not_added_up(text):
    assert drift.amount_of(text) is None


def test_a_figure_is_read_exactly():
    assert drift.amount_of("0.30000000000000004") == Decimal("0.30000000000000004")


def test_only_the_days_of_the_period_count(ended, ada):
    ended(20, 150, ago=60)
    browser = signed_in(ada)

    assert browser.get("/connections/drift/").context["rows"][0].samples == 0
    assert browser.get("/connections/drift/?days=90").context["rows"][0].is_off
    assert browser.get("/connections/drift/?days=9999").context["days"] == 30


def test_an_installation_without_connections_has_a_page(ada):
    assert b"Nothing is connected yet" in signed_in(ada).get("/connections/drift/").content


def test_the_page_costs_the_same_queries_at_any_length(ended, django_assert_num_queries):
    ended(30, 130, usage="1.5", unit="credits")

    with django_assert_num_queries(3):
        drift.rows(90)


# The warning in the control room


def room(user) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", signed_in(user).get("/control/").content.decode()).split())


@pytest.mark.parametrize(
    ("number", "charged", "sentence"),
    [
        (20, 121, "xAI sandbox charges 21 % above its estimates, in 20 orders of the last 7 days. People pay more than they were told."),
        (20, 79, "xAI sandbox charges 21 % below its estimates, in 20 orders of the last 7 days. More is held from people than it costs."),
        (20, 120, ""),
        (19, 300, ""),
    ],
)
def test_the_control_room_warns_of_a_connection_that_is_far_off_with_enough_charges(ended, ada, working, number, charged, sentence):
    ended(number, charged)

    page = room(ada)

    assert (sentence or "All is well") in page
    assert ("charges" in page) is bool(sentence)
    assert ("/connections/drift/?days=7" in signed_in(ada).get("/control/").content.decode()) is bool(sentence)


def test_the_least_that_is_held_at_an_unknown_price_is_no_estimate_to_be_far_off(ended, ada, working):
    ended(30, 8, price="")
    assert "its estimates" not in room(ada)


def test_what_was_off_more_than_a_week_ago_or_at_a_connection_that_is_off_is_no_warning(ended, ada, working, xai):
    ended(30, 300, ago=8)
    assert "its estimates" not in room(ada)
    ended(30, 300)
    caches["local"].clear()
    assert "its estimates" in room(ada)
    Connection.objects.update(enabled=False)
    assert "its estimates" not in room(ada)


def test_the_warning_is_asked_for_once_a_minute_however_much_there_is(ended, xai, django_assert_num_queries):
    ended(25, 200)
    with django_assert_num_queries(1):
        [row] = drift.off_lately([xai])
        assert drift.off_lately([xai]) == [row]
    assert (row.percent, row.samples) == (100, 25)


def test_the_link_of_the_warning_shows_the_same_week(ended, ada):
    ended(20, 200)
    ended(200, 100, ago=20)

    [row] = signed_in(ada).get("/connections/drift/?days=7").context["rows"]

    assert (row.samples, row.percent, row.is_off) == (20, 100, True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is told in SQLite's words")
def test_what_ended_long_ago_is_not_looked_through(db: None):
    plan = Attempt.objects.filter(ended_at__gte=timezone.now() - timedelta(days=drift.LATELY)).explain()

    assert "attempts_by_end" in plan
