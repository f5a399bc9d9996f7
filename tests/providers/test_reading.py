"""Figures stay as written, words become storable, and times to wait are believed only as far as they make sense."""

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
        ('"https://a.example/a b"', ()),
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
