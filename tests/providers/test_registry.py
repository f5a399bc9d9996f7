"""Each provider is found by its key, and its capabilities say truly what can be asked."""

from typing import Any

import pytest

from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS, Brief, Capability, why_not
from studio.providers.registry import PROVIDERS, capability, make

REPORTED = {"ttapi": "quota", "grokimagine": "consumed_credits", "acedata": "", "comet": "cost_in_usd_ticks", "xai": "cost_in_usd_ticks"}


def test_the_five_providers_are_shown_by_their_names():
    assert {key: kind.name for key, kind in PROVIDERS.items()} == {
        "ttapi": "TTAPI",
        "grokimagine": "GrokImagine",
        "acedata": "AceData",
        "comet": "CometAPI",
        "xai": "xAI",
    }
    assert {key: kind.usage_unit for key, kind in PROVIDERS.items()} == REPORTED


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_connection_without_a_base_url_goes_to_the_providers_own_address(kind):
    assert make(kind, "key-of-alice").base_url == PROVIDERS[kind].base_url
    assert make(kind, "key-of-alice", "https://gateway.example/").base_url == "https://gateway.example"


def test_an_unknown_provider_fails_loudly():
    with pytest.raises(KeyError):
        make("grok5imagine", "key-of-alice")


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_capability_is_found_by_its_model_and_the_first_is_the_default(kind):
    models = PROVIDERS[kind].capabilities

    assert [capability(kind, can.model) for can in models] == list(models)
    assert capability(kind) == models[0]
    assert capability(kind, "grok-5") is None


@pytest.mark.parametrize("can", [can for kind in PROVIDERS.values() for can in kind.capabilities], ids=lambda can: can.label)
def test_a_capability_speaks_the_words_of_a_brief(can):
    assert set(can.aspect_ratios) <= set(ASPECT_RATIOS)
    assert set(can.resolutions) <= set(RESOLUTIONS)
    assert can.images[0] <= can.images[1]


@pytest.mark.parametrize("can", [can for kind in PROVIDERS.values() for can in kind.capabilities], ids=lambda can: can.label)
def test_a_brief_made_from_a_capability_can_be_done(can):
    assert why_not(can, brief_for(can)) == {}


@pytest.mark.parametrize(
    ("kind", "model", "change", "field", "reason"),
    [
        ("xai", "", {"prompt": "x" * 4097}, "prompt", "Grok Imagine takes at most 4,096 characters; this has 4,097."),
        ("ttapi", "", {"aspect_ratio": "4:3"}, "aspect_ratio", "Grok Imagine 1.0 makes 16:9, 9:16, 1:1, 3:2 and 2:3, not 4:3."),
        ("xai", "", {"duration": 16}, "duration", "Grok Imagine makes 1 to 15 s, not 16 s."),
        ("xai", "", {"duration": None}, "duration", "Grok Imagine makes 1 to 15 s, not 0 s."),
        (
            "xai",
            "",
            {"duration": 11, "images": ("https://a", "https://b")},
            "duration",
            "Grok Imagine makes at most 10 s from several reference images, not 11 s.",
        ),
        ("xai", "", {"resolution": "1080p"}, "resolution", "Grok Imagine makes 480p and 720p, not 1080p."),
        ("xai", "grok-imagine-video-1.5-lite", {"resolution": ""}, "resolution", "Grok Imagine 1.5 lite makes 480p, not an unnamed resolution."),
        ("grokimagine", "", {"mode": "quiet"}, "mode", "Grok Imagine knows the modes fun, normal and spicy, not quiet."),
        ("comet", "grok-imagine-video-1.5", {"images": ()}, "images", "Grok Imagine 1.5 needs exactly 1 reference image; this has 0."),
        ("comet", "", {"images": ("https://a", "https://b")}, "images", "Grok Imagine takes at most 1 reference image; this has 2."),
        (
            *("ttapi", "", {"images": ("data:image/png;base64,AA",)}, "images"),
            "Grok Imagine 1.0 fetches reference images itself, and this installation has no public address to fetch them from.",
        ),
    ],
)
def test_a_brief_that_cannot_be_done_is_told_why(kind, model, change, field, reason):
    can = capability(kind, model)
    assert can is not None
    wanted = {**brief_fields(can), **change}

    assert why_not(can, Brief(**wanted)) == {field: reason}


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ((0, 0), "Any model takes no reference images; this has 1."),
        ((2, 4), "Any model needs at least 2 reference images; this has 1."),
        ((2, 2), "Any model needs exactly 2 reference images; this has 1."),
    ],
)
def test_a_wrong_number_of_images_is_told_in_words(wanted, reason):
    can = Capability(model="any", label="Any model", images=wanted)

    assert why_not(can, Brief(prompt="a calm sea", images=("https://a",))) == {"images": reason}


def brief_fields(can: Capability) -> dict[str, Any]:
    return {
        "prompt": "a calm sea",
        "aspect_ratio": next(iter(can.aspect_ratios), ""),
        "duration": can.durations[0] if can.durations else None,
        "resolution": next(iter(can.resolutions), ""),
        "model": can.model,
        "mode": next(iter(can.modes), ""),
        "images": ("https://studio.example/a.png",) * can.images[0],
    }


def brief_for(can: Capability) -> Brief:
    return Brief(**brief_fields(can))
