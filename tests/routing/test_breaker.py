"""What pauses an ill connection, and what lets it go on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.providers.contract import Cause
from studio.routing import breaker
from studio.routing.breaker import ENOUGH, LONGEST, SHORTEST, WHOLE, Standing, failed
from studio.routing.models import Breaker, Connection

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_few_failures_in_a_row_open_it_and_fewer_do_not():
    standing = Standing()
    for _ in range(ENOUGH - 1):
        standing = failed(standing, NOW, at_once=False)
        assert standing.open_until is None
    assert failed(standing, NOW, at_once=False).open_until == NOW + SHORTEST


def test_what_would_befall_every_order_opens_it_at_once():
    assert failed(Standing(), NOW, at_once=True).open_until == NOW + SHORTEST


def test_each_failed_try_doubles_the_pause_up_to_half_an_hour():
    standing, at, pauses = failed(Standing(), NOW, at_once=True), NOW, []
    for _ in range(8):
        assert standing.open_until is not None
        at = standing.open_until
        standing = failed(standing, at, at_once=False)
        assert standing.open_until is not None
        pauses.append(standing.open_until - at)
    assert pauses[:3] == [2 * SHORTEST, 4 * SHORTEST, 8 * SHORTEST]
    assert pauses[-1] == LONGEST


@given(st.lists(st.floats(0, 59), max_size=20))
def test_orders_that_were_on_their_way_do_not_make_a_pause_longer(seconds: list[float]):
    opened = failed(Standing(), NOW, at_once=True)
    standing = opened
    for second in seconds:
        standing = failed(standing, NOW + timedelta(seconds=second), at_once=False)
    assert standing.open_until == opened.open_until
    assert standing.trips == opened.trips


@pytest.mark.django_db
def test_a_success_closes_it_and_the_last_error_stays_to_be_read(xai: Connection):
    assert breaker.ill(xai, WHOLE, cause=Cause.WRONG_KEY, message="xAI: Incorrect API key")
    assert breaker.open_ones({xai.pk})[xai.pk, WHOLE].cause == Cause.WRONG_KEY
    assert breaker.well(xai, WHOLE)
    row = Breaker.objects.get()
    assert (breaker.open_ones({xai.pk}), row.failures, row.last_error) == ({}, 0, "xAI: Incorrect API key")


@pytest.mark.django_db
def test_a_model_and_its_connection_are_paused_apart(xai: Connection):
    for _ in range(ENOUGH):
        breaker.ill(xai, "grok-imagine-video", cause=Cause.PROVIDER_FAILED, message="Sorry")
    assert set(breaker.open_ones({xai.pk})) == {(xai.pk, "grok-imagine-video")}
    assert not breaker.well(xai, WHOLE)
    assert breaker.close_all(xai) == 1
