"""How long an order will take, learned from what its connection did."""

from dataclasses import replace

import pytest

from studio.jobs import timing
from studio.providers.contract import Brief
from studio.routing import track
from studio.routing.models import Connection, Track

BRIEF = Brief(prompt="A bottle", model="grok-imagine-video", duration=8, resolution="720p")
KIND = track.kind_of(BRIEF)

pytestmark = pytest.mark.django_db


def took(connection: Connection, *seconds: float, kind: str = KIND) -> None:
    for one in seconds:
        track.record(connection.pk, kind, track.Sample(1.0, track.DONE, seconds=one))


def test_without_a_history_the_sandbox_is_quick_and_a_real_provider_takes_what_its_documents_say(xai: Connection):
    usual = timing.usual_times([xai])
    assert usual(xai, BRIEF) == 6.0
    assert usual(Connection(provider="xai"), BRIEF) == 150
    assert usual(Connection(provider="gone"), BRIEF) == 90


def test_a_connections_own_history_is_believed(xai: Connection):
    took(xai, 70, 80, 90)
    assert timing.usual_times([xai])(xai, BRIEF) == 80


def test_a_new_kind_of_order_is_judged_by_the_model_until_it_has_a_history_of_its_own(xai: Connection):
    took(xai, 70, 80, 90)
    longer = replace(BRIEF, duration=15)
    assert timing.usual_times([xai])(xai, longer) == 80
    took(xai, 200, 210, 220, kind=track.kind_of(longer))
    assert timing.usual_times([xai], [longer])(xai, longer) == 210


def test_usual_times_cost_one_query_however_long_the_history(xai: Connection, django_assert_num_queries):
    took(xai, *range(60, 160))
    with django_assert_num_queries(1):
        usual = timing.usual_times([xai], [BRIEF])
        assert usual(xai, BRIEF) == 134.5
    assert all(len(row.samples) == track.KEPT for row in Track.objects.all())
