"""What would make a connection possible, and for how much: shown beside the reason why it is not."""

from dataclasses import replace

import pytest

from studio.providers.contract import Brief, Operation
from studio.routing.choice import NO_TRACKS, Option, option
from studio.routing.models import Connection
from studio.routing.openings import Opening, opening

BRIEF = Brief(prompt="A bottle", aspect_ratio="16:9", duration=8, resolution="720p")


def shut_at(provider: str, brief: Brief) -> Option:
    return option(brief, Connection(provider=provider, label=provider, pk=1), rules=[])


def opens(provider: str, brief: Brief) -> Opening | None:
    shut = shut_at(provider, brief)
    assert not shut.possible
    return opening(brief, shut, rules=[], tracks=NO_TRACKS)


@pytest.mark.parametrize(
    ("provider", "brief", "words", "values"),
    [
        ("xai", replace(BRIEF, duration=20), "at 15 s", {"duration": "15"}),
        ("ttapi", replace(BRIEF, resolution="1080p"), "in 720p", {"resolution": "720p"}),
        ("xai", replace(BRIEF, prompt="x" * 5_000), "with at most 4,096 characters", {}),
        ("xai", replace(BRIEF, duration=20, prompt="x" * 5_000), "with at most 4,096 characters and at 15 s", {}),
    ],
)
def test_the_nearest_value_is_named_with_what_the_form_would_hold(provider: str, brief: Brief, words: str, values: dict[str, str]):
    found = opens(provider, brief)
    assert found is not None
    assert (found.words, found.values) == (words, values)
    assert found.option.possible


def test_the_price_is_that_of_the_changed_brief():
    found = opens("xai", replace(BRIEF, duration=20))
    assert found is not None
    assert found.option.millicredits == shut_at("xai", replace(BRIEF, duration=15)).millicredits
    assert found.option.millicredits < shut_at("xai", replace(BRIEF, duration=20)).millicredits


def test_images_that_a_provider_cannot_fetch_are_left_out_and_missing_ones_asked_for():
    too_many = replace(BRIEF, images=tuple(f"https://example.org/{number}.png" for number in range(30)))
    for provider in ("xai", "ttapi", "acedata", "comet", "grokimagine"):
        shut = shut_at(provider, too_many)
        found = opening(too_many, shut, rules=[])
        assert found is None or "reference image" in found.words or "with " in found.words
        assert found is None or len(found.option.brief.images) < 30


def test_an_edit_where_none_is_offered_is_opened_by_nothing():
    assert opens("ttapi", replace(BRIEF, operation=Operation.EDIT, video="https://example.org/a.mp4", video_seconds=6)) is None
