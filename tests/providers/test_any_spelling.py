"""Answers whose words, capitals, figures and nesting differ from every document: the right end, or an alert that an operator sees."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from studio.providers import acedata, reading, xai_body
from studio.providers.contract import AboutAnother, Phase, ProviderError, Report, Unanswered, Unreadable
from studio.providers.registry import make
from tests.providers.asking import told

SAMPLES = [json.loads(file.read_text()) | {"kind": file.parent.name} for file in sorted((Path(__file__).parent / "samples").glob("*/*.json"))]
LOOKS = [
    sample for sample in SAMPLES if sample["asked"] == "check" and sample["status"] < 300 and isinstance(sample["body"], dict) and "report" in sample
]
ENDS = [sample for sample in LOOKS if sample["report"]["phase"] in {"succeeded", "failed"}]
WITH_CLIPS = [sample for sample in LOOKS if sample["report"].get("videos")]
STATUSES = {"status", "state"}
FINAL = {"succeeded": ["completed", "Succeeded", "FINISHED", "success", "done"], "failed": ["error", "Failure", "CANCELLED", "failed", "aborted"]}
ODD_WORDS = ["marinating", "ready-ish", "", "0", "２", "DONE?", "完成", "x" * 500, "null", "\x00"]
FIGURES: st.SearchStrategy[Any] = st.sampled_from([0, -1, 10**18, 1e300, "NaN", "plenty", "9" * 400, None, True, [], {}]) | st.text(max_size=12)


def respelled(word: str, draw: st.DrawFn) -> str:
    """The same word in other capitals, with other signs between its parts and spaces around it."""
    changed: str = draw(st.sampled_from([word.upper(), word.lower(), word.title(), word.swapcase(), word]))
    sign: str = draw(st.sampled_from(["_", " ", "-"]))
    before, after = draw(st.sampled_from(["", " ", "\n"])), draw(st.sampled_from(["", " ", "!"]))
    return f"{before}{changed.replace('_', sign)}{after}"


def words_changed(value: Any, change: Any) -> Any:
    """A body with every status word changed; what repeats our request stays."""
    if isinstance(value, dict):
        return {
            key: change(item) if key in STATUSES and isinstance(item, str) and item else item if key == "request" else words_changed(item, change)
            for key, item in value.items()
        }
    return [words_changed(item, change) for item in value] if isinstance(value, list) else value


def figures_changed(value: Any, draw: st.DrawFn) -> Any:
    """A body with its numbers replaced by odd ones. HTTP's own status in a body (`code`) stays."""
    if isinstance(value, dict):
        return {key: item if key == "code" else figures_changed(item, draw) for key, item in value.items()}
    if isinstance(value, list):
        return [figures_changed(item, draw) for item in value]
    return draw(FIGURES) if isinstance(value, int | float) and not isinstance(value, bool) else value


def nested_otherwise(value: dict[str, Any], draw: st.DrawFn) -> dict[str, Any]:
    """A body in an envelope of its own, or with one of its objects in a list, or one step higher."""
    match draw(st.sampled_from(["around", "listed", "raised"])):
        case "around":
            return {draw(st.sampled_from(["result", "data", "output", "response"])): value}
        case "listed":
            return {key: [item] if isinstance(item, dict) else item for key, item in value.items()}
        case _:
            return {inner: item for key, outer in value.items() for inner, item in (outer.items() if isinstance(outer, dict) else [(key, outer)])}


def seen(sample: dict[str, Any], body: Any) -> Report | ProviderError:
    """What the worker gets to see of such an answer; anything else that is raised fails the test."""
    response = httpx.Response(sample["status"], headers=sample["headers"], content=json.dumps(body))
    try:
        report: Report = told(make(sample["kind"], "key-of-alice", dialect=sample.get("dialect", "")).check(sample["job"]), response)
    except ProviderError as error:
        if not isinstance(error, Unreadable) or isinstance(error, AboutAnother):
            return error
        unread = reading.with_stray_clip(reading.still_running(sample["job"], alert=error.message), response)
        return unread if unread.seems_over else error
    return reading.with_stray_clip(report, response)


@given(data=st.data(), sample=st.sampled_from(ENDS))
def test_a_final_word_ends_a_job_in_any_spelling(data, sample):
    got = seen(sample, words_changed(sample["body"], lambda word: respelled(word, data.draw)))

    assert isinstance(got, Report)
    assert (got.phase, got.videos) == (sample["report"]["phase"], tuple(sample["report"].get("videos", ())))


@given(data=st.data(), sample=st.sampled_from(ENDS))
def test_obvious_synonyms_of_a_final_word_end_a_job(data, sample):
    word = data.draw(st.sampled_from(FINAL[sample["report"]["phase"]]))
    has_words = words_changed(sample["body"], lambda _: "x") != sample["body"]
    got = seen(sample, words_changed(sample["body"], lambda _: word))

    event(f"has words: {has_words}")
    assert isinstance(got, Report)
    if not (sample["kind"] == "acedata" and len(sample["report"].get("videos", ())) != 1):  # of several videos some had failed
        assert got.phase == sample["report"]["phase"] or "envelope" in sample["source"]


@given(data=st.data(), sample=st.sampled_from(WITH_CLIPS))
def test_an_answer_that_names_its_clip_is_never_watched_as_if_it_ran(data, sample):
    body = words_changed(sample["body"], lambda word: data.draw(st.sampled_from([*ODD_WORDS, word])))
    body = figures_changed(body, data.draw)
    if data.draw(st.booleans()):
        body = nested_otherwise(body, data.draw)
    got = seen(sample, body)

    event(type(got).__name__ if isinstance(got, ProviderError) else f"{got.phase} {'over' if got.seems_over else ''}")
    if isinstance(got, Report):
        assert got.phase in {Phase.SUCCEEDED, Phase.FAILED} or (got.seems_over and got.alert)
    else:
        assert isinstance(got, Unanswered)
        assert got.message


@given(data=st.data(), sample=st.sampled_from([sample for sample in LOOKS if len(sample["report"].get("videos", ())) < 2]))
def test_whatever_the_words_a_job_ends_or_runs_by_a_known_word_or_somebody_is_told(data, sample):
    used: list[str] = []

    def change(word: str) -> str:
        used.append(data.draw(st.sampled_from([*ODD_WORDS, *FINAL["succeeded"], *FINAL["failed"], word])))
        return used[-1]

    got = seen(sample, figures_changed(words_changed(sample["body"], change), data.draw))

    if isinstance(got, Report) and got.phase in {Phase.RUNNING, Phase.QUEUED} and not got.alert:
        assert not [word for word in used if reading.text(word) and (word in ODD_WORDS or reading.phase_of(word, {}))]


@pytest.mark.parametrize(
    "body",
    [
        {"request": {"video_url": "https://a.example/a.mp4"}},
        {"data": {"hookUrl": "https://studio.example/hooks/video"}},
        {"image": {"url": "https://a.example/still.png"}},
        {"message": "see https://docs.example.org"},
        {"video": {"poster_url": "https://a.example/a.jpg"}},
        {"video": 7},
    ],
)
def test_what_repeats_our_request_or_shows_a_still_is_no_clip(body):
    assert not reading.names_a_clip(body)


@pytest.mark.parametrize(
    "body", [{"result": {"video": {"url": "https://a.example/x"}}}, {"out": ["https://a.example/a b.MP4?x=1"]}, {"videoUrl": "https://a.example/x"}]
)
def test_a_clip_is_seen_wherever_it_stands(body):
    assert reading.names_a_clip(body)


@pytest.mark.parametrize("spelled", [str.upper, str.title, lambda code: code.replace("_", "-"), lambda code: f" {code.replace('_', ' ')} "])
@pytest.mark.parametrize("code", list(xai_body.CAUSES))
def test_a_code_means_the_same_in_any_spelling(code, spelled):
    failed: dict[str, reading.Json] = {"status": "failed", "error": {"code": spelled(code), "message": ""}}
    assert xai_body.told(failed, "remote-1", name="xAI").cause is xai_body.CAUSES[code]


@pytest.mark.parametrize("code", list(acedata.CAUSES))
def test_a_code_of_acedata_means_the_same_in_any_spelling(code):
    assert acedata._cause(code.upper().replace("_", "-"), "") is acedata.CAUSES[code]
