"""A paid submission is sent exactly once, and every way in which it can go wrong is sorted by whether the provider may have acted."""

import asyncio
import gzip
import html
import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast
from urllib.parse import quote

import httpx
import pytest

from studio.providers.contract import (
    Balance,
    Batches,
    Brief,
    Cause,
    Flow,
    Found,
    Lists,
    NotNow,
    Phase,
    Provider,
    Refused,
    Report,
    TellsBalance,
    Unanswered,
    Unreadable,
)
from studio.providers.registry import make
from studio.providers.wire import FOR_LOOKING, FOR_SUBMITTING, LONGEST_RECORD, Patience, Wire, without_key
from tests.providers.loopback import Line, Loopback, Script
from tests.providers.tls import untrusted

KEY = "xai-key/of-alice"
BRIEF = Brief(prompt="a calm sea", duration=8)
ACCEPTED = b'{"request_id":"r-1"}'
HASTY = Patience(read=0.2)


async def accepts(line: Line) -> None:
    await line.answer(ACCEPTED, headers="X-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 30\r\n")


async def closes(line: Line) -> None:
    line.close()


async def resets(line: Line) -> None:
    line.reset()


async def holds(line: Line) -> None:
    await line.hold()


async def says_half_the_headers(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nContent-Le")
    line.close()


async def says_half_the_body(line: Line) -> None:
    await line.say(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"request_id"')
    line.close()


async def holds_after_half_the_body(line: Line) -> None:
    await line.say(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"request_id"')
    await line.hold()


async def shows_a_page(line: Line) -> None:
    await line.answer(b"<!doctype html>", headers="Content-Type: text/html\r\n")


async def forgets_the_id(line: Line) -> None:
    await line.answer(b"{}")


async def fails_as_a_gateway(line: Line) -> None:
    await line.answer(b"", status="502 Bad Gateway")


async def redirects(line: Line) -> None:
    await line.answer(b"", status="307 Temporary Redirect", headers=f"Location: {line.loopback.url}/again\r\n")


async def speaks_no_http(line: Line) -> None:
    await line.say(b"220 mail.example ESMTP\r\n")
    line.close()


async def talks_too_much(line: Line) -> None:
    await line.answer(b" " * (1024 * 1024 + 1))


async def talks_without_end(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await line.say(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


async def refuses(line: Line) -> None:
    await line.answer(b'{"code":"invalid-argument","error":"Duration must be between 1 and 15 seconds"}', status="400 Bad Request")


async def asks_to_wait(line: Line) -> None:
    await line.answer(b"{}", status="429 Too Many Requests", headers="Retry-After: 4\r\n")


MAY_HAVE_ACTED = [closes, resets, holds, says_half_the_headers, says_half_the_body, holds_after_half_the_body, fails_as_a_gateway, speaks_no_http]
MAY_HAVE_ACTED += [talks_too_much, talks_without_end]
SILENT = [holds, holds_after_half_the_body]
NOT_UNDERSTOOD = [shows_a_page, forgets_the_id, redirects]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        *((script, Unanswered) for script in MAY_HAVE_ACTED),
        *((script, Unreadable) for script in NOT_UNDERSTOOD),
        (refuses, Refused),
        (asks_to_wait, NotNow),
    ],
    ids=lambda value: value.__name__,
)
def test_a_submission_is_sent_once_and_sorted_by_whether_it_may_have_acted(script, error):
    async def story() -> None:
        async with Loopback(script) as provider, wire_to(provider, submitting=HASTY if script in SILENT else FOR_SUBMITTING) as wire:
            with pytest.raises(error) as caught:
                await wire.submit(xai(provider), BRIEF)
            assert type(caught.value) is error
            assert len(provider.requests) == 1

    asyncio.run(story())


@pytest.mark.parametrize("script", [*MAY_HAVE_ACTED, asks_to_wait], ids=lambda script: script.__name__)
def test_a_look_that_fails_is_simply_taken_again_later(script):
    async def story() -> None:
        async with Loopback(script) as provider, wire_to(provider, looking=HASTY if script in SILENT else FOR_LOOKING) as wire:
            with pytest.raises(NotNow):
                await wire.check(xai(provider), "r-1")

    asyncio.run(story())


def test_an_accepted_submission_comes_back_with_its_raw_answer_and_the_pace_asked_for():
    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:
            answer = await wire.submit(xai(provider), BRIEF)
            assert answer.report == Report(phase=Phase.QUEUED, remote_id="r-1")
            assert (answer.status, answer.raw) == (200, ACCEPTED.decode())
            assert (answer.pace.remaining, answer.pace.reset) == (7, 30.0)
            assert b'"prompt":"a calm sea"' in provider.requests[0]
            assert b"accept-encoding: identity" in provider.requests[0].lower()

    asyncio.run(story())


def test_a_whole_answer_has_a_deadline_of_its_own_however_patiently_it_drips():
    async def story() -> None:
        async with Loopback(holds_after_half_the_body) as provider, wire_to(provider, submitting=Patience(read=60.0, total=0.05)) as wire:
            with pytest.raises(Unanswered):
                await wire.submit(xai(provider), BRIEF)

    asyncio.run(story())


def test_a_refused_connection_certainly_did_nothing():
    async def story() -> None:
        async with Wire(allowed_hosts={(host := f"127.0.0.1:{closed_port()}")}) as wire:
            with pytest.raises(NotNow, match="could not be reached"):
                await wire.submit(make("xai", KEY, f"http://{host}"), BRIEF)
            with pytest.raises(NotNow, match="gave no answer"):
                await wire.check(make("xai", KEY, f"http://{host}"), "r-1")

    asyncio.run(story())


def test_a_server_without_a_trusted_certificate_is_told_nothing():
    async def story() -> None:
        async with Loopback(accepts, tls=untrusted()) as provider, wire_to(provider) as wire:
            with pytest.raises(NotNow, match="could not be reached"):
                await wire.submit(make("xai", KEY, f"https://{provider.host}"), BRIEF)
            assert provider.requests == []

    asyncio.run(story())


def test_a_private_host_that_no_operator_named_is_never_connected_and_the_message_says_so():
    async def story() -> None:
        async with Loopback(accepts) as provider, Wire() as wire:
            for url in (f"https://127.0.0.1:{provider.port}", "https://127.0.0.1", provider.url, "https://", "nonsense", "ftp://x.example"):
                with pytest.raises(NotNow):
                    await wire.submit(make("xai", KEY, url), BRIEF)
            with pytest.raises(NotNow, match=r"private network\. Name 127\.0\.0\.1:443 in STUDIO_ALLOW_PRIVATE_HOSTS"):
                await wire.submit(make("xai", KEY, "https://127.0.0.1"), BRIEF)
            assert provider.connections == 0

    asyncio.run(story())


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:
            assert (await wire.submit(xai(provider), BRIEF)).report.remote_id == "r-1"

    asyncio.run(story())


def test_submissions_do_not_share_connections_because_a_server_may_close_an_idle_one_at_any_moment():
    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:  # it would keep each connection open
            for _ in range(20):
                await wire.submit(xai(provider), BRIEF)
            assert (provider.connections, len(provider.requests)) == (20, 20)

    asyncio.run(story())


def test_a_server_that_hangs_up_after_each_answer_gets_each_submission_once_and_no_doubt_arises():
    async def accepts_and_hangs_up(line: Line) -> None:
        await line.answer(ACCEPTED)
        line.close()

    async def story() -> None:
        async with Loopback(accepts_and_hangs_up) as provider, wire_to(provider) as wire:
            for _ in range(20):
                assert (await wire.submit(xai(provider), BRIEF)).report.remote_id == "r-1"
            assert len(provider.requests) == 20

    asyncio.run(story())


def test_looks_share_connections():
    async def story() -> None:
        async with Loopback(reporting(b'{"status":"pending","progress":1}')) as provider, wire_to(provider) as wire:
            for _ in range(30):
                await wire.check(xai(provider), "r-1")
            assert provider.connections == 1
            await asyncio.gather(*(wire.check(xai(provider), "r-1") for _ in range(200)))
            assert provider.connections == 200

    asyncio.run(story())


def test_an_answer_that_was_packed_unasked_is_still_read():
    async def story() -> None:
        packed = gzip.compress(ACCEPTED)
        async with Loopback(reporting(packed, headers="Content-Encoding: gzip\r\n")) as provider, wire_to(provider) as wire:
            assert (await wire.submit(xai(provider), BRIEF)).report.remote_id == "r-1"

    asyncio.run(story())


@pytest.mark.parametrize("body", [gzip.compress(b" " * 9_000_000), gzip.compress(ACCEPTED)[:-9], b"not packed"], ids=["a bomb", "cut", "a lie"])
def test_a_packed_answer_that_cannot_be_unpacked_may_have_been_an_acceptance(body):
    async def story() -> None:
        async with Loopback(reporting(body, headers="Content-Encoding: gzip\r\n")) as provider, wire_to(provider) as wire:
            with pytest.raises(Unanswered):
                await wire.submit(xai(provider), BRIEF)

    asyncio.run(story())


@pytest.mark.parametrize("key", ["", " ", "two words", "line\nbreak", "ключ"])
def test_a_key_that_cannot_travel_is_said_before_anything_is_sent(key):
    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:
            with pytest.raises(Refused) as refused:
                await wire.submit(make("xai", key, provider.url), BRIEF)
            with pytest.raises(NotNow):
                await wire.check(make("xai", key, provider.url), "r-1")
            assert refused.value.cause is Cause.WRONG_KEY
            assert provider.connections == 0

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["ttapi", "grokimagine", "acedata", "comet", "xai"])
def test_a_key_is_never_shown_by_what_holds_it(kind):
    provider = make(kind, KEY)

    assert KEY not in repr(provider)
    assert KEY not in str(provider)


@pytest.mark.parametrize("written", [KEY, KEY.replace("/", "\\/")], ids=["plain", "escaped"])
def test_a_key_that_a_provider_repeats_is_struck_out_of_everything_kept_or_shown(written):
    echo = f'{{"code":"invalid-argument","error":"Incorrect API key provided: {written}"}}'.encode()

    async def story() -> None:
        async with Loopback(reporting(echo, status="400 Bad Request")) as provider, wire_to(provider) as wire:
            with pytest.raises(Refused) as refused:
                await wire.submit(xai(provider), BRIEF)
            error = refused.value
            assert error.answer == '{"code":"invalid-argument","error":"Incorrect API key provided: [key]"}'
            assert error.message == "xAI: Incorrect API key provided: [key]"
            assert KEY not in f"{error!s} {error!r} {error.args}"

    asyncio.run(story())


def test_a_key_in_the_words_of_a_report_is_struck_out():
    echo = f'{{"status":"failed","error":{{"code":"internal_error","message":"Key {KEY} broke"}}}}'.encode()

    async def story() -> None:
        async with Loopback(reporting(echo)) as provider, wire_to(provider) as wire:
            answer = await wire.check(xai(provider), "r-1")
            assert answer.report.message == "Key [key] broke"
            assert KEY not in repr(answer)

    asyncio.run(story())


def test_the_record_of_an_answer_is_short_and_holds_no_callback_address():
    body = b'{"status":"ON_QUEUE","jobId":"r-1","data":{"hookUrl":"https://studio.example/hooks/1/t\\"oken","x":"' + b"\x00y" * 20_000 + b'"}}'

    async def story() -> None:
        async with Loopback(reporting(body)) as provider, wire_to(provider) as wire:
            with pytest.raises(Unreadable) as unreadable:
                await wire.check(make("ttapi", KEY, provider.url), "r-1")
            raw = unreadable.value.answer
            assert raw.startswith('{"status":"ON_QUEUE","jobId":"r-1","data":{"hookUrl":"[removed]","x":"yy')
            assert len(raw) == LONGEST_RECORD

    asyncio.run(story())


@dataclass(frozen=True)
class Careless:
    """A provider file with mistakes in it."""

    base_url: str
    mistake: str
    key: str = KEY

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:
        if self.mistake == "before":
            raise KeyError(brief.mode)
        if self.mistake == "refused before":
            raise Refused("never", cause=Cause.INPUT_REFUSED)
        yield httpx.Request("POST", self.base_url)
        if self.mistake == "after":
            raise KeyError(brief.mode)
        yield httpx.Request("POST", self.base_url)
        raise AssertionError("the wire sent twice")

    def check(self, remote_id: str) -> Flow:
        return self.submit(Brief(prompt=remote_id))


@pytest.mark.parametrize(
    ("mistake", "error", "requests"),
    [("before", NotNow, 0), ("refused before", Refused, 0), ("after", Unreadable, 1), ("second request", Unreadable, 1)],
)
def test_a_mistake_in_a_provider_file_never_sends_twice(mistake, error, requests):
    async def story() -> None:
        async with Loopback(accepts) as server, wire_to(server) as wire:
            provider: Provider = Careless(server.url, mistake)
            with pytest.raises(error):
                await wire.submit(provider, BRIEF)
            assert len(server.requests) == requests

    asyncio.run(story())


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
            found = await wire.find(acedata(provider), BRIEF, since=made - timedelta(minutes=1), until=made + timedelta(minutes=1))
            assert found == (Found("job-1", made, "https://studio.example/hooks/1/token"),)

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


@pytest.mark.parametrize("key", [KEY, "sk-of&alice=+a%b"])
def test_a_key_that_travels_in_an_address_is_in_no_message_and_no_record(key):
    written = quote(key, safe="")

    async def repeats(line: Line) -> None:
        asked = line.loopback.requests[-1].split(b" ")[1]
        assert asked == f"/user/quota?key={written}".encode()
        await line.answer(b"<p>No such page: " + asked + b" " + key.encode() + b"</p>", headers=f"Location: {asked.decode()}\r\n", status="302 Found")

    async def story() -> None:
        async with Loopback(repeats) as provider, wire_to(provider) as wire:
            with pytest.raises(Unreadable) as unreadable:
                await wire.balance(comet(provider, key=key))
            assert unreadable.value.answer == "<p>No such page: /user/quota?key=[key] [key]</p>"
            await assert_no_key_is_told(wire, comet(provider, key=key))
        async with Wire(allowed_hosts={(host := f"127.0.0.1:{closed_port()}")}) as wire:
            await assert_no_key_is_told(wire, make("comet", key, f"http://{host}"))
        async with Wire() as wire:
            await assert_no_key_is_told(wire, make("comet", key, "http://gateway.example"))

    async def assert_no_key_is_told(wire: Wire, provider: Provider) -> None:
        assert isinstance(provider, TellsBalance)
        with pytest.raises((NotNow, Unreadable)) as caught:
            await wire.balance(provider)
        told = f"{caught.value!r} {caught.value.message} {caught.value.answer} {caught.value.__cause__!r}"
        assert key not in told
        assert written not in told

    asyncio.run(story())


def test_our_own_name_for_a_submission_goes_along():
    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:
            await wire.submit(xai(provider), BRIEF, reference="attempt-1")
            assert b'"user":"attempt-1"' in provider.requests[0]

    asyncio.run(story())


class Lister(Batches, Lists, Protocol):
    """What AceData is."""


def acedata(provider: Loopback) -> Lister:
    found = make("acedata", KEY, provider.url)
    assert isinstance(found, Batches)
    assert isinstance(found, Lists)
    return cast("Lister", found)


def comet(provider: Loopback, *, key: str = KEY) -> TellsBalance:
    found = make("comet", key, provider.url)
    assert isinstance(found, TellsBalance)
    return found


def reporting(body: bytes, *, status: str = "200 OK", headers: str = "") -> Script:
    async def script(line: Line) -> None:
        await line.answer(body, status=status, headers=headers)

    return script


def xai(provider: Loopback) -> Provider:
    return make("xai", KEY, provider.url)


def wire_to(provider: Loopback, *, submitting: Patience = FOR_SUBMITTING, looking: Patience = FOR_LOOKING) -> Wire:
    return Wire(allowed_hosts={provider.host}, submitting=submitting, looking=looking)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("written", [html.escape, lambda key: quote(key, safe="")], ids=["as HTML", "as in an address"])
def test_a_key_that_a_gateway_writes_its_own_way_is_struck_out_too(written):
    key = "xai-Key&with+every/sign<that>a key=has"
    assert without_key(f"You sent Bearer {written(key)}.", key) == "You sent Bearer [key]."


def test_a_key_that_was_cut_off_with_the_words_around_it_is_struck_out_too():
    echo = json.dumps({"error": "w" * 380 + f" {KEY}0123456789"}).encode()

    async def story() -> None:
        async with Loopback(reporting(echo, status="400 Bad Request")) as provider, wire_to(provider) as wire:
            with pytest.raises(Refused) as refused:
                await wire.submit(make("xai", f"{KEY}0123456789", provider.url), BRIEF)
            assert refused.value.message.endswith("w [key]")

    asyncio.run(story())
