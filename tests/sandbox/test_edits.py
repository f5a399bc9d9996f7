"""Edits and extensions: what they start from, how long the result is, and what they cost."""

import json
from typing import Any

import pytest
from django.test import Client

from studio.sandbox.models import Operation, RemoteJob
from tests.sandbox.asking import APIS, BEARER, accepted, after, check, drawn, told

ELSEWHERE = {"url": "https://example.org/clip.mp4"}
EDITS = {"xai": "/sandbox/xai/v1/videos/edits", "comet": "/sandbox/comet/grok/v1/videos/edits"}
EXTENSIONS = "/sandbox/xai/v1/videos/extensions"
TTAPIS_EXTENSIONS = "/sandbox/ttapi/grok/v1/videos/extensions"


def ask(path: str, **body: Any) -> Any:
    """The answer to a valid request with these fields changed; a field of None is left out."""
    asked = {"prompt": "Make it snow", "video": ELSEWHERE} | body
    headers = APIS["ttapi"].headers if path == TTAPIS_EXTENSIONS else BEARER
    return Client().post(path, {name: value for name, value in asked.items() if value is not None}, content_type="application/json", headers=headers)


def made(path: str, **body: Any) -> RemoteJob:
    answer = ask(path, **body)
    assert answer.status_code == 200, answer.content
    return RemoteJob.objects.get(remote_id=json.loads(answer.content)["request_id"])


def clip(**changes: Any) -> dict[str, str]:
    """A clip that the sandbox made itself, as `video` names it."""
    return {"url": accepted("xai", **changes).video_urls()[0]}


@pytest.mark.parametrize("provider", EDITS)
def test_an_edit_is_as_long_and_as_large_as_its_input(provider):
    job = made(EDITS[provider], video=clip(duration=7, resolution="480p", aspect_ratio="9:16"))
    assert (job.operation, job.seconds, job.resolution, job.aspect_ratio) == (Operation.EDIT, 7, "480p", "9:16")


def test_an_edit_of_a_clip_in_1080p_has_720p():
    assert made(EDITS["xai"], video=clip(model="grok-imagine-video-1.5", duration=4, resolution="1080p")).resolution == "720p"


@pytest.mark.parametrize("video", [ELSEWHERE, {"file_id": "file_123"}, {"url": "data:video/mp4;base64,AAAA"}, {"url": "https://example.org/\x01"}])
def test_a_clip_that_the_sandbox_does_not_know_counts_as_five_seconds(video):
    assert made(EDITS["xai"], video=video).seconds == 5
    assert made(EXTENSIONS, video=video, duration=10).seconds == 15


def test_an_extension_adds_its_seconds_to_the_input():
    job = made(EXTENSIONS, video=clip(duration=8), duration=3)
    assert (job.operation, job.seconds, job.source_seconds) == (Operation.EXTEND, 11, 8)
    assert made(EXTENSIONS, video=clip(duration=8)).seconds == 14  # six where nothing is said


def test_the_result_is_told_as_any_other():
    edit, extension = made(EDITS["xai"], video=clip(duration=4)), made(EXTENSIONS, video=clip(duration=4), duration=2)
    at_comet = made(EDITS["comet"])
    assert told(after(drawn(edit), 1.01)) == {
        "status": "done",
        "video": {"url": edit.video_urls()[0], "duration": 4, "respect_moderation": True},
        "model": "grok-imagine-video",
        "usage": {"cost_in_usd_ticks": 4 * 500_000_000 + 4 * 100_000_000},
        "progress": 100,
    }
    extended = told(after(drawn(extension), 1.01))
    assert extended["video"]["duration"] == 6
    assert extended["usage"] == {"cost_in_usd_ticks": 2 * 500_000_000 + 4 * 100_000_000}  # the added part, and the input
    assert check("comet", at_comet.remote_id).json()["data"]["action"] == "VIDEO_EDIT"


@pytest.mark.parametrize("path", [*EDITS.values(), EXTENSIONS, TTAPIS_EXTENSIONS])
@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": None},
        {"video": None},
        {"video": "https://example.org/clip.mp4"},
        {"video": {}},
        {"video": ELSEWHERE | {"file_id": "file_123"}},
        {"model": "grok-imagine-video-1.5"},
    ],
)
def test_what_cannot_be_edited_or_extended_is_refused(path, changes):
    assert ask(path, **changes).status_code in {400, 500}
    assert not RemoteJob.objects.exists()


@pytest.mark.parametrize("changes", [{"duration": 1}, {"duration": 11}, {"duration": "3"}, {"user": "somebody"}])
def test_an_extension_adds_two_to_ten_seconds_and_names_no_user(changes):
    assert ask(EXTENSIONS, **changes).status_code == 400


@pytest.mark.parametrize("changes", [{"duration": 0}, {"duration": 11}, {"user": "somebody"}])
def test_ttapis_official_route_adds_one_to_ten_seconds_and_names_no_user(changes):
    assert ask(TTAPIS_EXTENSIONS, **changes).status_code == 400
    assert [made(TTAPIS_EXTENSIONS, duration=seconds).seconds for seconds in (1, 10, None)] == [6, 15, 11]


def test_ttapis_official_route_tells_of_an_extension_and_charges_the_added_part():
    job = after(drawn(made(TTAPIS_EXTENSIONS, video=clip(duration=4, resolution="720p"), duration=10)), 1.01)
    answer = Client().get(f"/sandbox/ttapi/grok/v1/videos/{job.remote_id}", headers=APIS["ttapi"].headers).json()

    assert (answer["status"], answer["video"]["url"], answer["video"]["duration"]) == ("done", job.video_urls()[0], 14)
    assert answer["usage"] == {"cost_in_usd_tocks": 3 * 100_000_000}  # 10 s at 720p are three quota, which are three cents


def test_a_clip_that_is_too_long_or_too_short_is_refused():
    assert [ask(EDITS["xai"], video=clip(duration=seconds)).status_code for seconds in (8, 9)] == [200, 400]
    assert [ask(EXTENSIONS, video=clip(duration=seconds)).status_code for seconds in (1, 2, 15)] == [400, 200, 200]
    long = made(EXTENSIONS, video=clip(duration=10), duration=10)
    assert [ask(path, video={"url": long.video_urls()[0]}).status_code for path in (EXTENSIONS, TTAPIS_EXTENSIONS)] == [400, 400]


def test_an_edit_names_its_user():
    assert made(EDITS["xai"], user="attempt-7").request["user"] == "attempt-7"
