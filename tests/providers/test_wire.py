"""A paid submission is sent exactly once, and every way in which it can go wrong is sorted by whether the provider may have acted."""

import asyncio
import gzip
from dataclasses import dataclass

import httpx
import pytest

from studio.providers.contract import (
    Brief,
    Cause,
    Flow,
    NotNow,
    Phase,
    Provider,
    Refused,
    Report,
    Unanswered,
    Unreadable,
)
from studio.providers.registry import make
from studio.providers.wire import FOR_LOOKING, FOR_SUBMITTING, Patience, Wire
from tests.providers.loopback import Line, Loopback
from tests.providers.scripts import (
    ACCEPTED,
    BRIEF,
    HASTY,
    KEY,
    MAY_HAVE_ACTED,
    NOT_UNDERSTOOD,
    SILENT,
    accepts,
    asks_to_wait,
    closed_port,
    holds_after_half_the_body,
    refuses,
    reporting,
    wire_to,
    xai,
)
from tests.providers.tls import untrusted


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


def test_our_own_name_for_a_submission_goes_along():
    async def story() -> None:
        async with Loopback(accepts) as provider, wire_to(provider) as wire:
            await wire.submit(xai(provider), BRIEF, reference="attempt-1")
            assert b'"user":"attempt-1"' in provider.requests[0]

    asyncio.run(story())


def test_a_silent_provider_is_told_in_a_sentence_without_names_of_classes():
    async def story() -> Unanswered:
        async with Loopback(lambda line: line.hold()) as server, Wire(allowed_hosts={server.host}, submitting=Patience(read=0.2)) as wire:
            with pytest.raises(Unanswered) as told:
                await wire.submit(
                    make("xai", "key-of-the-team-0001", f"{server.url}/v1"), Brief(prompt="A bottle", model="grok-imagine-video", duration=6)
                )
            return told.value

    assert asyncio.run(story()).message == "It was sent to 127.0.0.1, but no whole answer came back: the server stopped answering."
