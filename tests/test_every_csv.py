"""Every CSV that leaves the studio is found by asking every address for one, and has the same mark, guard and line ends."""

import csv
import io
import re

import pytest
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from studio import plain_text
from studio.accounts.models import AuditEvent, User
from studio.accounts.sheets import FORMULA, MARK, NUMBER, from_cell, sheet_lines
from studio.credits import exports, ledger
from studio.credits.models import Entry
from studio.gallery.bundle_manifest import as_csv
from studio.gallery.models import Comment
from studio.jobs.models import Clip, Job
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.test_every_address import TABLE, World, cast, world  # noqa: F401 - fixtures

EVIL = "=cmd|' /C calc'!A0;\"=b();+c\t@d|-e\nok\n  ＝f\x1b[31m\u202e"
BEGINS = re.compile(r"\s*[=+\-@＝＋－＠]")
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ASKED = {"as": "csv", "format": "csv"}
KNOWN = {
    *("audit_export", "clip_notes", "credits_kept", "credits_ledger", "credits_people", "credits_spend", "project_kept", "project_notes"),
    *("prompts_export", "statement_person", "statement_project", "statement_team", "batch_template"),
}


@pytest.fixture
def evil(world: World, cast: dict[str, User]) -> None:  # noqa: F811 - the fixtures
    """The same text for a formula wherever somebody can write it."""
    alice = cast["alice"]
    for person in User.objects.all():
        ledger.grant(person, 1_000, key=f"evil{person.pk}", reason=EVIL, actor=alice)
    User.objects.update(name=EVIL)
    Project.objects.update(name=EVIL)
    Job.objects.update(prompt=EVIL)
    clip = Clip.objects.get()
    Comment.objects.create(clip=clip, project=clip.project, author=alice, text=EVIL)
    AuditEvent.record("person.role", EVIL, actor=alice, reason=EVIL)


def body(response: HttpResponseBase) -> bytes:
    return b"".join(response) if isinstance(response, StreamingHttpResponse) else getattr(response, "content", b"")


def answers(world: World, browser: Client) -> dict[str, bytes]:  # noqa: F811 - the fixture's value
    """The body of every address that gives a CSV to somebody who sees everything."""
    found = {}
    for name, address in TABLE.items():
        response = browser.get(world.address(name), ASKED) if address.get else browser.post(world.address(name), {"prompt": "A {{- S1}} {{=b}}"})
        data = body(response)  # of the others too: read to the end, they close their files
        if response.headers.get("Content-Type", "").startswith("text/csv"):
            found[name] = data
    return found


def wrong_with(data: bytes) -> list[str]:
    """What is not as it should be in a file."""
    text = data.decode()
    found = [] if text.startswith(MARK) and text.count(MARK) == 1 else ["the mark"]
    outside = re.sub(r'"(?:[^"]|"")*"', "", text)
    if not text.endswith("\r\n") or re.search(r"(?<!\r)\n|\r(?!\n)", outside):
        found.append("a line end")
    cells = [cell for row in csv.reader(io.StringIO(text.removeprefix(MARK), newline="")) for cell in row]
    found += ["a control character"] if CONTROLS.search(text) else []
    return found + [cell for cell in cells if FORMULA.match(cell) and not NUMBER.fullmatch(cell)] + formulas(text.removeprefix(MARK))


def formulas(text: str) -> list[str]:
    """The cells that a spreadsheet takes for formulas, whatever its list separator is."""
    read = [cell for separator in ",;\t|" for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    return [cell for cell in read if BEGINS.match(cell) and not NUMBER.fullmatch(cell)]


hostile_cells = st.text(alphabet=st.sampled_from("=+-@＝|;,\t\n\r\"' a1\x1b\u202e"), max_size=12)


@given(st.lists(st.lists(hostile_cells, min_size=1, max_size=3), min_size=1, max_size=3))
def test_no_separator_finds_a_formula_and_the_import_gives_the_text_back(rows: list[list[str]]):
    text = "".join(sheet_lines(["one", "two"], rows)).removeprefix(MARK)

    assert formulas(text) == []
    assert not CONTROLS.search(text)
    told = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [[from_cell(cell) for cell in row] for row in told] == [[plain_text.lines(cell) for cell in row] for row in rows]


@pytest.mark.usefixtures("evil")
def test_every_csv_has_the_mark_the_guard_and_the_line_ends(world: World, cast: dict[str, User]):  # noqa: F811 - the fixtures
    found = answers(world, signed_in(cast["ada"]))

    assert set(found) == KNOWN
    assert {name: trouble for name, data in found.items() if (trouble := wrong_with(data))} == {}


@pytest.mark.usefixtures("evil")
def test_files_that_no_page_gives_have_them_too():
    told = io.StringIO()
    exports.write_entries(Entry.objects.all(), told)

    assert wrong_with(told.getvalue().encode()) == []
    assert wrong_with(as_csv([], left_out=[EVIL])) == []


def test_a_heading_that_a_person_named_is_guarded(cast: dict[str, User], tide: Project):  # noqa: F811 - the fixture
    answer = signed_in(cast["alice"]).post(reverse("batch_template", args=["TIDE"]), {"prompt": "A {{- S1}}"})

    assert wrong_with(body(answer)) == []
