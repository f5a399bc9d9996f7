"""What each provider really answers, one case per file under samples/, and what we make of it."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.providers import contract
from studio.providers.contract import (
    Balance,
    Batches,
    Brief,
    Cause,
    Found,
    Listing,
    Lists,
    Operation,
    Phase,
    Provider,
    ProviderError,
    Refused,
    Report,
    StoredFile,
    StoresFiles,
    TellsBalance,
    Usage,
)
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import told

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.json"))

# Traps of these APIs that show in what we send or do, not in an answer: where each of them is tested.
TESTED_ELSEWHERE = {
    2: "test_requests.py::test_a_look_asks_for_one_job",
    3: "test_requests.py::test_ttapi_is_sent_strings_and_its_own_names",
    4: "test_requests.py::test_ttapi_is_sent_strings_and_its_own_names",
    5: "test_requests.py::test_ttapi_is_sent_strings_and_its_own_names",
    7: "test_registry.py::test_a_brief_that_cannot_be_done_is_told_why",
    8: "test_requests.py::test_the_length_is_always_said_because_it_decides_the_price",
    9: "test_requests.py::test_acedata_is_always_asked_asynchronously",
    16: "test_keys_on_the_wire.py::test_a_key_that_travels_in_an_address_is_in_no_message_and_no_record",
    27: "test_wire.py::test_a_submission_is_sent_once_and_sorted_by_whether_it_may_have_acted",
    28: "test_downloads.py::test_a_file_arrives_whole_and_no_key_goes_with_the_request",
}
# A callback is never read as an answer (13: the door for callbacks has its own tests), a rate limit is the connection's and its strictest figure the
# default (24), and figures and look-alikes that do not exist (29, 30) are kept out by naming a source for every fact.
NOTHING_TO_READ = {13, 24, 29, 30}


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: f"{file.parent.name}: {file.stem}")
def test_an_answer_is_read_as_its_sample_says(file):
    sample = json.loads(file.read_text())
    flow = asked(make(file.parent.name, "key-of-alice", dialect=sample.get("dialect", "")), sample)

    if "error" in sample:
        with pytest.raises(ProviderError) as caught:
            told(flow, answer(sample))
        assert_is_as_expected(caught.value, sample["error"])
    else:
        assert told(flow, answer(sample)) == expected(sample)


def test_each_provider_has_samples_of_everything_that_it_can_be_asked():
    sampled = {(file.parent.name, json.loads(file.read_text())["asked"]) for file in SAMPLES}

    assert sampled == {(key, question) for key in PROVIDERS for question in questions(key)}


def test_every_dialect_has_samples():
    sampled = {(file.parent.name, json.loads(file.read_text()).get("dialect", "")) for file in SAMPLES}

    assert sampled == {(kind.key, dialect) for kind in PROVIDERS.values() for dialect in kind.dialects}


def test_every_sample_names_its_source():
    assert [file.stem for file in SAMPLES if not json.loads(file.read_text()).get("source")] == []


def test_every_known_trap_is_sampled_or_tested():
    sampled = {trap for file in SAMPLES for trap in json.loads(file.read_text()).get("traps", [])}

    assert sampled | set(TESTED_ELSEWHERE) | NOTHING_TO_READ == set(range(1, 31))
    for file, name in (place.split("::") for place in TESTED_ELSEWHERE.values()):
        assert f"def {name}(" in (Path(__file__).parent / file).read_text()


def questions(kind: str) -> set[str]:
    """What a provider can be asked."""
    provider = make(kind, "key-of-alice")
    more: dict[str, type] = {"check_many": Batches, "find": Lists, "find_file": StoresFiles, "delete_file": StoresFiles, "balance": TellsBalance}
    return {"submit", "check", *(question for question, protocol in more.items() if isinstance(provider, protocol))}


def asked(provider: Provider, sample: dict[str, Any]) -> Generator[httpx.Request, httpx.Response, Any]:
    """The flow of the question that a sample answers."""
    match sample["asked"], provider:
        case "submit", _:
            video = "https://studio.example/a.mp4" if "operation" in sample else ""
            return provider.submit(Brief(prompt="a calm sea", operation=Operation(sample.get("operation", "generate")), video=video))
        case "check", _:
            return provider.check(sample["job"])
        case "check_many", Batches():
            return provider.check_many(sample["jobs"])
        case "balance", TellsBalance():
            return provider.balance()
        case _:
            return searched(provider, sample)


def searched(provider: Provider, sample: dict[str, Any]) -> Generator[httpx.Request, httpx.Response, Any]:
    """The same for lists and file stores."""
    match sample["asked"], provider:
        case "find", Lists():
            return provider.find(Brief(**sample["brief"]), since=at(sample["since"]), until=at(sample["until"]))
        case "find_file", StoresFiles():
            return provider.find_file(sample["name"], since=datetime(2026, 8, 1, tzinfo=UTC))
        case "delete_file", StoresFiles():
            return provider.delete_file("file_1")
        case question, _:
            raise AssertionError(f"{provider} cannot be asked to {question}")


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def expected(sample: dict[str, Any]) -> Report | dict[str, Report] | Listing | Balance | None:
    """What a sample says should come of it."""
    if "reports" in sample:
        return {job: expected_report(said, job) for job, said in sample["reports"].items()}
    if "found" in sample:
        found = tuple(Found(job, at(created), callback) for job, created, callback in sample["found"])
        return Listing(found=found, read=len(sample["body"]["items"]))
    if "file" in sample:
        return Listing(file=StoredFile(*sample["file"]), read=1)
    if "deleted" in sample:
        return None
    if "balance" in sample:
        return Balance(*sample["balance"])
    return expected_report(sample["report"], sample["job"])


def answer(sample: dict[str, Any]) -> httpx.Response:
    body = sample["body"]
    return httpx.Response(sample["status"], headers=sample["headers"], content=body if isinstance(body, str) else json.dumps(body))


def expected_report(said: dict[str, Any], job: str) -> Report:
    return Report(
        phase=Phase(said["phase"]),
        remote_id=said.get("remote_id", job),
        progress=said.get("progress"),
        videos=tuple(said.get("videos", ())),
        usage=Usage(*said["usage"]) if "usage" in said else None,
        cause=Cause(said["cause"]) if "cause" in said else None,
        message=said.get("message", ""),
        alert=said.get("alert", ""),
        seems_over=said.get("seems_over", False),
        stored=StoredFile(*said["stored"]) if "stored" in said else None,
    )


def assert_is_as_expected(error: ProviderError, said: dict[str, Any]) -> None:
    assert type(error) is getattr(contract, said["kind"]), error.message
    assert error.message == said.get("message", error.message)
    if isinstance(error, Refused):
        assert error.cause == said["cause"]
        assert error.usage == (Usage(*said["usage"]) if "usage" in said else None)
    if "retry_after" in said:
        assert getattr(error, "retry_after", "missing") == said["retry_after"]
