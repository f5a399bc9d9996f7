"""Each provider is found by its key, and its capabilities say truly what can be asked."""

from dataclasses import replace
from typing import Any

import pytest

from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS, Batches, Brief, Capability, Lists, Operation, TellsBalance
from studio.providers.fitting import why_not
from studio.providers.registry import PROVIDERS, capabilities_of, capability, make, usage_unit_of

REPORTED = {"ttapi": "quota", "grokimagine": "consumed_credits", "acedata": "", "comet": "cost_in_usd_ticks", "xai": "cost_in_usd_ticks"}
EVERY_MODEL = [can for kind in PROVIDERS.values() for dialect in kind.dialects.values() for can in dialect.capabilities]


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


def test_an_unknown_dialect_fails_loudly():
    for ask in (
        lambda: make("xai", "key-of-alice", dialect="v1"),
        lambda: capabilities_of("ttapi", "v1"),
        lambda: capability("acedata", "", "march-2026"),
        lambda: usage_unit_of("comet", "v1"),
    ):
        with pytest.raises(KeyError):
            ask()


def test_documents_that_disagree_are_dialects_and_the_newest_comes_first():
    assert {key: list(kind.dialects) for key, kind in PROVIDERS.items()} == {
        "ttapi": ["", "march-2026", "xai-shaped"],
        "grokimagine": [""],
        "acedata": ["", "interim", "v1"],
        "comet": [""],
        "xai": [""],
    }
    for kind in PROVIDERS.values():
        assert kind.capabilities == capabilities_of(kind.key) == kind.dialects[""].capabilities
        assert all(dialect.key == key and dialect.label and dialect.capabilities for key, dialect in kind.dialects.items())


@pytest.mark.parametrize(
    ("kind", "dialect", "models"),
    [
        ("ttapi", "", {"grok-imagine-1.0-video": (1, 30), "grok-imagine-video-1.5-preview": (1, 15)}),
        ("ttapi", "march-2026", {"": (10, 30)}),
        ("ttapi", "xai-shaped", {"grok-imagine-video": (1, 15)}),
        ("acedata", "interim", {"grok-imagine-video-1.5-fast": (6, 30), "grok-imagine-video-1.5": (1, 15)}),
        ("acedata", "v1", {"grok-imagine-video": (1, 15), "grok-imagine-video-1.5-preview": (1, 15)}),
    ],
)
def test_a_dialect_has_its_own_models_and_lengths(kind, dialect, models):
    assert {can.model: can.durations for can in capabilities_of(kind, dialect)} == models


def test_older_dialects_have_fewer_resolutions_and_the_second_route_a_unit_of_its_own():
    assert {can.resolutions for can in capabilities_of("ttapi", "march-2026")} == {("720p",)}
    assert {can.resolutions for can in capabilities_of("acedata", "v1")} == {("480p", "720p")}
    assert [usage_unit_of("ttapi", dialect) for dialect in ("", "march-2026", "xai-shaped")] == ["quota", "quota", "cost_in_usd_tocks"]


def test_what_a_provider_can_do_besides_is_seen_from_its_access():
    besides: dict[str, type] = {"many": Batches, "list": Lists, "balance": TellsBalance}
    found = {key: {word for word, protocol in besides.items() if isinstance(make(key, "key-of-alice"), protocol)} for key in PROVIDERS}

    assert found == {"ttapi": set(), "grokimagine": set(), "acedata": {"many", "list"}, "comet": {"balance"}, "xai": set()}


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_capability_is_found_by_its_model_and_the_first_is_the_default(kind):
    models = PROVIDERS[kind].capabilities

    assert [capability(kind, can.model) for can in models] == list(models)
    assert capability(kind) == models[0]
    assert capability(kind, "grok-5") is None


@pytest.mark.parametrize("can", EVERY_MODEL, ids=lambda can: can.label)
def test_a_capability_speaks_the_words_of_a_brief(can):
    assert set(can.aspect_ratios) <= set(ASPECT_RATIOS)
    assert set(can.resolutions) <= set(RESOLUTIONS)
    assert can.images[0] <= can.images[1]


@pytest.mark.parametrize("can", EVERY_MODEL, ids=lambda can: can.label)
def test_a_brief_made_from_a_capability_can_be_done(can):
    assert why_not(can, brief_for(can)) == {}


def test_xais_newest_model_takes_seven_references_for_fifteen_seconds():
    can = capability("xai", "grok-imagine-video-1.5")
    assert can is not None
    seven = replace(brief_for(can), images=("https://a",) * 7, duration=15, resolution="720p")

    assert why_not(can, seven) == {}
    assert why_not(can, replace(seven, resolution="1080p", images=("https://a",))) == {}


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
        (
            *("xai", "grok-imagine-video-1.5-lite", {"resolution": ""}, "resolution"),
            "Grok Imagine 1.5 lite makes 480p, 720p and 1080p, not an unnamed resolution.",
        ),
        (
            *("xai", "grok-imagine-video-1.5", {"resolution": "1080p", "images": ("https://a", "https://b")}, "resolution"),
            "Grok Imagine 1.5 makes 480p and 720p from several reference images, not 1080p.",
        ),
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


EDIT = {"operation": Operation.EDIT, "video": "https://studio.example/a.mp4", "video_seconds": 8.0}
EXTENSION = {**EDIT, "operation": Operation.EXTEND, "duration": 6}


@pytest.mark.parametrize(
    ("kind", "model", "change"),
    [
        ("xai", "", EDIT),
        ("xai", "", {**EDIT, "aspect_ratio": "9:21", "resolution": "4k", "duration": 99, "mode": "quiet"}),  # the clip decides all of these
        ("xai", "", {**EDIT, "video": "data:video/mp4;base64,AA"}),
        ("comet", "", EDIT),
        ("xai", "", EXTENSION),
        ("xai", "", {**EXTENSION, "video_seconds": 15.04}),  # ordered at 15 s, and a frame longer
        ("xai", "", {**EXTENSION, "video_seconds": 1.96}),
        ("xai", "", {**EXTENSION, "video_seconds": 15.0, "duration": 10, "aspect_ratio": "", "resolution": ""}),
        ("xai", "", {"sound": False}),
        ("ttapi", "", {"sound": True}),
    ],
)
def test_a_clip_that_can_be_changed_stands_in_nobodys_way(kind, model, change):
    can = capability(kind, model)
    assert can is not None

    assert why_not(can, replace(brief_for(can), **change)) == {}


@pytest.mark.parametrize(
    ("kind", "model", "change", "field", "reason"),
    [
        ("ttapi", "", EDIT, "operation", "Grok Imagine 1.0 does not edit clips."),
        ("xai", "grok-imagine-video-1.5", EDIT, "operation", "Grok Imagine 1.5 does not edit clips."),
        ("comet", "", EXTENSION, "operation", "Grok Imagine does not extend clips."),
        ("xai", "", {**EDIT, "video": ""}, "video", "Grok Imagine needs a clip to edit."),
        ("xai", "", {**EXTENSION, "video": ""}, "video", "Grok Imagine needs a clip to extend."),
        ("xai", "", {**EDIT, "video_seconds": 8.75}, "video", "Grok Imagine edits clips up to 8.7 s; this one has 8.75 s."),
        ("xai", "", {**EXTENSION, "video_seconds": 1.9}, "video", "Grok Imagine extends clips of 2 to 15 s; this one has 1.9 s."),
        ("xai", "", {**EXTENSION, "video_seconds": 15.1}, "video", "Grok Imagine extends clips of 2 to 15 s; this one has 15.1 s."),
        ("xai", "", {**EXTENSION, "duration": 1}, "duration", "Grok Imagine adds 2 to 10 s, not 1 s."),
        ("xai", "", {**EXTENSION, "duration": 11}, "duration", "Grok Imagine adds 2 to 10 s, not 11 s."),
        ("xai", "", {**EXTENSION, "duration": None}, "duration", "Grok Imagine adds 2 to 10 s, not 0 s."),
        ("xai", "", {**EDIT, "images": ("https://a",)}, "images", "Grok Imagine takes no reference images when it edits a clip."),
        ("xai", "", {**EDIT, "prompt": "x" * 4097}, "prompt", "Grok Imagine takes at most 4,096 characters; this has 4,097."),
        ("xai", "", {**EDIT, "sound": False}, "sound", "Grok Imagine can be asked for silence in new clips only."),
        ("comet", "", {"sound": False}, "sound", "Grok Imagine cannot be asked for a clip without sound."),
    ],
)
def test_a_change_that_cannot_be_made_is_told_why(kind, model, change, field, reason):
    can = capability(kind, model)
    assert can is not None

    assert why_not(can, replace(brief_for(can), **change)) == {field: reason}


@pytest.mark.parametrize(
    ("change", "troubles"),
    [
        ({"duration": 1, "video_seconds": 15.04}, {}),
        ({"duration": 10, "video_seconds": 2.0, "video": "data:video/mp4;base64,AA"}, {}),
        ({"duration": 11}, {"duration": "Grok Imagine adds 1 to 10 s, not 11 s."}),
        ({"video_seconds": 15.1}, {"video": "Grok Imagine extends clips of 2 to 15 s; this one has 15.1 s."}),
        ({"operation": Operation.EDIT}, {"operation": "Grok Imagine does not edit clips."}),
    ],
)
def test_ttapis_official_route_extends_clips_and_edits_none(change, troubles):
    can = capability("ttapi", "grok-imagine-video", "xai-shaped")
    assert can is not None

    assert why_not(can, replace(brief_for(can), **(EXTENSION | change))) == troubles


def test_ttapis_official_route_takes_a_clip_inside_the_request_and_no_picture():
    can = capability("ttapi", "grok-imagine-video", "xai-shaped")

    assert can is not None
    assert (can.video_data_urls, can.data_urls) == (True, False)


def test_a_clip_inside_the_request_is_told_to_be_no_way_where_it_is_none():
    can = Capability(model="any", label="Any model", edits_up_to=8.7)

    reason = "Any model fetches the clip itself, and this installation has no public address to fetch it from."
    assert why_not(can, Brief(prompt="x", operation=Operation.EDIT, video="data:video/mp4;base64,AA", video_seconds=2)) == {"video": reason}


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


def test_who_bills_what_its_filter_refuses_and_reports_nothing_is_written_down():
    found = {
        (kind.key, dialect.key, can.model)
        for kind in PROVIDERS.values()
        for dialect in kind.dialects.values()
        for can in dialect.capabilities
        if can.charges_refusals
    }
    assert found == {
        ("acedata", "", "grok-imagine-video:official"),
        ("acedata", "", "grok-imagine-video-1.5:official"),
        ("ttapi", "xai-shaped", "grok-imagine-video"),
    }


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
