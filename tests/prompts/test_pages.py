"""The library's pages as a browser meets them: who may, what is said, and that nothing typed is lost."""

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.contents import Content
from studio.prompts.models import Prompt
from tests.conftest import signed_in
from tests.prompts.conftest import WritePrompt

PAGES = ("", "versions/1/", "compare/", "use/")
CHANGES = ("edit/", "versions/1/restore/", "versions/1/label/", "label-off/", "details/", "archive/")


def seen(user: User, prompt: Prompt) -> set[int]:
    return {signed_in(user).get(f"/prompts/{prompt.pk}/{page}").status_code for page in PAGES}


def changed(user: User, prompt: Prompt) -> set[int]:
    return {signed_in(user).post(f"/prompts/{prompt.pk}/{page}").status_code for page in CHANGES}


LET_IN, NOTHING, REFUSED, MAY = {200, 302}, {404}, {403}, {302, 422}


def test_a_private_prompt_is_its_authors_alone(write: WritePrompt, tide: Project, alice: User, bob: User, ada: User, mallory: User):
    prompt = write(scope="private")
    assert seen(alice, prompt) == LET_IN
    assert changed(alice, prompt) == MAY
    for stranger in (bob, ada, mallory):
        assert seen(stranger, prompt) == changed(stranger, prompt) == NOTHING
        assert "Product dolly" not in signed_in(stranger).get("/prompts/").content.decode()


def test_members_see_a_projects_prompt_and_its_makers_change_it(
    write: WritePrompt, tide: Project, alice: User, bob: User, carol: User, ada: User, mallory: User
):
    prompt = write(scope="project", project=tide)
    for maker in (alice, bob, ada):
        assert changed(maker, prompt) == MAY
    assert 200 in seen(carol, prompt)
    assert changed(carol, prompt) == REFUSED
    assert seen(mallory, prompt) == changed(mallory, prompt) == NOTHING
    Project.objects.update(archived_at=prompt.created_at)
    assert changed(bob, prompt) == REFUSED


def test_everybody_sees_the_teams_prompt_and_author_and_admins_change_it(write: WritePrompt, tide: Project, alice: User, bob: User, ada: User):
    prompt = write()
    assert seen(bob, prompt) == LET_IN
    assert changed(bob, prompt) == REFUSED
    for may in (alice, ada):
        assert changed(may, prompt) == MAY


def test_who_may_change_a_projects_prompt_may_not_say_whose_it_is(write: WritePrompt, tide: Project, bob: User):
    prompt = write(scope="project", project=tide)
    browser = signed_in(bob)
    assert browser.post(f"/prompts/{prompt.pk}/hand-over/", {"email": "bob@example.org"}).status_code == 403
    browser.post(f"/prompts/{prompt.pk}/details/", {"name": "Bob's", "tags": "", "where": "team"})
    prompt.refresh_from_db()
    assert (prompt.name, prompt.scope) == ("Bob's", "project")


@pytest.mark.parametrize("address", ["/prompts/999999/", "/prompts/99999999999999999999999/", "/prompts/1/versions/99999999999/"])
def test_what_is_not_there_is_not_there(address: str, as_alice: Client):
    assert as_alice.get(address).status_code == 404


def test_a_prompt_is_written_with_values_choices_and_a_brief(as_alice: Client, tide: Project):
    answer = as_alice.post(
        "/prompts/new/",
        {
            "name": "  Product\tdolly ", "text": "Toward {{ subject }} in {{light}}\r\n", "tags": "Rain, night,,rain", "where": "TIDE",
            "default:subject": " a bottle ", "choices:light": "dusk\r\n\r\nnoon\r\ndusk", "default:gone": "x",
            "aspect_ratio": "9:16", "duration": "6", "resolution": "480p", "silent": "on",
        },
    )  # fmt: skip
    prompt = Prompt.objects.get()
    version = prompt.versions.get()
    assert answer.headers["Location"] == f"/prompts/{prompt.pk}/"
    assert (prompt.name, prompt.project) == ("Product dolly", tide)
    assert sorted(prompt.tags.values_list("name", flat=True)) == ["night", "rain"]
    assert (version.text, version.defaults, version.choices) == (
        "Toward {{ subject }} in {{light}}",
        {"subject": "a bottle"},
        {"light": ["dusk", "noon"]},
    )
    assert (version.aspect_ratio, version.duration, version.resolution, version.silent) == ("9:16", 6, "480p", True)


def test_what_is_wrong_is_said_and_everything_typed_stays(as_alice: Client, koi: Project):
    page = as_alice.post(
        "/prompts/new/", {"name": "", "text": "A {{subject}} {{", "where": "KOI", "tags": "t" * 50, "default:subject": "typed here", "duration": "0"}
    )
    told = page.content.decode()
    assert page.status_code == 422
    assert Prompt.objects.count() == 0
    for said in ("Give it a name.", "is never closed", "You cannot put it there.", "is too long", "typed here", "A {{subject}} {{"):
        assert said in told, said


def test_fields_for_variables_follow_the_text(as_alice: Client):
    page = as_alice.post("/prompts/variables/", {"text": "{{a}} {{b}}", "default:a": "kept", "choices:b": "1\n2"}).content.decode()
    assert 'name="default:a" value="kept"' in page
    assert 'name="choices:b"' in page
    assert "1\n2" in page
    assert "<fieldset" not in as_alice.post("/prompts/variables/", {"text": "none"}).content.decode()


def test_who_saves_second_is_told_and_loses_nothing(dolly: Prompt, ada: User, as_alice: Client):
    as_alice.get(f"/prompts/{dolly.pk}/edit/")
    actions.revise(dolly, Content(text="What Ada wrote"), base=1, note="Shorter", by=ada)

    page = as_alice.post(f"/prompts/{dolly.pk}/edit/", {"text": "What {{who}} wrote", "base": "1", "note": "Mine", "default:who": "Alice"})

    told = page.content.decode()
    assert page.status_code == 409
    for said in (
        "Ada saved version 2 while you were writing",
        "Shorter",
        "What {{who}} wrote",
        'value="Mine"',
        'value="Alice"',
        "Save on top of version 2",
    ):
        assert said in told, said
    assert 'name="base" value="2"' in told
    assert dolly.versions.count() == 2
    as_alice.post(f"/prompts/{dolly.pk}/edit/", {"text": "What {{who}} wrote", "base": "2", "note": "Mine", "default:who": "Alice"})
    assert dolly.versions.get(number=3).text == "What {{who}} wrote"


def test_saving_what_is_there_already_says_so(dolly: Prompt, as_alice: Client):
    version = dolly.versions.get()
    same = {"text": version.text, "base": "1", "default:subject": "a glass bottle", "choices:light": "dusk\nnoon"}
    page = as_alice.post(f"/prompts/{dolly.pk}/edit/", {**same, "aspect_ratio": "16:9", "duration": "8", "resolution": "720p"})
    assert page.status_code == 422
    assert "Nothing is different" in page.content.decode()


def test_two_versions_are_compared_in_words_that_need_no_colour(aged: Prompt, as_alice: Client):
    page = as_alice.get(f"/prompts/{aged.pk}/compare/?from=1&to=3").content.decode()
    assert '<del><span class="sr">taken out: </span>Slow' in page
    assert '<ins><span class="sr">added: </span>Very slow push' in page
    assert "Aspect ratio" in page
    assert as_alice.get(f"/prompts/{aged.pk}/compare/?from=x&to=").status_code == 200
    assert as_alice.get(f"/prompts/{aged.pk}/compare/?from=9&to=1").status_code == 404


def test_restore_and_labels_work_from_the_page(aged: Prompt, as_alice: Client):
    as_alice.post(f"/prompts/{aged.pk}/versions/1/restore/", {"base": "3"})
    assert aged.versions.first() == aged.versions.get(number=4)
    stale = as_alice.post(f"/prompts/{aged.pk}/versions/2/restore/", {"base": "3"}, follow=True).content.decode()
    assert "while you were writing" in stale
    as_alice.post(f"/prompts/{aged.pk}/versions/4/label/", {"label": " Production "})
    assert aged.labels.get().version.number == 4
    assert "A label is one short name" in as_alice.post(f"/prompts/{aged.pk}/versions/4/label/", {"label": "a,b"}, follow=True).content.decode()
    as_alice.post(f"/prompts/{aged.pk}/label-off/", {"label": "production"})
    assert aged.labels.count() == 0


def test_handing_over_from_the_page(dolly: Prompt, bob: User, mallory: User, tide: Project, as_alice: Client):
    for stranger in ("nobody@example.org", mallory.email):
        page = as_alice.post(f"/prompts/{dolly.pk}/hand-over/", {"email": stranger})
        assert page.status_code == 422
        assert "Nobody with whom you share a project has this address." in page.content.decode()
    as_alice.post(f"/prompts/{dolly.pk}/hand-over/", {"email": "BOB@example.org"})
    dolly.refresh_from_db()
    assert dolly.author == bob


def test_hiding_a_prompt_from_oneself_leads_back_to_the_list(write: WritePrompt, tide: Project, ada: User, alice: User):
    prompt = write(scope="team")
    answer = signed_in(ada).post(f"/prompts/{prompt.pk}/details/", {"name": "X", "tags": "", "where": "private"})
    assert answer.status_code == 422
    assert "Only Alice can take it back" in answer.content.decode()


def test_an_archived_prompt_leaves_the_list_and_comes_back(dolly: Prompt, as_alice: Client):
    as_alice.post(f"/prompts/{dolly.pk}/archive/", {"to": "archive"})
    assert "No prompts yet" in as_alice.get("/prompts/").content.decode()
    assert "Archived on" in as_alice.get(f"/prompts/{dolly.pk}/").content.decode()
    as_alice.post(f"/prompts/{dolly.pk}/archive/", {"to": "back"})
    assert "Product dolly" in as_alice.get("/prompts/").content.decode()


def test_a_copy_begins_with_the_newest_version(aged: Prompt, tide: Project, bob: User):
    page = signed_in(bob).get(f"/prompts/new/?copy={aged.pk}").content.decode()
    assert 'value="Product dolly, copy"' in page
    assert "Very slow push" in page


def test_use_leads_to_the_studio_of_a_project_in_which_one_makes_clips(aged: Prompt, tide: Project, koi: Project, carol: User, as_alice: Client):
    use = f"/prompts/{aged.pk}/use/"
    assert as_alice.get(use).headers["Location"] == f"/p/TIDE/?prompt={aged.pk}"
    assert as_alice.get(f"{use}?project=tide&version=1").headers["Location"] == f"/p/TIDE/?prompt={aged.pk}&version=1"
    for user, query in ((None, "?project=KOI"), (carol, "")):
        browser = signed_in(user) if user else as_alice
        assert "Choose a project in which you may order clips." in browser.get(use + query, follow=True).content.decode()
