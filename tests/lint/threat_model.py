"""Rules for SECURITY.md: its threat model says what each actor can and cannot do, and each thing that somebody cannot do names the tests that prove it."""

import re
from collections.abc import Iterator

from tests.lint.files import Rules, SourceFile

MODEL = re.compile(r"^## Threat model$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"^\* .*(?:\n  .*)*", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def sentences(file: SourceFile) -> list[tuple[int, str]]:
    """Each sentence of the threat model, with its position."""
    return [(model.start(1) + one.start(), one[0]) for model in MODEL.finditer(file.text) for one in SENTENCE.finditer(model[1])]


def the_threat_model_is_there(file: SourceFile) -> Iterator[str]:
    if not sentences(file):
        yield file.on(1, 'no sentence under "## Threat model": write lists there, or correct tests/lint/threat_model.py')


def sentences_begin_with_can_or_cannot(file: SourceFile) -> Iterator[str]:
    for offset, sentence in sentences(file):
        if not re.match(r"\* (Can|Cannot)[ ,]", sentence):
            yield file.at(offset, f'"{sentence[:40]}…": begin with Can or Cannot')


def what_cannot_be_done_names_its_test(file: SourceFile) -> Iterator[str]:
    for offset, sentence in sentences(file):
        if sentence.startswith("* Cannot") and not NAMED.search(sentence):
            yield file.at(offset, f'"{sentence[:60]}…": name the test that proves it, as (`tests/…py::test_name`)')


def named_tests_exist(file: SourceFile) -> Iterator[str]:
    for match in NAMED.finditer(file.text):
        path = file.root / match[1]
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not re.search(rf"^(?:async )?def {match[2]}\(", text, re.MULTILINE):
            yield file.at(match.start(), f"{match[0]}: there is no such test")


RULES: Rules = {
    "SECURITY.md": (the_threat_model_is_there, sentences_begin_with_can_or_cannot, what_cannot_be_done_names_its_test, named_tests_exist),
}
