"""Whatever a provider answers, a flow gives a Report or raises a ProviderError, and what it gives can be stored."""

import copy
import functools
import json
import operator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from studio.providers.contract import Brief, Flow, NotNow, Phase, ProviderError, Refused, Report, Unanswered
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import told

SAMPLES = Path(__file__).parent / "samples"
WORDS = ["SUCCESS", "FAILURE", "done", "failed", "pending", "content moderation", "", "\x00", "\ud800", "100%", "..", "job-1", "javascript:alert(1)"]
ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.just(10**400)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
    | st.sampled_from([[], {}, [None], [[]], [{}], {"code": {}, "message": []}, {"url": 7, "status": None}])
)


@st.composite
def spoiled(draw: st.DrawFn, kind: str, asked: str) -> tuple[int, bytes]:
    """Status and body of a real answer, with up to three of its values missing or replaced by odd ones: so the code behind the first question is reached."""
    sample = draw(st.sampled_from(captured(kind, asked)))
    body = json.loads(json.dumps(sample["body"]))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(body)))
        if not place:
            continue
        holder = functools.reduce(operator.getitem, place[:-1], body)
        if isinstance(holder, dict) and draw(st.booleans()):
            del holder[place[-1]]
        else:
            holder[place[-1]] = copy.deepcopy(draw(ODD))
    return sample["status"], json.dumps(body).replace(sample["job"], "job-1").encode()


@functools.cache
def captured(kind: str, asked: str) -> list[dict[str, Any]]:
    """The samples of one question whose body is an object."""
    samples = [json.loads(file.read_text()) for file in sorted((SAMPLES / kind).glob("*.json"))]
    return [sample for sample in samples if sample["asked"] == asked and isinstance(sample["body"], dict)]


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a value, itself first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, item in inner for place in places(item, (*here, key)))]


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8
)
BODIES = st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode())
STATUSES = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 408, 429, 499, 500, 503]) | st.integers(100, 999)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "X-RateLimit-Reset", "Location"]),
    st.sampled_from(["", "5", "nan", "1e999", "-3", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 99 Oct", "9999999999", "x" * 50]),
)


@pytest.mark.parametrize("kind", PROVIDERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(data=st.data(), headers=HEADERS)
def test_any_answer_to_a_submission_is_an_accepted_job_or_a_sorted_error(kind, data, headers):
    status, body = data.draw(spoiled(kind, "submit") | st.tuples(STATUSES, BODIES))
    got = outcome(make(kind, "key-of-alice").submit(Brief(prompt="x")), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Report):
        assert got.phase is Phase.QUEUED
        assert 0 < len(got.remote_id) <= 200
        assert_is_storable(got.remote_id)
    else:
        assert isinstance(got, Refused | NotNow | Unanswered)
        assert_is_storable(got.message)


@pytest.mark.parametrize("kind", PROVIDERS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), headers=HEADERS)
def test_any_answer_to_a_look_is_a_report_or_says_look_again(kind, data, headers):
    status, body = data.draw(spoiled(kind, "check") | st.tuples(STATUSES, BODIES))
    got = outcome(make(kind, "key-of-alice").check("job-1"), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Report):
        assert_is_sound(got)
    else:
        assert isinstance(got, NotNow | Unanswered)
        assert_is_storable(got.message)


def outcome(flow: Flow, answer: httpx.Response) -> Report | ProviderError:
    """The report or the error, as a value; anything else that is raised fails the test."""
    try:
        got: Report | ProviderError = told(flow, answer)
    except ProviderError as error:
        got = error
    event(got.phase if isinstance(got, Report) else type(got).__name__)
    return got


def assert_is_sound(report: Report) -> None:
    assert report.remote_id == "job-1"
    assert (report.phase is Phase.SUCCEEDED) == bool(report.videos)
    assert (report.phase is Phase.FAILED) == (report.cause is not None)
    assert all(video.startswith(("http://", "https://")) for video in report.videos)
    assert report.progress is None or 0 <= report.progress <= 100
    assert report.usage is None or 0 < len(report.usage.amount) <= 200
    assert_is_storable(report.message, report.alert, *report.videos, report.usage.amount if report.usage else "")


def assert_is_storable(*words: str) -> None:
    for word in words:
        assert "\x00" not in word
        assert word.encode("utf-8").decode("utf-8") == word
