"""What each connection makes of a brief."""

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from studio.providers.contract import Brief
from studio.providers.registry import PROVIDERS
from studio.routing.choice import STORED, as_sent, enabled, fit, option, options, suited, usual_mode
from studio.routing.models import Connection

BRIEF = Brief(prompt="A bottle", aspect_ratio="16:9", duration=8, resolution="720p", model="grok-imagine-video")


@pytest.fixture
def five(db: None) -> list[Connection]:
    return [Connection.objects.create(provider=provider, label=provider) for provider in PROVIDERS]


def test_every_connection_answers_with_a_price_and_a_usual_time(five: list[Connection]):
    found = options(BRIEF, five)
    assert [one.connection for one in found] == five
    assert all(one.possible and one.quote.millicredits > 0 and one.usual_seconds > 0 for one in found)


def test_a_connection_that_cannot_do_it_says_why_by_field(five: list[Connection]):
    by_provider = {one.connection.provider: one for one in options(replace(BRIEF, duration=20, prompt="x" * 4_097), five)}
    assert set(by_provider["xai"].reasons) == {"duration", "prompt"}
    assert "not 20 s" in by_provider["xai"].why_not
    assert by_provider["ttapi"].possible
    assert by_provider["grokimagine"].possible


def test_a_field_that_a_model_has_no_option_for_is_left_out(five: list[Connection]):
    asked = next(one for one in options(BRIEF, five) if one.connection.provider == "grokimagine").brief
    assert (asked.duration, asked.resolution, asked.mode) == (None, "", "normal")
    assert asked.aspect_ratio == "16:9"


def test_the_named_model_is_kept_even_where_it_cannot_do_it():
    models = PROVIDERS["xai"].capabilities
    brief = replace(BRIEF, resolution="1080p")
    assert suited(brief, models).model == "grok-imagine-video"
    assert suited(replace(brief, model="of-another-provider"), models).model == "grok-imagine-video-1.5"


def test_the_mode_that_was_chosen_is_kept():
    can = PROVIDERS["grokimagine"].capabilities[0]
    assert fit(replace(BRIEF, mode="fun"), can).mode == "fun"
    assert usual_mode(replace_modes(("fast", "slow"))) == "fast"
    assert usual_mode(replace_modes(())) == ""


def replace_modes(modes: tuple[str, ...]):
    return replace(PROVIDERS["grokimagine"].capabilities[0], modes=modes)


def test_a_kept_image_travels_inside_the_request_unless_providers_can_reach_us(db: None, settings: Settings):
    brief = replace(BRIEF, images=(STORED, "https://elsewhere.example/a.png"))
    assert as_sent(brief, reachable=False).images == ("data:", "https://elsewhere.example/a.png")
    acedata = Connection.objects.create(provider="acedata", label="AceData")
    with_image = replace(brief, model="grok-imagine-video", images=(STORED,))
    assert "images" in option(with_image, acedata).reasons
    settings.PUBLIC_URL = "https://studio.example.org"
    assert option(with_image, acedata).possible
    settings.PUBLIC_URL = ""
    acedata.sandbox = True
    assert option(with_image, acedata).possible


def test_this_installations_own_times_count_more_than_a_prior(db: None):
    xai = Connection.objects.create(provider="xai", label="xAI")
    assert option(BRIEF, xai, usual=lambda *_: 42.0).usual_seconds == 42
    assert option(BRIEF, xai).usual_seconds == 150


def test_connections_that_are_off_or_of_no_known_provider_take_no_orders(five: list[Connection], django_assert_num_queries):
    Connection.objects.filter(provider="comet").update(enabled=False)
    Connection.objects.create(provider="gone", label="Gone")
    with django_assert_num_queries(1):
        found = enabled()
    assert {connection.provider for connection in found} == {"ttapi", "grokimagine", "acedata", "xai"}


def test_every_model_of_a_connection_is_offered(db: None):
    assert option(BRIEF, Connection.objects.create(provider="xai", label="xAI")).models == PROVIDERS["xai"].capabilities


@pytest.mark.parametrize("on", [True, False])
def test_connections_to_the_sandbox_take_orders_only_while_it_is_on(on: bool, five: list[Connection], settings: Settings):
    settings.SANDBOX = on
    Connection.objects.filter(pk=five[0].pk).update(sandbox=True)
    assert (five[0] in enabled()) is on
    assert five[1] in enabled()
