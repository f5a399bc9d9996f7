"""The exact request that each provider is sent: path, headers, names and types of all fields."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from studio.providers.contract import Batches, Brief, Cause, Lists, Operation, Refused, TellsBalance
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import opening

ONE = ("https://studio.example/a.png",)
TWO = (*ONE, "https://studio.example/b.png")
HOOK = "https://studio.example/hooks/1/token"
FULL = Brief(prompt="a calm sea", aspect_ratio="9:16", duration=12, resolution="720p", model="a-model", mode="fun", images=TWO)
CLIP = "https://studio.example/a.mp4"
EDIT = replace(FULL, operation=Operation.EDIT, video=CLIP, video_seconds=8.0, images=())
EXTENSION = replace(EDIT, operation=Operation.EXTEND, duration=7)
EVERY_DIALECT = [(kind.key, dialect) for kind in PROVIDERS.values() for dialect in kind.dialects]


def sent(kind: str, brief: Brief, callback_url: str = "", *, reference: str = "", dialect: str = "") -> dict[str, Any]:
    """The fields of a submission, as they go over the wire."""
    flow = make(kind, "key-of-alice", dialect=dialect).submit(brief, callback_url=callback_url, reference=reference)
    fields: dict[str, Any] = json.loads(opening(flow).content)
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


def test_ttapi_by_its_pages_of_march_2026_is_sent_no_model():
    assert sent("ttapi", FULL, HOOK, dialect="march-2026") == {
        "prompt": "a calm sea",
        "aspect_ratio": "9:16",
        "video_length": "12",
        "resolution_name": "720p",
        "refer_images": list(TWO),
        "hook_url": HOOK,
    }


def test_ttapis_second_route_is_sent_xais_body_with_ttapis_key():
    wanted = {"prompt": "a calm sea", "model": "a-model", "aspect_ratio": "9:16", "duration": 12, "resolution": "720p", "image": {"url": ONE[0]}}
    assert sent("ttapi", replace(FULL, images=ONE), HOOK, dialect="xai-shaped") == wanted
    provider = make("ttapi", "key-of-alice", dialect="xai-shaped")
    asked, looked = opening(provider.submit(FULL)), opening(provider.check("job/1"))
    assert (asked.method, str(asked.url)) == ("POST", "https://api.ttapi.io/grok/v1/videos/generations")
    assert (looked.method, str(looked.url)) == ("GET", "https://api.ttapi.io/grok/v1/videos/job%2F1")
    assert asked.headers["TT-API-KEY"] == looked.headers["TT-API-KEY"] == "key-of-alice"


@pytest.mark.parametrize("model", ["grok-imagine-video-1.5-preview", "grok-imagine-video-1.5"])
def test_acedatas_older_names_get_their_picture_as_an_image_url_too(model):
    wanted = sent("acedata", Brief(prompt="a calm sea", model=model, images=TWO), dialect="v1")

    assert (wanted["image_url"], wanted["reference_image_urls"], wanted["async"]) == (TWO[0], [TWO[1]], True)


@pytest.mark.parametrize(("kind", "url"), [("xai", "https://api.x.ai/v1/videos/edits"), ("comet", "https://api.cometapi.com/grok/v1/videos/edits")])
def test_an_edit_is_sent_the_clip_and_no_shape(kind, url):
    request = opening(make(kind, "key-of-alice").submit(EDIT, reference="attempt-1"))

    assert (request.method, str(request.url)) == ("POST", url)
    assert json.loads(request.content) == {"prompt": "a calm sea", "model": "a-model", "video": {"url": CLIP}, "user": "attempt-1"}


def test_an_extension_is_sent_the_length_of_the_added_part_and_no_user():
    request = opening(make("xai", "key-of-alice").submit(EXTENSION, reference="attempt-1"))

    assert (request.method, str(request.url)) == ("POST", "https://api.x.ai/v1/videos/extensions")
    assert json.loads(request.content) == {"prompt": "a calm sea", "model": "a-model", "video": {"url": CLIP}, "duration": 7}
    assert sent("xai", replace(EXTENSION, duration=None))["duration"] == 6


def test_ttapis_official_route_is_sent_an_extension_with_the_clip_inside_it():
    clip = "data:video/mp4;base64,AAAA"
    request = opening(make("ttapi", "key-of-alice", dialect="xai-shaped").submit(replace(EXTENSION, duration=1, video=clip), reference="attempt-1"))

    assert (request.method, str(request.url)) == ("POST", "https://api.ttapi.io/grok/v1/videos/extensions")
    assert request.headers["TT-API-KEY"] == "key-of-alice"
    assert json.loads(request.content) == {"prompt": "a calm sea", "model": "a-model", "video": {"url": clip}, "duration": 1}
    assert sent("ttapi", replace(EXTENSION, duration=None), dialect="xai-shaped")["duration"] == 6


@pytest.mark.parametrize(("kind", "dialect"), EVERY_DIALECT)
@pytest.mark.parametrize("brief", [EDIT, EXTENSION], ids=["edit", "extension"])
def test_a_provider_that_cannot_change_clips_is_never_paid_for_a_new_one_instead(kind, dialect, brief):
    can = any(one.edits_up_to if brief is EDIT else one.extends for one in PROVIDERS[kind].dialects[dialect].capabilities)
    flow = make(kind, "key-of-alice", dialect=dialect).submit(brief)

    if can:
        assert "video" in json.loads(opening(flow).content)
    else:
        with pytest.raises(Refused) as refused:
            opening(flow)
        assert refused.value.cause is Cause.INPUT_REFUSED
        assert brief.operation in refused.value.message


@pytest.mark.parametrize(("sound", "said"), [(None, {}), (False, {"generate_audio": False}), (True, {"generate_audio": True})])
def test_xai_is_told_about_the_sound_only_when_somebody_chose(sound, said):
    assert sent("xai", Brief(prompt="x", sound=sound)) == {"prompt": "x", "duration": 8, **said}


@pytest.mark.parametrize(("kind", "dialect"), EVERY_DIALECT)
def test_our_own_name_for_a_submission_travels_where_there_is_a_field_for_it(kind, dialect):
    wanted = sent(kind, Brief(prompt="x"), reference="attempt-1", dialect=dialect)

    assert wanted.get("user") == ("attempt-1" if (kind, dialect) in {("comet", ""), ("xai", ""), ("ttapi", "xai-shaped")} else None)
    assert "attempt-1" not in json.dumps({**wanted, "user": ""})


def test_acedata_is_asked_about_many_tasks_at_once():
    provider = make("acedata", "key-of-alice")
    assert isinstance(provider, Batches)
    request = opening(provider.check_many(["job-1", "job/2"]))

    assert (request.method, str(request.url), provider.most_at_once) == ("POST", "https://api.acedata.cloud/grok/tasks", 50)
    assert json.loads(request.content) == {"ids": ["job-1", "job/2"], "action": "retrieve_batch"}
    assert request.headers["Authorization"] == "Bearer key-of-alice"


def test_acedatas_list_is_asked_for_a_time_in_unix_seconds():
    provider = make("acedata", "key-of-alice")
    assert isinstance(provider, Lists)
    request = opening(provider.find(FULL, since=datetime(2026, 8, 10, 22, tzinfo=UTC), until=datetime(2026, 8, 10, 22, 0, 1, 500_000, tzinfo=UTC)))

    assert (request.method, str(request.url)) == ("POST", "https://api.acedata.cloud/grok/tasks")
    assert json.loads(request.content) == {"action": "retrieve_batch", "created_at_min": 1786399200.0, "created_at_max": 1786399201.5, "limit": 50}


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("", "https://query.cometapi.com/user/quota?key=sk-%2Fa%26b"),
        ("https://api.cometapi.com/", "https://query.cometapi.com/user/quota?key=sk-%2Fa%26b"),
        ("https://gateway.example/comet/", "https://gateway.example/comet/user/quota?key=sk-%2Fa%26b"),
    ],
)
def test_comets_balance_is_asked_with_the_key_in_the_address_and_of_no_host_but_the_named_one(base_url, url):
    provider = make("comet", "sk-/a&b", base_url)
    assert isinstance(provider, TellsBalance)
    request = opening(provider.balance())

    assert (request.method, str(request.url)) == ("GET", url)
    assert "Authorization" not in request.headers


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
