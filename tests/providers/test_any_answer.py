"""Whatever a provider answers, a flow gives a Report or raises a ProviderError, and what it gives can be stored."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from studio.providers.contract import Brief, Flow, NotNow, Phase, ProviderError, Refused, Report, Unanswered
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import told

WORDS = [
    *("SUCCESS", "FAILED", "ON_QUEUE", "PENDING_QUEUE", "IN_PROGRESS", "FAILURE", "UNKNOWN", "success"),
    *("completed", "pending", "processing", "queued", "done", "failed", "expired", "succeeded"),
    *("forbidden", "used_up", "invalid_request", "content moderation", "incorrect api key", "", "\x00", "\ud800", "100%", "..", "job-1"),
    *("https://cdn.example/a.mp4", "javascript:alert(1)"),
]
NAMES = [
    *("status", "state", "data", "response", "video", "url", "video_url", "videoUrl", "usage", "cost_in_usd_ticks", "quota", "consumed_credits"),
    *("jobId", "job_id", "task_id", "request_id", "id", "error", "error_message", "message", "code", "progress", "success", "finished_at"),
    *("respect_moderation", "fail_reason"),
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=20) | st.just(10**400)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=8),
    max_leaves=25,
)
# Shapes that get past the first question, so that what lies behind it is reached too.
INNER = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, ANYTHING))
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NAMES, LEAVES | INNER),
        "status": st.sampled_from(WORDS),
        "data": INNER | st.lists(INNER, max_size=3) | st.fixed_dictionaries({"status": st.sampled_from(WORDS), "data": INNER}),
        "response": st.fixed_dictionaries({"data": st.lists(INNER, max_size=3)}),
        "id": st.just("job-1"),
    },
)
BODIES = st.binary(max_size=200) | (ANYTHING | LIKELY).map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000)
STATUSES = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 408, 429, 499, 500, 503]) | st.integers(100, 999)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "X-RateLimit-Reset", "Location"]),
    st.sampled_from(["", "5", "nan", "1e999", "-3", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 99 Oct", "9999999999", "x" * 50]),
)


@pytest.mark.parametrize("kind", PROVIDERS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(status=STATUSES, headers=HEADERS, body=BODIES)
def test_any_answer_to_a_submission_is_an_accepted_job_or_a_sorted_error(kind, status, headers, body):
    got = outcome(make(kind, "key-of-alice").submit(Brief(prompt="x")), httpx.Response(status, headers=headers, content=body))

    if isinstance(got, Report):
        assert got.phase is Phase.QUEUED
        assert 0 < len(got.remote_id) <= 200
        assert_is_storable(got.remote_id)
    else:
        assert isinstance(got, Refused | NotNow | Unanswered)
        assert_is_storable(got.message)


@pytest.mark.parametrize("kind", PROVIDERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(status=STATUSES, headers=HEADERS, body=BODIES)
def test_any_answer_to_a_look_is_a_report_or_says_look_again(kind, status, headers, body):
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
