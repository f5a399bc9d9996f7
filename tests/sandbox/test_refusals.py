"""What the played providers turn down, as their documents say: keys, bodies, paths, unknown ids."""

import pytest
from django.test import Client

from studio.sandbox.models import RemoteJob
from tests.sandbox.asking import APIS, BEARER, accepted, check, submit

PNG = "data:image/png;base64,iVBORw0KGgo="

WRONG_KEY = {
    "ttapi": (401, {"status": "FAILED", "message": "Wrong TT-API-KEY or email is not activated."}),
    "grokimagine": (401, {"code": 401, "message": "Unauthorized", "error": "UNAUTHORIZED"}),
    "xai": (400, {"code": "invalid-argument", "error": "Incorrect API key provided. You can obtain an API key from https://console.x.ai."}),
}


@pytest.mark.parametrize("provider", WRONG_KEY)
def test_a_wrong_key_is_answered_in_the_providers_words(provider):
    for answer in (submit(provider, key="wrong-key"), check(provider, "anything", key="wrong-key")):
        assert (answer.status_code, answer.json()) == WRONG_KEY[provider]


def test_acedata_tells_a_missing_key_from_a_wrong_one():
    missing, wrong = submit("acedata", key=""), submit("acedata", key="wrong")
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "no_token")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_token")
    assert "success" not in wrong.json()


def test_comet_answers_a_wrong_key_in_its_error_shape():
    answer = check("comet", "anything", key="wrong")
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("provider", APIS)
def test_no_key_opens_nothing(provider):
    assert submit(provider, key="").status_code in {400, 401}
    assert check(provider, "anything", key="").status_code in {400, 401}
    assert not RemoteJob.objects.exists()


BAD = [
    ("ttapi", {"prompt": None}, 400),
    ("ttapi", {"video_length": 10}, 400),
    ("ttapi", {"video_length": "31"}, 400),
    ("ttapi", {"aspect_ratio": "4:3"}, 400),
    ("ttapi", {"resolution_name": "1080p"}, 400),
    ("ttapi", {"refer_images": "https://example.org/a.png"}, 400),
    ("ttapi", {"model": "grok-imagine-video-1.5-preview"}, 400),
    ("ttapi", {"model": "grok-imagine-9"}, 400),
    ("grokimagine", {"prompt": None}, 400),
    ("grokimagine", {"mode": "wild"}, 400),
    ("grokimagine", {"ratio": "4:3"}, 400),
    ("acedata", {"prompt": None}, 400),
    ("acedata", {"duration": "6"}, 400),
    ("acedata", {"duration": 5}, 400),
    ("acedata", {"duration": True}, 400),
    ("acedata", {"model": "grok-imagine-video-1.5:official"}, 400),
    ("comet", {"prompt": None}, 500),
    ("comet", {"prompt": 7}, 400),
    ("comet", {"duration": 16}, 400),
    ("comet", {"image": "https://example.org/a.png"}, 400),
    ("comet", {"model": "grok-imagine-9"}, 503),
    ("xai", {"prompt": None}, 400),
    ("xai", {"prompt": "a" * 4097}, 400),
    ("xai", {"duration": 16}, 400),
    ("xai", {"resolution": "1080p"}, 400),
    ("xai", {"image": {"url": PNG}, "reference_images": [{"url": PNG}]}, 400),
    ("xai", {"reference_images": [{"url": PNG}] * 8}, 400),
    ("xai", {"image": "https://example.org/a.png"}, 400),
    ("xai", {"model": "grok-imagine-video-1.5", "resolution": "1080p", "reference_images": [{"url": PNG}]}, 400),
]


@pytest.mark.parametrize(("provider", "changes", "status"), BAD)
def test_what_a_provider_cannot_do_is_refused_and_makes_no_job(provider, changes, status):
    answer = submit(provider, **changes)
    assert answer.status_code == status
    assert not RemoteJob.objects.exists()


def test_documented_messages_are_the_providers_own():
    assert submit("grokimagine", prompt=None).json() == {
        "code": 400,
        "message": "Invalid request: The prompt parameter is required",
        "error": "INVALID_REQUEST",
    }
    assert submit("acedata", prompt=None).json()["error"] == {"code": "bad_request", "message": "prompt is required for text-to-video."}
    assert submit("xai", duration=0).json() == {"code": "invalid-argument", "error": "Duration must be between 1 and 15 seconds"}
    assert submit("comet", prompt=None).json()["error"]["code"] == "invalid_request"
    assert submit("ttapi", prompt=None).json()["data"] is None


@pytest.mark.parametrize("raw", [b"", b"[1]", b"not json", b'{"prompt": "\\u0000"}', b'{"prompt": "\\ud800"}', b"[" * 100_000])
@pytest.mark.parametrize("provider", APIS)
def test_a_body_that_is_no_storable_object_is_refused(provider, raw):
    answer = Client().post(APIS[provider].submit_path, raw, content_type="application/json", headers=APIS[provider].headers)
    assert answer.status_code == 413 if len(raw) > 65_536 else answer.status_code in {400, 415, 500} and answer.json()
    assert not RemoteJob.objects.exists()


def test_xai_takes_json_only():
    answer = Client().post(APIS["xai"].submit_path, {"prompt": "A calm sea"}, headers=BEARER)
    assert answer.status_code == 415


def test_xai_takes_a_length_in_a_string_and_under_its_other_name():
    assert accepted("xai", duration="7").seconds == 7
    assert accepted("xai", duration=None, seconds=5).seconds == 5
    assert accepted("xai", duration=None).seconds == 8


def test_an_unknown_id_is_answered_as_each_provider_does():
    assert check("ttapi", "nope").status_code == 404
    assert check("grokimagine", "nope").json()["error"] == "INVALID_REQUEST"
    assert (check("acedata", "nope").status_code, check("acedata", "nope").content) == (200, b"null")
    assert check("comet", "nope").json()["code"] == "task_not_exist"
    assert check("xai", "nope").json() == {"code": "not-found", "error": "Failed to read static file."}


def test_an_id_belongs_to_its_provider():
    assert check("xai", accepted("comet").remote_id).status_code == 404


def test_ttapi_reads_no_id_from_a_broken_body():
    answer = Client().post("/sandbox/ttapi/grok/fetch", b"{", content_type="application/json", headers=APIS["ttapi"].headers)
    assert answer.status_code == 404


def test_wrong_paths_are_html_at_comet_and_no_api_at_acedata():
    looked, sent = Client().get("/sandbox/comet/v1/videos", headers=BEARER), Client().post("/sandbox/comet/v1/videos", headers=BEARER)
    assert (looked.status_code, looked.headers["Location"]) == (301, "/sandbox/comet/")
    assert (sent.status_code, sent.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert Client().post("/sandbox/acedata/grok/nothing", headers=BEARER).json()["error"]["code"] == "no_api"


@pytest.mark.parametrize(
    "body", [{"action": "delete"}, {"action": "retrieve_batch", "ids": "one"}, {"action": "retrieve_batch", "created_at_min": 1e300}]
)
def test_acedata_refuses_questions_it_cannot_read(body):
    answer = Client().post("/sandbox/acedata/grok/tasks", body, content_type="application/json", headers=BEARER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
