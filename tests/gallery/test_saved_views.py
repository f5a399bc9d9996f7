"""Views of a wall that are kept under a name: whose they are, who shares them, what a name may be."""

import pytest
from django.test import Client
from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.models import SavedView
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_wall import WALL


def keep(browser: Client, name: str, query: str = "show=picked&q=tide", code: str = "TIDE", **more: str) -> int:
    return browser.post(reverse("view_save"), {"name": name, "query": query, "code": code, **more}).status_code


def test_a_view_is_kept_opened_by_one_click_changed_and_removed(as_alice: Client, alice: User, make_clip: MakeClip):
    make_clip()
    assert keep(as_alice, "Hero shots") == 302
    view = SavedView.objects.get()
    page = as_alice.get(WALL).content.decode()
    assert f'href="{WALL}?show=picked&amp;q=tide"' in page
    assert '<b class="wallbar__view"><bdi>Hero shots</bdi></b>' in as_alice.get(f"{WALL}?q=tide&show=picked").content.decode()

    as_alice.post(reverse("view_change", args=[view.pk]), {"name": "Heroes"})
    assert SavedView.objects.get().name == "Heroes"
    as_alice.post(reverse("view_change", args=[view.pk]), {"do": "remove"})
    assert not SavedView.objects.exists()


def test_owners_share_a_view_with_the_project_and_nobody_else_does(alice: User, bob: User, carol: User, mallory: User, make_clip: MakeClip):
    make_clip()
    assert keep(signed_in(alice), "Mine", shared="on") == 403
    assert keep(signed_in(bob), "Everywhere", code="", shared="on") == 403
    assert keep(signed_in(bob), "Ours", shared="on") == 302
    assert keep(signed_in(alice), "Mine") == 302

    assert "Ours" in signed_in(carol).get(WALL).content.decode()
    assert "Mine" not in signed_in(carol).get(WALL).content.decode()
    ours = SavedView.objects.get(name="Ours")
    for somebody in (alice, mallory):
        assert signed_in(somebody).post(reverse("view_change", args=[ours.pk]), {"do": "remove"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "why", "stays"),
    [
        ("", "This field is required.", 'name="name" maxlength'),
        (" ", "This field is required.", 'name="name" value=" "'),
        ("x" * 61, "at most 60 characters (it has 61)", f'name="name" value="{"x" * 61}"'),
    ],
)
def test_a_name_that_is_none_is_refused_beside_the_field_and_stays(as_alice: Client, make_clip: MakeClip, name: str, why: str, stays: str):
    make_clip()
    answer = as_alice.post(reverse("view_save"), {"name": name, "query": "show=picked", "code": "TIDE"})
    field = answer.content.decode().partition('id="id_name-field"')[2].partition("</div>")[0]

    assert answer.status_code == 422
    assert 'class="field__error"' in field
    assert why in field
    assert stays in field
    assert not SavedView.objects.exists()


def test_a_name_is_taken_once_and_views_have_an_end(as_alice: Client, alice: User, tide: Project, make_clip: MakeClip):
    make_clip()
    assert keep(as_alice, "Same") == 302
    assert keep(as_alice, "Same") == 422
    assert keep(as_alice, "Same", code="") == 302
    assert keep(as_alice, "Same", code="") == 422
    SavedView.objects.bulk_create([SavedView(owner=alice, project=tide, name=f"V{number}") for number in range(29)])
    assert keep(as_alice, "One more") == 422
