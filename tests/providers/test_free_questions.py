"""Questions that cost nothing: many looks in one request, the list of submissions, the balance. All of them may be asked again."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from studio.providers.contract import (
    AboutAnother,
    Balance,
    Found,
    Listing,
    NotNow,
    Phase,
    Unreadable,
)
from studio.providers.registry import make
from studio.providers.wire import FOR_LOOKING
from tests.providers.loopback import Loopback
from tests.providers.scripts import (
    BRIEF,
    HASTY,
    KEY,
    MAY_HAVE_ACTED,
    NOT_UNDERSTOOD,
    SILENT,
    accepts,
    acedata,
    asks_to_wait,
    comet,
    refuses,
    reporting,
    wire_to,
    xai,
)

TASKS = {
    "count": 2,
    "items": [
        {"id": "job-2", "request": {"callback_url": "https://studio.example/hooks/2/token-of-2"}, "finished_at": None},
        {"id": "job-1", "response": {"success": False, "error": {"code": "api_error", "message": f"{KEY} broke"}}},
        {"id": "job-9", "response": {"success": True, "data": []}},
    ],
}


def test_many_looks_are_one_request_and_each_job_keeps_its_own_part_without_secrets():
    async def story() -> None:
        async with Loopback(reporting(json.dumps(TASKS).encode(), headers="X-RateLimit-Remaining: 3\r\n")) as provider, wire_to(provider) as wire:
            answers = await wire.check_many(acedata(provider), ["job-1", "job-2", "job-3"])
            assert {job: answer.report.phase for job, answer in answers.items()} == {"job-1": Phase.FAILED, "job-2": Phase.RUNNING}
            assert answers["job-1"].report.message == "[key] broke"
            assert answers["job-1"].raw == '{"id": "job-1", "response": {"success": false, "error": {"code": "api_error", "message": "[key] broke"}}}'
            assert answers["job-2"].raw == '{"id": "job-2", "request": {"callback_url": "[removed]"}, "finished_at": null}'
            assert {(answer.status, answer.pace.remaining) for answer in answers.values()} == {(200, 3)}
            assert len(provider.requests) == 1

    asyncio.run(story())


def test_an_answer_about_many_jobs_that_comes_in_lines_is_kept_as_it_is():
    lines = b'{"items":[]}\n{"items":[{"id":"job-1"}]}'

    async def story() -> None:
        async with Loopback(reporting(lines)) as provider, wire_to(provider) as wire:
            answers = await wire.check_many(acedata(provider), ["job-1"])
            assert answers["job-1"].raw == lines.decode()

    asyncio.run(story())


def test_a_submission_that_got_lost_is_found_in_the_providers_list():
    made = datetime(2026, 8, 10, 22, 13, 20, tzinfo=UTC)
    sent = {"prompt": "a calm sea", "duration": 8, "callback_url": "https://studio.example/hooks/1/token"}
    listed = json.dumps({"items": [{"id": "job-1", "created_at": made.timestamp(), "request": sent}]}).encode()

    async def story() -> None:
        async with Loopback(reporting(listed)) as provider, wire_to(provider) as wire:
            listing = await wire.find(acedata(provider), BRIEF, since=made - timedelta(minutes=1), until=made + timedelta(minutes=1))
            assert listing == Listing(found=(Found("job-1", made, "https://studio.example/hooks/1/token"),), read=1)

    asyncio.run(story())


def test_a_balance_is_told_as_it_was_written():
    async def story() -> None:
        async with Loopback(reporting(b'{"total_quota":12.50}')) as provider, wire_to(provider) as wire:
            assert await wire.balance(comet(provider)) == Balance("12.50", "USD")

    asyncio.run(story())


@pytest.mark.parametrize("script", [*MAY_HAVE_ACTED, *NOT_UNDERSTOOD, refuses, asks_to_wait], ids=lambda script: script.__name__)
def test_every_free_question_that_fails_may_be_asked_again(script):
    moment = datetime(2026, 8, 10, tzinfo=UTC)

    async def story() -> None:
        async with Loopback(script) as provider, wire_to(provider, looking=HASTY if script in SILENT else FOR_LOOKING) as wire:
            for question in (
                wire.check_many(acedata(provider), ["job-1"]),
                wire.find(acedata(provider), BRIEF, since=moment, until=moment),
                wire.balance(comet(provider)),
            ):
                with pytest.raises((NotNow, Unreadable)):
                    await question

    asyncio.run(story())


def test_a_free_question_without_a_key_is_not_asked():
    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:
            with pytest.raises(NotNow, match="has no key"):
                await wire.balance(comet(provider, key=""))
            assert provider.connections == 0

    asyncio.run(story())


WRAPPED = b'{"result":{"status":"done","video":{"url":"https://vidgen.x.ai/a.mp4"}}}'


def test_a_clip_in_a_place_that_nobody_knows_makes_its_job_seem_over_and_no_other_answer_does():
    async def story() -> None:
        async with Loopback(reporting(WRAPPED)) as provider, wire_to(provider) as wire:
            answer = await wire.check(xai(provider), "r-1")
            assert (answer.report.phase, answer.report.seems_over, answer.raw) == (Phase.RUNNING, True, WRAPPED.decode())
            assert "no document explains" in answer.report.alert
        async with Loopback(reporting(b'{"result":{"status":"done"}}')) as provider, wire_to(provider) as wire:
            with pytest.raises(Unreadable):
                await wire.check(xai(provider), "r-1")

    asyncio.run(story())


def test_the_clip_of_another_job_is_none_of_ours():
    async def story() -> None:
        other = b'{"status":"SUCCESS","jobId":"theirs","data":{"videoUrl":"https://cdn.ttapi.io/a.mp4"}}'
        async with Loopback(reporting(other)) as provider, wire_to(provider) as wire:
            with pytest.raises(AboutAnother):
                await wire.check(make("ttapi", KEY, provider.url), "ours")

    asyncio.run(story())
