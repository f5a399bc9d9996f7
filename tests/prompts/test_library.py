"""The library's list: what is found, page by page, and what that costs."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.accounts.models import User
from studio.projects.models import Project
from studio.prompts import actions, library
from studio.prompts.contents import Content
from studio.prompts.library import Filters, Mark, page_of
from studio.prompts.models import Prompt, PromptTag, PromptVersion
from tests.conftest import signed_in
from tests.prompts.conftest import WritePrompt


def names(user: User, **query: str) -> list[str]:
    return [row.prompt.name for row in page_of(user, Filters.read(query)).rows]


def many(author: User, number: int) -> None:
    """Prompts of the team, each with a version, a tag and words of its own."""
    now = timezone.now()
    made = Prompt.objects.bulk_create(
        [
            Prompt(
                author=author, scope="team", name=f"Prompt {n}", latest=1, search=f"prompt {n} gull sea", updated_at=now - timedelta(seconds=n // 2)
            )
            for n in range(number)
        ],
        batch_size=500,
    )
    PromptVersion.objects.bulk_create([PromptVersion(prompt=one, number=1, text="{{a}} gull", author=author) for one in made], batch_size=500)
    PromptTag.objects.bulk_create([PromptTag(prompt=one, name="sea") for one in made], batch_size=500)


def test_words_are_found_in_name_text_and_tags_whatever_their_capitals(write: WritePrompt, alice: User):
    write("Ein Schiff im NEBEL bei {{Ort}}", name="Älteste Fähre", tags=["nacht"])
    write("Other", name="Another")
    for words in ("älteste", "ÄLTESTE fähre", "nebel ORT", "NACHT schiff"):
        assert names(alice, q=words) == ["Älteste Fähre"], words
    for words in ("Nebel Another", "50%", "_", "\\", "'", "\x00nothing"):
        assert names(alice, q=words) == [], words


def test_a_change_of_text_name_or_tags_is_found_at_once(write: WritePrompt, alice: User):
    prompt = write("First words", name="One")
    actions.revise(prompt, Content(text="Second words"), base=1, note="", by=alice)
    actions.describe(prompt, name="Two", tags=["three"])
    assert names(alice, q="second two three") == ["Two"]
    assert names(alice, q="first") == names(alice, q="one") == []


def test_filters_narrow_the_list(write: WritePrompt, alice: User, bob: User, tide: Project):
    write(name="Team's", tags=["a"])
    write(name="Alice's own", scope="private", tags=["b"])
    write(name="Tide's", scope="project", project=tide, by=bob)
    away = write(name="Away")
    actions.archive(away, by=alice)
    assert names(alice) == ["Tide's", "Alice's own", "Team's"]
    assert names(alice, scope="team") == ["Team's"]
    assert names(alice, scope="private") == ["Alice's own"]
    assert names(alice, scope="project") == ["Tide's"]
    assert names(alice, tag="A") == ["Team's"]
    assert names(alice, by=str(bob.pk)) == ["Tide's"]
    assert names(alice, archived="1") == ["Away"]
    assert names(alice, scope="nonsense", by="x" * 40) == names(alice)
    assert library.tags_for(bob) == ["a"], "tags of what one may not see are not offered"


def test_pages_show_every_prompt_once_even_at_one_moment(alice: User):
    many(alice, 75)
    Prompt.objects.update(updated_at=timezone.now())
    seen, mark = [], None
    while True:
        page = page_of(alice, Filters(), mark)
        seen += [row.prompt.pk for row in page.rows]
        if page.older is None:
            break
        mark = Mark.read(str(page.older))
    assert len(seen) == len(set(seen)) == 75


@pytest.mark.parametrize("mark", ["", "x", "1~", "nan~1", "1e99~1", "1~-5", "1~99999999999999999999", "1.0~1\x00"])
def test_a_broken_mark_is_the_first_page(mark: str, dolly: Prompt, as_alice: Client):
    assert Mark.read(mark) is None
    assert "Product dolly" in as_alice.get("/prompts/", {"before": mark}).content.decode()


def test_a_thousand_prompts_cost_no_more_queries_than_three(alice: User, as_alice: Client):
    many(alice, 3)
    as_alice.get("/prompts/?q=gull")  # the first search of a person makes its counter
    costs = {}
    for query in ("", "?q=gull+sea", "?tag=sea&by=" + str(alice.pk)):
        with CaptureQueriesContext(connection) as few:
            as_alice.get(f"/prompts/{query}")
        costs[query] = len(few)
    many(alice, 1_000)
    for query, cost in costs.items():
        with CaptureQueriesContext(connection) as lots:
            page = as_alice.get(f"/prompts/{query}").content.decode()
        assert len(lots) == cost
        assert cost < 32
        assert page.count('class="prow"') == library.PAGE
    mark = re.search(r"before=([\d.~]+)", page)
    assert mark
    with CaptureQueriesContext(connection) as older:
        as_alice.get("/prompts/", {"before": mark[1]})
    assert len(older) <= costs[""]


def test_an_empty_library_says_how_to_begin(as_alice: Client):
    page = as_alice.get("/prompts/").content.decode()
    assert "No prompts yet" in page
    assert "{{subject}}" in page.replace("&#123;", "{").replace("&#125;", "}")
    assert "No prompt fits" in as_alice.get("/prompts/?q=nothing").content.decode()


def test_what_people_wrote_is_shown_letter_by_letter(write: WritePrompt, mallory: User, as_alice: Client):
    write("<script>alert(1)</script> {{a}} & {% now %} {{b|safe}}".replace("{{b|safe}}", ""), name="<b>Bold</b>", by=mallory)
    page = as_alice.get("/prompts/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "{% now %}" in page


def test_hundreds_of_versions_are_shown_a_page_at_a_time(dolly: Prompt, alice: User):
    PromptVersion.objects.bulk_create(PromptVersion(prompt=dolly, number=n, text=f"v {n}", author=alice) for n in range(2, 121))
    Prompt.objects.filter(pk=dolly.pk).update(latest=120)
    browser = signed_in(alice)
    first = browser.get(f"/prompts/{dolly.pk}/").content.decode()
    assert '/versions/71/"' in first
    assert '/versions/70/"' not in first
    assert '/versions/70/"' in browser.get(f"/prompts/{dolly.pk}/?versions=71").content.decode()
