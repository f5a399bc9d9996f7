"""Figures stay as written, words become storable, and times to wait are believed only as far as they make sense."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from studio.providers import reading
from studio.providers.contract import Usage

NOW = 1_800_000_000.0


def value_of(figure: str) -> reading.Json:
    return reading.fields(httpx.Response(200, content=f'{{"it":{figure}}}'))["it"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('"9"', "9"),
        ("40", "40"),
        ("40.50", "40.50"),
        ("-0.10", "-0.10"),
        ("1e400", "1e400"),
        ("NaN", "NaN"),
        ("37500000000", "37500000000"),
        ("9" * 200, "9" * 200),
    ],
)
def test_reported_usage_keeps_the_figure_as_the_provider_wrote_it(written, kept):
    assert reading.usage(value_of(written), "quota") == Usage(kept, "quota")


@pytest.mark.parametrize("written", ["null", "true", "false", "{}", "[9]", '""', '"  "', "9" * 201])
def test_what_is_not_a_figure_is_no_usage(written):
    assert reading.usage(value_of(written), "quota") is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[1]", b"7", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 100_000])
def test_a_body_that_is_no_object_has_no_fields(body):
    assert reading.fields(httpx.Response(200, content=body)) == {}


def test_words_are_fit_for_every_database():
    assert reading.text(value_of('"a\\u0000b\\ud800c "')) == "ab?c"
    assert reading.text(value_of('"' + "x" * 1000 + '"')) == "x" * 400


@pytest.mark.parametrize(("written", "word"), [('"job_1"', "job_1"), ("12345678901234567890", "12345678901234567890"), ('"a:b:c"', "a:b:c")])
def test_a_remote_id_is_taken_as_it_is(written, word):
    assert reading.identifier(value_of(written)) == word


@pytest.mark.parametrize("written", ['""', '".."', '"two words"', '"line\\nbreak"', "null", "true", "{}", '"' + "x" * 201 + '"'])
def test_what_cannot_name_a_job_is_no_remote_id(written):
    assert reading.identifier(value_of(written)) == ""


@pytest.mark.parametrize(
    ("written", "links"),
    [
        ('"https://a.example/1.mp4"', ("https://a.example/1.mp4",)),
        ('["https://a.example/1.mp4", null, "", 7, "https://a.example/2.mp4"]', ("https://a.example/1.mp4", "https://a.example/2.mp4")),
        ('"javascript:alert(1)"', ()),
        ('"https://a.example/a b.mp4"', ("https://a.example/a%20b.mp4",)),
        ('" HTTPS://a.example/a%20b.mp4?x=1&y=ü "', ("HTTPS://a.example/a%20b.mp4?x=1&y=%C3%BC",)),
        ('"https://a example/a.mp4"', ()),
        ('"https://"', ()),
        ('"https://a.example/a\\nb"', ()),
        ('"https://a.example/' + "x" * 4000 + '"', ()),
        ("null", ()),
        ("{}", ()),
    ],
)
def test_only_web_addresses_are_videos(written, links):
    assert reading.links(value_of(written)) == links


@pytest.mark.parametrize(
    ("written", "percent"),
    [
        ("18", 18),
        ("18.9", 18),
        ('"100%"', 100),
        ('"7 %"', 7),
        ("0", 0),
        ("101", None),
        ("-1", None),
        ('"soon"', None),
        ("null", None),
        ("true", None),
    ],
)
def test_progress_is_a_percentage_or_unknown(written, percent):
    assert reading.percent(value_of(written)) == percent


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "5"}, 5.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "1e999"}, 86400.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 -0000"}, 60.0),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"Retry-After": "Fri, 99 Jan 2027 07:00:00 GMT"}, None),
        ({"X-RateLimit-Reset": "30"}, 30.0),
        ({"X-RateLimit-Reset": "1800000030"}, 30.0),
        ({"X-RateLimit-Reset": "later"}, None),
        ({"Retry-After": "5", "X-RateLimit-Reset": "30"}, 5.0),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "30"}, 30.0),
    ],
)
def test_a_time_to_wait_is_read_in_every_form_it_comes_in(headers, seconds):
    assert reading.retry_after(httpx.Headers(headers), now=NOW) == seconds


@pytest.mark.parametrize(("value", "left"), [("7", 7), ("-1", None), ("many", None), ("", None)])
def test_the_requests_left_are_a_number_or_unknown(value, left):
    assert reading.requests_left(httpx.Headers({"X-Ratelimit-Remaining-Requests": value})) == left


def test_an_answer_cannot_name_more_videos_than_any_job_makes():
    named: list[reading.Json] = [f"https://videos.example/{number}.mp4" for number in range(1_000)]
    assert reading.links(named) == tuple(named[:20])


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a":1}', [{"a": "1"}]),
        (b'\n\n {"a":1}\r\n\n{"b":2}\n', [{"a": "1"}, {"b": "2"}]),
        (b'{"a":1}{"b":2} {"c":3}', [{"a": "1"}, {"b": "2"}, {"c": "3"}]),
        (b'{"a":1}\nnull\n[7]\n{}\n{"b":2}', [{"a": "1"}, {"b": "2"}]),
        (b'{"a":1}\n{"b":', [{"a": "1"}]),
        (b'{"a":1}\n<html>\n{"b":2}', [{"a": "1"}]),
        (b'\xef\xbb\xbf{"a":1}', [{"a": "1"}]),
        (b'{"a":"\xff"}', [{"a": "\ufffd"}]),
        (b"", []),
        (b" \n ", []),
        (b"<html>", []),
        (b"[" * 100_000, []),
        (b'{"a":' * 100_000, []),
    ],
)
def test_an_answer_of_several_objects_is_read_up_to_where_it_is_no_longer_json(body, found):
    assert reading.objects(httpx.Response(200, content=body)) == found


def test_of_several_objects_the_last_with_the_fields_counts():
    answer = httpx.Response(200, content=b'{"id":"1"}\n{"id":"2"}\n{"id":"","error":"x"}\n{"trace":"t"}')

    assert reading.last_fields(answer, "id", "error") == {"id": "2"}
    assert reading.last_fields(answer, "error", "id") == {"id": "", "error": "x"}
    assert reading.last_fields(answer, "state") == {"trace": "t"}
    assert reading.last_fields(httpx.Response(204), "id") == {}


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("12.50", "12.50"),
        ('"12.50"', "12.50"),
        ("-1", "-1"),
        ("0.1", "0.1"),
        ("12345678901234567890.000000000001", "12345678901234567890.000000000001"),
        ("2e-3", "0.002"),
        ("0", "0"),
    ],
)
def test_an_amount_is_reckoned_with_as_it_was_written(written, amount):
    assert reading.figure(value_of(written)) == Decimal(amount)


@pytest.mark.parametrize("written", ["null", "true", "{}", '""', '"much"', "NaN", "Infinity", "1e999", "1e-99", '"1,5"', '"٣"', "9" * 41, '" 1"'])
def test_what_is_no_amount_is_none(written):
    assert reading.figure(value_of(written)) is None


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("1786400000.123", datetime(2026, 8, 10, 22, 13, 20, 123000, tzinfo=UTC)),
        ("1786400000", datetime(2026, 8, 10, 22, 13, 20, tzinfo=UTC)),
        ('"2026-08-10T23:57:18Z"', datetime(2026, 8, 10, 23, 57, 18, tzinfo=UTC)),
        ('"2026-08-10T23:57:18"', datetime(2026, 8, 10, 23, 57, 18, tzinfo=UTC)),
        ('"2026-08-10T23:57:18.5+02:00"', datetime(2026, 8, 10, 21, 57, 18, 500000, tzinfo=UTC)),
        ('"0001-01-01T00:00:00+23:59"', None),
        ('"yesterday"', None),
        ("1e18", None),
        ("-1e20", None),
        ("null", None),
    ],
)
def test_a_moment_is_unix_seconds_or_iso_text_or_unknown(written, moment):
    assert reading.moment(value_of(written)) == moment
