"""Links as members make, change, list and end them: who may, until when, and what is said beside its field."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import AuditEvent, User
from studio.gallery import share_actions
from studio.gallery.share_forms import MOST_CLIPS
from studio.gallery.share_models import ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.sharing import link_to, page

NEW = reverse("share_new", args=["TIDE"])


def form(**fields: Any) -> dict[str, Any]:
    until = timezone.localdate() + timedelta(days=14)
    return {"title": "Selects", "until": until.isoformat(), "may_view": "on", **fields}


# ───────── making one


def test_a_maker_shares_a_clip_for_two_weeks_unless_told_otherwise(as_alice: Client, clip: Clip):
    asked = as_alice.get(NEW, {"clips": str(clip.pk)}).content.decode()
    assert f'value="{(timezone.localdate() + timedelta(days=14)).isoformat()}"' in asked

    as_alice.post(NEW, form(clips=str(clip.pk), password="open sesame"))

    link = ShareLink.objects.get()
    assert [place.clip for place in link.places.all()] == [clip]
    assert link.expires_at is not None
    assert timedelta(days=14) <= link.expires_at - timezone.now() < timedelta(days=15)
    assert (link.may_view, link.may_decide, link.may_download, link.shows_prompts) == (True, False, False, False)
    assert link.token not in {link.token_hash, link.seed}
    assert len(bytes.fromhex(link.token)) * 8 >= 128
    assert "open sesame" not in link.password
    assert reverse("share", args=[link.token]) in as_alice.get(reverse("share_links", args=["TIDE"])).content.decode()
    assert AuditEvent.objects.filter(action="share.made", actor__email="alice@example.org").exists()


def test_in_the_dialog_the_address_comes_at_once(as_alice: Client, clip: Clip):
    htmx = {"HX-Request": "true"}
    assert "<html" not in as_alice.get(NEW, {"clips": str(clip.pk)}, headers=htmx).content.decode()

    answer = as_alice.post(NEW, form(clips=str(clip.pk)), headers=htmx).content.decode()

    assert f"http://testserver/s/{ShareLink.objects.get().token}/" in answer


def test_only_clips_of_the_project_get_into_a_link(as_alice: Client, make_clip: MakeClip, koi: Project):
    mine, foreign, unsaved = make_clip(), make_clip(project=koi), make_clip(saved=False)
    as_alice.post(NEW, form(clips=f"{foreign.pk} {mine.pk},{unsaved.pk}"))
    assert [place.clip for place in ShareLink.objects.get().places.all()] == [mine]

    answer = as_alice.post(NEW, form(clips=str(foreign.pk)))
    assert answer.headers["Location"] == reverse("gallery", args=["TIDE"])
    assert ShareLink.objects.count() == 1  # no link, and no live view in its place


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"title": " "}, "This field is required."),
        ({"until": ""}, "This field is required."),
        ({"until": "2020-01-01"}, "That day is over."),
        ({"until": (timezone.localdate() + timedelta(days=400)).isoformat()}, "At most a year from now."),
        ({"never": "on", "until": ""}, "This field is required."),  # Alice makes, and only owners may
        ({"may_view": ""}, "Let guests watch or download"),
        ({"may_view": "", "may_download": "on", "may_decide": "on"}, "Nobody can judge what they may not watch."),
        ({"password": "short"}, "at least 6 characters"),
        ({"title": "x" * 121}, "at most 120 characters"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_what_was_typed_stays(fields: dict[str, str], why: str, as_alice: Client, clip: Clip):
    answer = as_alice.post(NEW, form(**{"clips": str(clip.pk), "note": "Look at the end", **fields}))

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert why in answer.content.decode()
    assert "Look at the end" in answer.content.decode()
    assert not ShareLink.objects.exists()


def test_only_an_owner_lets_a_link_live_for_ever(bob: User, clip: Clip):
    owner = signed_in(bob)
    owner.post(NEW, form(clips=str(clip.pk), never="on"))
    assert ShareLink.objects.get().expires_at is None
    assert "never ends" in owner.get(reverse("share_links", args=["TIDE"])).content.decode()


def test_too_many_clips_are_refused(as_alice: Client, clip: Clip):
    ids = ",".join(f"{number:032x}" for number in range(MOST_CLIPS + 1))
    as_alice.post(NEW, form(clips=ids))
    assert not ShareLink.objects.exists()
    assert "at most 500 clips" in as_alice.get(reverse("gallery", args=["TIDE"])).content.decode()


def test_clips_are_chosen_without_a_script_too(as_alice: Client, make_clip: MakeClip):
    clips = [make_clip() for _ in range(3)]
    assert as_alice.get(NEW).content.decode().count('type="checkbox" name="clips"') == 3

    asked = as_alice.post(NEW, {"clips": [str(clips[0].pk), str(clips[2].pk)]}).content.decode()

    assert "2 clips." in asked
    assert f'value="{clips[2].pk},{clips[0].pk}"' in asked


@pytest.mark.parametrize("role", ["viewer", "reviewer"])
def test_who_may_not_make_clips_shares_none_and_sees_no_links(role: str, carol: User, tide: Project, clip: Clip):
    Membership.objects.filter(user=carol).update(role=role)
    browser = signed_in(carol)
    assert browser.post(NEW, form(clips=str(clip.pk))).status_code == HTTPStatus.FORBIDDEN
    assert browser.get(reverse("share_links", args=["TIDE"])).status_code == HTTPStatus.FORBIDDEN
    assert "data-share" not in browser.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()


# ───────── changing and ending one


def test_a_maker_changes_their_own_links_and_an_owner_all(as_alice: Client, alice: User, bob: User, tide: Project, clip: Clip):
    mine, bobs = link_to(tide, clip, by=alice), link_to(tide, clip, by=bob)
    acts = ("share_edit", "share_move", "share_revoke")
    refused = [as_alice.post(reverse(act, args=["TIDE", bobs.pk]), form()).status_code for act in acts]
    assert refused == [HTTPStatus.FORBIDDEN] * 3
    for act in acts:
        assert signed_in(bob).post(reverse(act, args=["TIDE", mine.pk]), form()).status_code == HTTPStatus.FOUND
    mine.refresh_from_db()
    assert mine.ended_by == bob


def test_a_link_of_another_project_is_not_there(as_alice: Client, mallory: User, koi: Project, make_clip: MakeClip):
    foreign = link_to(koi, make_clip(project=koi), by=mallory)
    for act in ("share_edit", "share_move", "share_revoke"):
        assert as_alice.post(reverse(act, args=["TIDE", foreign.pk]), form()).status_code == HTTPStatus.NOT_FOUND


def test_changes_hold_for_pages_that_are_open(as_alice: Client, alice: User, tide: Project, clip: Clip):
    link, guest = link_to(tide, clip, by=alice), Client()
    download = reverse("share_download", args=[link.token, clip.pk])
    assert guest.get(download).getvalue()

    as_alice.post(reverse("share_edit", args=["TIDE", link.pk]), form(title="Finals", password="open sesame"))

    assert guest.get(download).status_code == HTTPStatus.NOT_FOUND
    assert "This link has a password" in guest.get(reverse("share", args=[link.token])).content.decode()
    event = AuditEvent.objects.get(action="share.changed")
    after = dict(event.after or {})
    assert after.pop("expires_at") > timezone.now().isoformat()
    assert after == {"title": "Finals", "may_decide": False, "may_download": False, "password": "set"}
    assert "sesame" not in str(event.after)

    as_alice.post(reverse("share_edit", args=["TIDE", link.pk]), form(title="Finals"))  # an empty password stays as it is
    assert ShareLink.objects.get().password
    as_alice.post(reverse("share_edit", args=["TIDE", link.pk]), form(title="Finals", no_password="on"))
    assert not ShareLink.objects.get().password


def test_another_address_ends_the_one_before(as_alice: Client, alice: User, tide: Project, clip: Clip):
    link, guest = link_to(tide, clip, by=alice), Client()
    as_alice.post(reverse("share_move", args=["TIDE", link.pk]))
    moved = ShareLink.objects.get()
    assert guest.get(reverse("share", args=[link.token])).status_code == HTTPStatus.NOT_FOUND
    assert guest.get(reverse("share", args=[moved.token])).status_code == HTTPStatus.OK


def test_a_link_outlives_another_secret_but_cannot_be_copied_then(as_alice: Client, alice: User, tide: Project, clip: Clip, settings: Settings):
    link = link_to(tide, clip, by=alice)
    token = link.token
    settings.SECRET_KEY = "another secret"
    as_alice.force_login(alice)

    assert Client().get(reverse("share", args=[token])).status_code == HTTPStatus.OK
    assert "Copy the address" not in as_alice.get(reverse("share_links", args=["TIDE"])).content.decode()


def test_the_links_of_an_archived_project_can_still_be_ended(as_alice: Client, alice: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=alice)
    Project.objects.filter(pk=tide.pk).update(archived_at=timezone.now())

    assert as_alice.get(NEW).status_code == HTTPStatus.FORBIDDEN
    assert "may_decide" not in page(Client(), link)
    assert Client().post(reverse("share_decide", args=[link.token, clip.pk]), {"verdict": "pick", "name": "Mia"}).status_code == HTTPStatus.NOT_FOUND
    as_alice.post(reverse("share_revoke", args=["TIDE", link.pk]))
    assert Client().get(reverse("share", args=[link.token])).status_code == HTTPStatus.GONE


def test_the_list_tells_the_last_use_and_costs_the_same_however_long_it_is(
    as_alice: Client, alice: User, tide: Project, clip: Clip, django_assert_max_num_queries: Any
):
    used = link_to(tide, clip, by=alice)
    page(Client(), used)
    for number in range(8):
        link_to(tide, clip, by=alice, title=f"Link {number}")
    ended = link_to(tide, clip, by=alice, title="An old one", expires_at=timezone.now())

    with django_assert_max_num_queries(15):
        listed = as_alice.get(reverse("share_links", args=["TIDE"])).content.decode()

    assert listed.count("not used yet") == 8
    assert "1 time" in listed
    assert listed.index(ended.title) > listed.index("Over")


def test_a_long_list_goes_on(as_alice: Client, alice: User, tide: Project, clip: Clip, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(share_actions, "PAGE", 2)
    links = [link_to(tide, clip, by=alice, title=f"Link {number}") for number in range(3)]
    address = reverse("share_links", args=["TIDE"])
    first = as_alice.get(address).content.decode()
    rest = as_alice.get(address, {"before": links[1].pk}).content.decode()
    assert [f"link-{link.pk}" in first for link in links] == [False, True, True]
    assert [f"link-{link.pk}" in rest for link in links] == [True, False, False]
