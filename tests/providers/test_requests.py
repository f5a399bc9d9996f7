"""The exact request that each provider is sent: path, headers, names and types of all fields."""

import json
from typing import Any

import pytest

from studio.providers.contract import Brief
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import opening

ONE = ("https://studio.example/a.png",)
TWO = (*ONE, "https://studio.example/b.png")
HOOK = "https://studio.example/hooks/1/token"
FULL = Brief(prompt="a calm sea", aspect_ratio="9:16", duration=12, resolution="720p", model="a-model", mode="fun", images=TWO)


def sent(kind: str, brief: Brief, callback_url: str = "") -> dict[str, Any]:
    """The fields of a submission, as they go over the wire."""
    fields: dict[str, Any] = json.loads(opening(make(kind, "key-of-alice").submit(brief, callback_url=callback_url)).content)
    return fields


def test_ttapi_is_sent_strings_and_its_own_names():
    assert sent("ttapi", FULL, HOOK) == {
        "prompt": "a calm sea",
        "model": "a-model",
        "aspect_ratio": "9:16",
        "video_length": "12",
        "resolution_name": "720p",
        "refer_images": list(TWO),
        "hook_url": HOOK,
    }


def test_grokimagine_is_sent_a_list_of_images_and_no_field_that_it_does_not_have():
    assert sent("grokimagine", FULL, HOOK) == {"mode": "fun", "prompt": "a calm sea", "images": list(TWO), "ratio": "9:16"}


def test_acedata_is_always_asked_asynchronously():
    assert sent("acedata", FULL, HOOK) == {
        "prompt": "a calm sea",
        "model": "a-model",
        "reference_image_urls": list(TWO),
        "aspect_ratio": "9:16",
        "resolution": "720p",
        "duration": 12,
        "callback_url": HOOK,
        "async": True,
    }


def test_acedata_gets_one_image_as_the_picture_to_animate():
    wanted = sent("acedata", Brief(prompt="a calm sea", images=ONE))

    assert wanted["image_url"] == ONE[0]
    assert "reference_image_urls" not in wanted


def test_acedata_gets_an_image_url_for_the_model_that_insists_on_one():
    wanted = sent("acedata", Brief(prompt="a calm sea", model="grok-imagine-video-1.5:official", images=TWO))

    assert (wanted["image_url"], wanted["reference_image_urls"]) == (TWO[0], [TWO[1]])


def test_comet_is_sent_one_image_as_an_object():
    wanted = sent("comet", Brief(prompt="a calm sea", aspect_ratio="9:16", duration=12, resolution="720p", model="a-model", images=ONE), HOOK)

    assert wanted == {
        "prompt": "a calm sea",
        "model": "a-model",
        "duration": 12,
        "aspect_ratio": "9:16",
        "resolution": "720p",
        "image": {"url": ONE[0]},
    }


def test_xai_is_sent_several_images_as_references():
    assert sent("xai", FULL, HOOK) == {
        "prompt": "a calm sea",
        "model": "a-model",
        "aspect_ratio": "9:16",
        "duration": 12,
        "resolution": "720p",
        "reference_images": [{"url": TWO[0]}, {"url": TWO[1]}],
    }


def test_xai_is_sent_one_image_as_the_picture_to_animate():
    wanted = sent("xai", Brief(prompt="", images=("data:image/png;base64,AAAA",)))

    assert wanted == {"duration": 8, "image": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("ttapi", {"prompt": "x", "video_length": "10"}),
        ("grokimagine", {"prompt": "x"}),
        ("acedata", {"prompt": "x", "duration": 6, "async": True}),
        ("comet", {"prompt": "x", "duration": 8}),
        ("xai", {"prompt": "x", "duration": 8}),
    ],
)
def test_the_length_is_always_said_because_it_decides_the_price(kind, wanted):
    assert sent(kind, Brief(prompt="x")) == wanted


@pytest.mark.parametrize(
    ("kind", "url", "key"),
    [
        ("ttapi", "https://api.ttapi.io/grok/generations", ("TT-API-KEY", "key-of-alice")),
        ("grokimagine", "https://grokimagineapi.com/v1/generate", ("Authorization", "Bearer key-of-alice")),
        ("acedata", "https://api.acedata.cloud/grok/videos", ("Authorization", "Bearer key-of-alice")),
        ("comet", "https://api.cometapi.com/grok/v1/videos/generations", ("Authorization", "Bearer key-of-alice")),
        ("xai", "https://api.x.ai/v1/videos/generations", ("Authorization", "Bearer key-of-alice")),
    ],
)
def test_a_submission_goes_to_the_documented_path_with_the_key_in_the_documented_header(kind, url, key):
    request = opening(make(kind, "key-of-alice").submit(Brief(prompt="x")))

    assert (request.method, str(request.url)) == ("POST", url)
    assert request.headers[key[0]] == key[1]
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("kind", "method", "url", "body"),
    [
        ("ttapi", "GET", "https://api.ttapi.io/grok/fetch?jobId=job%2F1", b""),
        ("grokimagine", "GET", "https://grokimagineapi.com/v1/status?task_id=job%2F1", b""),
        ("acedata", "POST", "https://api.acedata.cloud/grok/tasks", b'{"id":"job/1","action":"retrieve"}'),
        ("comet", "GET", "https://api.cometapi.com/grok/v1/videos/job%2F1", b""),
        ("xai", "GET", "https://api.x.ai/v1/videos/job%2F1", b""),
    ],
)
def test_a_look_asks_for_one_job(kind, method, url, body):
    request = opening(make(kind, "key-of-alice").check("job/1"))

    assert (request.method, str(request.url), request.content) == (method, url, body)
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_base_url_of_our_own_is_used_without_its_last_slash(kind):
    request = opening(make(kind, "key-of-alice", "http://127.0.0.1:8000/sandbox/").submit(Brief(prompt="x")))

    assert str(request.url).startswith("http://127.0.0.1:8000/sandbox/")
    assert "sandbox//" not in str(request.url)
