"""What each connection makes of a brief."""

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from studio.providers.contract import Brief, Operation
from studio.providers.registry import PROVIDERS, capabilities_of
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


def test_a_connection_offers_what_its_dialect_has(db: None):
    march = Connection.objects.create(provider="ttapi", label="TTAPI", dialect="march-2026")
    found = option(replace(BRIEF, duration=20, resolution="720p"), march)
    assert found.models == capabilities_of("ttapi", "march-2026")
    assert (found.brief.model, found.possible) == ("", True)
    assert set(option(BRIEF, march).reasons) == {"duration"}


def test_a_connection_whose_dialect_this_version_does_not_know_takes_no_orders(five: list[Connection]):
    Connection.objects.filter(provider="ttapi").update(dialect="of-the-future")
    assert {connection.provider for connection in enabled()} == {"grokimagine", "acedata", "comet", "xai"}


def test_an_edit_is_asked_for_without_the_options_that_its_clip_decides(five: list[Connection]):
    edit = replace(BRIEF, operation=Operation.EDIT, video=STORED, video_seconds=8.0)
    by_provider = {one.connection.provider: one for one in options(edit, five)}
    assert {provider for provider, one in by_provider.items() if one.possible} == {"comet", "xai"}
    assert all(set(by_provider[provider].reasons) == {"operation"} for provider in ("ttapi", "grokimagine", "acedata"))
    asked = by_provider["xai"].brief
    assert (asked.aspect_ratio, asked.duration, asked.resolution, asked.video) == ("", None, "", "data:")


def test_an_extension_keeps_the_length_of_the_part_that_it_adds(five: list[Connection]):
    extension = replace(BRIEF, operation=Operation.EXTEND, video=STORED, video_seconds=8.0)
    by_provider = {one.connection.provider: one for one in options(extension, five)}
    assert [provider for provider, one in by_provider.items() if one.possible] == ["xai"]
    assert (by_provider["xai"].brief.duration, by_provider["xai"].brief.resolution) == (8, "")


def test_a_wish_for_sound_is_left_out_where_it_is_no_option_and_a_wish_for_silence_is_not(five: list[Connection]):
    loud = {one.connection.provider: one for one in options(replace(BRIEF, sound=True), five)}
    assert {provider: one.brief.sound for provider, one in loud.items()} == {provider: True if provider == "xai" else None for provider in PROVIDERS}
    assert all(one.possible for one in loud.values())
    silent = options(replace(BRIEF, sound=False), five)
    assert [one.connection.provider for one in silent if one.possible] == ["xai"]
    assert all(set(one.reasons) == {"sound"} for one in silent if not one.possible)


@pytest.mark.parametrize("on", [True, False])
def test_connections_to_the_sandbox_take_orders_only_while_it_is_on(on: bool, five: list[Connection], settings: Settings):
    settings.SANDBOX = on
    Connection.objects.filter(pk=five[0].pk).update(sandbox=True)
    assert (five[0] in enabled()) is on
    assert five[1] in enabled()
