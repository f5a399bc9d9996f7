"""Whatever a provider answers, a flow gives a Report or raises a ProviderError, and what it gives can be stored."""

import copy
import functools
import json
import operator
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from studio.providers.contract import (
    Balance,
    Batches,
    Brief,
    Flow,
    Listing,
    Lists,
    NotNow,
    Phase,
    ProviderError,
    Refused,
    Report,
    TellsBalance,
    Unanswered,
)
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import told

SAMPLES = Path(__file__).parent / "samples"
EVERY_DIALECT = [(kind.key, dialect) for kind in PROVIDERS.values() for dialect in kind.dialects]
SEA = Brief(prompt="a calm sea", model="grok-imagine-video", duration=8, resolution="480p", aspect_ratio="16:9")
Gave = TypeVar("Gave")
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
    text = json.dumps(body)
    for number, job in enumerate(sample.get("jobs", [sample.get("job", "job-1")]), start=1):
        text = text.replace(job, f"job-{number}")
    return sample["status"], text.encode()


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
LINES = st.lists(ANYTHING, max_size=4).map(lambda values: "\n".join(json.dumps(value) for value in values).encode())  # as x-ndjson has them
STATUSES = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 408, 429, 499, 500, 503]) | st.integers(100, 999)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "X-RateLimit-Reset", "Location"]),
    st.sampled_from(["", "5", "nan", "1e999", "-3", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 99 Oct", "9999999999", "x" * 50]),
)


@pytest.mark.parametrize(("kind", "dialect"), EVERY_DIALECT)
@given(data=st.data(), headers=HEADERS)
def test_any_answer_to_a_submission_is_an_accepted_job_or_a_sorted_error(kind, dialect, data, headers):
    status, body = data.draw(spoiled(kind, "submit") | st.tuples(STATUSES, BODIES))
    got = outcome(make(kind, "key-of-alice", dialect=dialect).submit(Brief(prompt="x")), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Report):
        assert got.phase is Phase.QUEUED
        assert 0 < len(got.remote_id) <= 200
        assert_is_storable(got.remote_id)
    else:
        assert isinstance(got, Refused | NotNow | Unanswered)
        assert_is_storable(got.message)


@pytest.mark.parametrize(("kind", "dialect"), EVERY_DIALECT)
@given(data=st.data(), headers=HEADERS)
def test_any_answer_to_a_look_is_a_report_or_says_look_again(kind, dialect, data, headers):
    status, body = data.draw(spoiled(kind, "check") | st.tuples(STATUSES, BODIES))
    got = outcome(make(kind, "key-of-alice", dialect=dialect).check("job-1"), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Report):
        assert_is_sound(got)
    else:
        assert isinstance(got, NotNow | Unanswered)
        assert_is_storable(got.message)


@given(data=st.data(), headers=HEADERS)
def test_any_answer_about_many_jobs_tells_only_of_those_asked_about_or_says_look_again(data, headers):
    status, body = data.draw(spoiled("acedata", "check_many") | st.tuples(STATUSES, BODIES | LINES))
    provider = make("acedata", "key-of-alice")
    assert isinstance(provider, Batches)
    got = result(provider.check_many(["job-1", "job-2", "job-3"]), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, dict):
        assert set(got) <= {"job-1", "job-2", "job-3"}
        for remote_id, report in got.items():
            assert report.remote_id == remote_id
            assert_is_sound(replace(report, remote_id="job-1"))
    else:
        assert isinstance(got, NotNow | Unanswered)
        assert not isinstance(got, Refused)


@given(data=st.data(), headers=HEADERS)
def test_any_answer_with_a_list_finds_jobs_of_the_time_asked_for_or_says_look_again(data, headers):
    status, body = data.draw(spoiled("acedata", "find") | st.tuples(STATUSES, BODIES | LINES))
    provider = make("acedata", "key-of-alice")
    assert isinstance(provider, Lists)
    since, until = datetime(2026, 8, 10, 22, tzinfo=UTC), datetime(2026, 8, 11, tzinfo=UTC)
    got = result(provider.find(SEA, since=since, until=until), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Listing):
        assert all(since <= found.created_at <= until + timedelta(hours=1) and found.remote_id for found in got.found)
        assert_is_storable(*(found.callback_url for found in got.found))
    else:
        assert isinstance(got, NotNow | Unanswered)


@given(data=st.data(), headers=HEADERS)
def test_any_answer_about_a_balance_is_a_plain_figure_or_says_ask_again(data, headers):
    status, body = data.draw(spoiled("comet", "balance") | st.tuples(STATUSES, BODIES))
    provider = make("comet", "key-of-alice")
    assert isinstance(provider, TellsBalance)
    got = result(provider.balance(), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Balance):
        assert Decimal(got.amount).is_finite()
        assert len(got.amount) <= 120
        assert got.unit == "USD"
    else:
        assert isinstance(got, NotNow | Unanswered)


def outcome(flow: Flow, answer: httpx.Response) -> Report | ProviderError:
    """The report or the error, as a value, counted by its kind."""
    got = result(flow, answer)
    event(got.phase if isinstance(got, Report) else type(got).__name__)
    return got


def result(flow: Generator[httpx.Request, httpx.Response, Gave], answer: httpx.Response) -> Gave | ProviderError:
    """What the flow gives, or its error, as a value; anything else that is raised fails the test."""
    try:
        return told(flow, answer)
    except ProviderError as error:
        return error


def assert_is_sound(report: Report) -> None:
    assert report.remote_id == "job-1"
    assert bool(report.videos) == (report.phase is Phase.SUCCEEDED or (report.seems_over and bool(report.videos)))
    assert not report.seems_over or (report.phase in {Phase.QUEUED, Phase.RUNNING} and report.alert)
    assert (report.phase is Phase.FAILED) == (report.cause is not None)
    assert all(video.casefold().startswith(("http://", "https://")) for video in report.videos)
    assert report.progress is None or 0 <= report.progress <= 100
    assert report.usage is None or 0 < len(report.usage.amount) <= 200
    assert_is_storable(report.message, report.alert, *report.videos, report.usage.amount if report.usage else "")


def assert_is_storable(*words: str) -> None:
    for word in words:
        assert "\x00" not in word
        assert word.encode("utf-8").decode("utf-8") == word
