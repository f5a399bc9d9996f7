"""Prompts as files: out and in again exactly, and files as people and spreadsheets make them."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from studio import plain_text
from studio.accounts.models import AuditEvent, User
from studio.accounts.sheets import FORMULA, NUMBER, from_cell, safe_cell
from studio.projects.models import Membership, Project
from studio.prompts import actions, carrying, encodings, importing
from studio.prompts.carrying import Undecided, Unreadable
from studio.prompts.contents import content_of
from studio.prompts.models import Prompt, PromptImport, PromptVersion
from tests.conftest import signed_in
from tests.prompts.conftest import WritePrompt

ODD = [
    "=1+1",
    "'=1+1",
    "''@x",
    "-5",
    "'-5",
    "+a",
    "@b",
    "|c",
    "%d",
    "＝e",
    "\t=x",
    "'",
    "''",
    "'a",
    'say "hi", he; said\nnew\tline',
    "שלום {{مكان}}",
    "🎬",
]


def send(client: Client, data: bytes | str, name: str = "prompts.csv") -> Any:
    content = data.encode() if isinstance(data, str) else data
    return client.post("/prompts/import/", {"file": SimpleUploadedFile(name, content)})


def brought(client: Client, data: bytes | str, name: str = "prompts.csv") -> Any:
    """The page that shows what a file would bring, confirmed."""
    page = send(client, data, name)
    client.post(f"/prompts/import/{page.context['waiting'].pk}/")
    return page


def exported(client: Client, kind: str, query: str = "") -> bytes:
    return b"".join(client.get(f"/prompts/export/?format={kind}{query}"))


def told(data: bytes, kind: str) -> list[dict[str, Any]]:
    """The file's versions without what another person's import changes: ids, who and when."""
    rows = carrying.read(f"x.{kind}", data).rows
    return [{name: value for name, value in row.items() if name not in {"id", "line", "author", "created"}} for row in rows]


@given(st.one_of(st.sampled_from(ODD), st.text(max_size=30)))
def test_a_cell_comes_back_as_it_was_and_is_no_formula(text: str):
    cell = safe_cell(text)
    assert from_cell(cell) == plain_text.lines(text)
    assert not FORMULA.match(cell) or NUMBER.fullmatch(cell)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_what_goes_out_comes_in_exactly_every_version(kind: str, aged: Prompt, write: WritePrompt, alice: User, bob: User, tide: Project):
    for number, odd in enumerate(ODD):
        write(f"{odd} {{{{a}}}}", name=plain_text.one_line(f"{odd} {number}"), tags=["x y", "ü"])
    write("x\n\n  y", name="Of the project", scope="project", project=tide)
    before = exported(signed_in(alice), kind, "&scope=team")
    Prompt.objects.update(archived_at=aged.created_at)  # out of the way: they cannot be deleted

    page = brought(signed_in(bob), before, f"prompts.{kind}")

    assert page.context["judged"].bad == []
    assert told(exported(signed_in(bob), kind), kind) == told(before, kind)
    again = Prompt.objects.get(name="Product dolly", author=bob)
    assert [content_of(version) for version in again.versions.all()] == [content_of(version) for version in aged.versions.all()]
    assert [version.note for version in again.versions.all()] == [version.note for version in aged.versions.all()]
    assert again.labels.get(name="production").version.number == 2


@pytest.mark.parametrize(
    "data",
    [
        "text;name\nA {{b}} ü;Eins\n".encode(),
        "\ufefftext,name\r\nA {{b}} ü,Eins\r\n".encode(),
        "text\tname\nA {{b}} ü\tEins\n".encode("utf-16"),
        "text;name\nA {{b}} ü;Eins\n".encode("utf-16-le"),
        "text;name\nA {{b}} ü;Eins\n".encode("utf-16-be"),
        "sep=;\nName;Prompt\nEins;A {{b}} ü\n".encode(),
        b'text,name\r"A {{b}} \xc3\xbc",Eins\r',
        '[{"prompt": "A {{b}} ü", "title": "Eins"}]'.encode(),
        '{"prompts": [{"name": "Eins", "versions": [{"text": "A {{b}} ü"}]}]}'.encode("utf-8-sig"),
    ],
)
def test_files_as_spreadsheets_and_people_make_them(data: bytes, alice: User):
    page = brought(signed_in(alice), data)
    prompt = Prompt.objects.get()
    assert (prompt.name, prompt.versions.get().text, prompt.scope) == ("Eins", "A {{b}} ü", "private")
    assert page.context["notice"] == ""


def test_bad_rows_are_listed_with_line_and_reason_and_good_ones_wait(alice: User, koi: Project):
    sheet = [
        ["text", "name", "where", "duration", "resolution", "defaults", "archived", "tags", "note"],
        ["Good {{a}}", "One", "team", "8", "720p", '{"a": "b"}', "", "x, y", "fine"],
        ["", "No text", "", "", "", "", "", "", ""],
        ["Two\nlines", "Odd {{", "", "", "", "", "", "", ""],
        ["{{broken", "", "", "", "", "", "", "", ""],
        ["a", "", "KOI", "", "", "", "", "", ""],
        ["a", "", "NONE", "", "", "", "", "", ""],
        ["a", "", "", "eight", "", "", "", "", ""],
        ["a", "", "", "", "8K", "", "", "", ""],
        ["{{a}}", "", "", "", "", "no json", "", "", ""],
        ["a", "", "", "", "", "", "perhaps", "", ""],
        ["a", "", "", "", "", "", "", "t" * 41, ""],
        ["a", "", "", "", "", "", "", "", "n" * 301],
        ["a", "n" * 121, "", "", "", "", "", "", ""],
    ]
    file = io.StringIO()
    csv.writer(file).writerows(sheet)
    browser = signed_in(alice)

    page = send(browser, file.getvalue())

    assert [(row.line, row.reason.split(":")[0]) for row in page.context["judged"].bad] == [
        ("Line 3", "Write the prompt first."),
        ("Line 6", "At character 1"),
        ("Line 7", "You cannot put prompts into “KOI”"),
        ("Line 8", "You cannot put prompts into “NONE”"),
        ("Line 9", "“eight” is no whole number of seconds."),
        ("Line 10", "“8K” is no resolution; it can be 480p, 720p, 1080p."),
        ("Line 11", "Its defaults or choices cannot be read; write them as JSON"),
        ("Line 12", "“perhaps” is neither yes nor no, in archived."),
        ("Line 13", f"The tag “{'t' * 40}…” is too long; it can have 40 characters."),
        ("Line 14", "Its note has 301 characters; it can have 300."),
        ("Line 15", "Its name has 121 characters; it can have 120."),
    ]
    assert Prompt.objects.count() == 0, "nothing is kept before somebody has looked"
    browser.post(f"/prompts/import/{page.context['waiting'].pk}/")
    assert sorted(Prompt.objects.values_list("name", flat=True)) == ["Odd {{", "One"]
    assert AuditEvent.objects.get(action="prompt.imported").after == {"seen_by": "team", "prompts": 1}


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "a.csv", "The file is empty."),
        (b"\xef\xbb\xbf \n", "a.csv", "The file is empty."),
        (b"name,tags\na,b\n", "a.csv", "must name the columns"),
        (b"text\n", "a.csv", "no prompt in the file"),
        (b'{"prompts": [', "a.json", "This is no JSON: it cannot be read at line 1."),
        (b"[" * 100_000, "a.json", "This is no JSON"),
        (b'{"prompts": {}}', "a.json", "a list named"),
        (b"\xff\xfea", "a.csv", "breaks off"),
        (b"text\n" + b"x" * 200_000, "a.csv", "Line 2 cannot be read"),
        (b"text\n" + b"a\n" * 20_001, "a.csv", "more than 20,000 rows"),
        (b"x" * 10_000_001, "a.csv", "The file has 10.0 MB; the most is 10 MB."),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(data: bytes, name: str, said: str, alice: User):
    page = send(signed_in(alice), data, name)
    assert page.status_code == 422
    assert said in page.content.decode()


def test_without_a_file_it_asks_for_one(as_alice: Client):
    page = as_alice.post("/prompts/import/")
    assert page.status_code == 422
    assert "Choose a file first." in page.content.decode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["prompts", "versions", "text", "name", "tags", "defaults", "choices", "labels", "duration", "where", "id", "line", "wrong"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_rows_that_are_judged_or_a_sentence(value: object):
    try:
        rows = carrying.read("x.json", json.dumps(value).encode()).rows
    except Unreadable:
        return
    for row in rows:
        try:
            importing.version_of(row)
            importing.facts_of(row, {"TIDE"})
        except importing.Wrong:
            pass


@given(st.binary(max_size=80))
def test_any_bytes_give_rows_or_a_sentence(data: bytes):
    try:
        rows = carrying.read("x.csv", data).rows
    except Unreadable as trouble:
        rows = [{"line": str(trouble)}]
    except Undecided:
        rows = [{"line": reading.name} for reading in encodings.readings(data)]
        assert rows
    assert all(row["line"] for row in rows)


def test_confirming_twice_keeps_once(alice: User):
    browser = signed_in(alice)
    waiting = send(browser, "text\nOne\n").context["waiting"]
    for _ in range(2):
        browser.post(f"/prompts/import/{waiting.pk}/")
    assert Prompt.objects.count() == 1
    assert PromptImport.objects.count() == 0


def test_what_one_person_looks_at_another_cannot_keep(alice: User, bob: User):
    waiting = send(signed_in(alice), "text\nOne\n").context["waiting"]
    signed_in(bob).post(f"/prompts/import/{waiting.pk}/")
    signed_in(bob).post(f"/prompts/import/{2**70}/")
    assert Prompt.objects.count() == 0


def test_who_left_the_project_meanwhile_keeps_nothing_and_loses_nothing(alice: User, tide: Project):
    browser = signed_in(alice)
    waiting = send(browser, "text,where\nOne,TIDE\nTwo,\n").context["waiting"]
    Membership.objects.filter(user=alice).delete()
    page = browser.post(f"/prompts/import/{waiting.pk}/", follow=True)
    assert "You cannot put prompts into TIDE any more." in page.content.decode()
    assert Prompt.objects.count() == 0
    assert PromptImport.objects.filter(pk=waiting.pk).exists()


def test_five_thousand_prompts_come_in_with_few_statements(alice: User, django_assert_max_num_queries: Any):
    rows = carrying.read("x.csv", ("text,tags,labels\n" + "A {{b}},t,l\n" * 5000).encode()).rows
    judged = importing.judge(rows, alice)
    waiting = importing.wait(judged, "x.csv", person=alice)
    with django_assert_max_num_queries(200):
        assert importing.keep(waiting.pk, by=alice) == 5000
    assert PromptVersion.objects.count() == 5000


def test_an_export_holds_what_the_list_shows_and_nothing_else(write: WritePrompt, alice: User, bob: User, koi: Project, mallory: User):
    write("Alice's secret", name="Private", scope="private")
    write("Koi's", name="Koi", scope="project", project=koi, by=mallory)
    write("Everybody's", name="Team")
    for kind in ("csv", "json"):
        assert [row["name"] for row in carrying.read(f"x.{kind}", exported(signed_in(bob), kind)).rows] == ["Team"]
    assert json.loads(exported(signed_in(bob), "json", "&q=nothing")) == {"format": "studio prompts", "prompts": []}
    actions.archive(Prompt.objects.get(name="Team"), by=alice)
    assert json.loads(exported(signed_in(bob), "json"))["prompts"] == []
