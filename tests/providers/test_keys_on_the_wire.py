"""A key is told to its provider and to nobody else: not in messages, not in records, however a provider repeats it."""

import asyncio
import html
import json
from urllib.parse import quote

import pytest

from studio.providers.contract import (
    Cause,
    NotNow,
    Provider,
    Refused,
    TellsBalance,
    Unreadable,
)
from studio.providers.registry import make
from studio.providers.wire import LONGEST_RECORD, Wire, recorded, without_key
from tests.providers.loopback import Line, Loopback
from tests.providers.scripts import (
    BRIEF,
    KEY,
    accepts,
    closed_port,
    comet,
    reporting,
    wire_to,
    xai,
)


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


TOKEN = "Zk3vN0b1Q2w3E4r5T6y7U8i9O0p1A2s3"
HOOK = f"https://studio.example/app/hooks/0b6f3f2e-1d2c-4c58-8f39-3d8d5f6c0a01/{TOKEN}/"


@pytest.mark.parametrize(
    "body",
    [
        f'{{"webhook_url":"{HOOK}","id":7}}',
        json.dumps({"request": {"notify": [HOOK]}, "id": 7}).replace("/", "\\/"),
        f'{{"message":"Could not call {HOOK}?x=1, giving up","id":7}}',
        f'{{"query":"cb={quote(HOOK, safe="")}&x=1","id":7}}',
        f"<p>id 7</p><a href='{HOOK}'>call</a>",
        f'{{"hookUrl":"{HOOK}","id":7}}',
    ],
)
def test_an_address_of_our_door_is_in_no_record_whatever_the_field_is_called(body):
    kept = recorded(body.encode(), KEY)

    assert TOKEN not in kept
    assert "[removed]" in kept
    assert "7" in kept


def test_an_address_of_our_door_in_the_words_of_a_failure_is_struck_out():
    echo = json.dumps({"status": "failed", "error": {"code": "internal_error", "message": f"Could not call {HOOK} in time"}}).encode()

    async def story() -> None:
        async with Loopback(reporting(echo)) as provider, wire_to(provider) as wire:
            answer = await wire.check(xai(provider), "r-1")
            assert answer.report.message == "Could not call [removed] in time"

    asyncio.run(story())


def test_other_addresses_stay_in_the_record():
    body = '{"video_url":"https://cdn.example/a.mp4","docs":"https://docs.example/webhooks/guide"}'
    assert recorded(body.encode(), KEY) == body
