"""What each provider really answers, one case per file under samples/, and what we make of it."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.providers import contract
from studio.providers.contract import Brief, Cause, Phase, ProviderError, Refused, Report, Usage
from studio.providers.registry import PROVIDERS, make
from tests.providers.asking import told

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.json"))


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: f"{file.parent.name}: {file.stem}")
def test_an_answer_is_read_as_its_sample_says(file):
    sample = json.loads(file.read_text())
    provider = make(file.parent.name, "key-of-alice")
    flow = provider.submit(Brief(prompt="a calm sea")) if sample["asked"] == "submit" else provider.check(sample["job"])

    if "report" in sample:
        assert told(flow, answer(sample)) == expected_report(sample)
    else:
        with pytest.raises(ProviderError) as caught:
            told(flow, answer(sample))
        assert_is_as_expected(caught.value, sample["error"])


def test_each_provider_has_samples_of_both_questions():
    asked = {(file.parent.name, json.loads(file.read_text())["asked"]) for file in SAMPLES}

    assert asked == {(key, question) for key in PROVIDERS for question in ("submit", "check")}


def test_the_traps_that_concern_answers_are_all_sampled():
    trapped = {trap for file in SAMPLES for trap in json.loads(file.read_text()).get("traps", [])}

    assert trapped >= {1, 3, 4, 6, 9, 10, 11, 12, 14, 15, 17, 18, 19, 20, 21, 22, 23, 25, 26}


def answer(sample: dict[str, Any]) -> httpx.Response:
    body = sample["body"]
    return httpx.Response(sample["status"], headers=sample["headers"], content=body if isinstance(body, str) else json.dumps(body))


def expected_report(sample: dict[str, Any]) -> Report:
    said = sample["report"]
    return Report(
        phase=Phase(said["phase"]),
        remote_id=said.get("remote_id", sample["job"]),
        progress=said.get("progress"),
        videos=tuple(said.get("videos", ())),
        usage=Usage(*said["usage"]) if "usage" in said else None,
        cause=Cause(said["cause"]) if "cause" in said else None,
        message=said.get("message", ""),
        alert=said.get("alert", ""),
    )


def assert_is_as_expected(error: ProviderError, said: dict[str, Any]) -> None:
    assert type(error) is getattr(contract, said["kind"]), error.message
    assert error.message == said.get("message", error.message)
    if isinstance(error, Refused):
        assert error.cause == said["cause"]
        assert error.usage == (Usage(*said["usage"]) if "usage" in said else None)
    if "retry_after" in said:
        assert getattr(error, "retry_after", "missing") == said["retry_after"]
