"""The trash and the pins as people use them: who may throw what away, what is asked before, who still gets its bytes, and taking it back."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import AuditEvent, User
from studio.gallery import keeping, retention
from studio.gallery.models import ProjectDecision
from studio.gallery.trash_page import PAGE
from studio.jobs import trash
from studio.jobs.models import Clip
from studio.projects.door import Pass
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.jobs.rows import HTMX

BYTES = ("clip_video", "clip_poster", "clip_sheet", "clip_download")
Throw = Callable[[Clip], Clip]


def at(name: str, clip: Clip) -> str:
    return reverse(name, args=[clip.project.code, clip.pk])


def words(browser: Client, address: str) -> str:
    """The page's words, without tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", browser.get(address).content.decode()).split())


@pytest.fixture
def thrown(clip: Clip, alice: User) -> Clip:
    trash.throw_away(Clip.objects.filter(pk=clip.pk), by=alice)
    clip.refresh_from_db()
    return clip


@pytest.fixture
def other_maker(tide: Project, dave: User) -> Client:
    """Dave, who makes clips too."""
    Membership.objects.create(project=tide, user=dave, role="maker")
    return signed_in(dave)


# into the trash


def test_who_ordered_a_clip_throws_it_away_with_one_press_that_can_be_undone(as_alice: Client, clip: Clip):
    answer = as_alice.post(at("clip_trash", clip), headers=HTMX)
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]

    assert toast["text"] == "TIDE-001 is in the trash. Its files are deleted in 30 days."
    as_alice.post(toast["undo"]["post"], toast["undo"]["values"], headers=HTMX)
    assert Clip.objects.present().get() == clip
    assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["clip.trashed", "clip.restored"]


@pytest.mark.parametrize("name", ["clip_trash", "clip_restore"])
def test_other_peoples_clips_are_an_owners_matter(name: str, clip: Clip, other_maker: Client, carol: User, mallory: User, bob: User):
    browsers = [other_maker, signed_in(carol), signed_in(mallory), signed_in(bob)]
    assert [browser.post(at(name, clip)).status_code for browser in browsers] == [403, 403, 404, 302]


@pytest.mark.parametrize("why", ["picked", "pinned"])
def test_a_picked_or_pinned_clip_goes_only_if_its_code_is_written(as_alice: Client, bob: User, clip: Clip, tide: Project, why: str):
    if why == "picked":
        ProjectDecision.objects.create(clip=clip, project=tide, verdict="pick", person=bob)
    else:
        as_alice.post(at("clip_pin", clip), {"to": "on"})

    refusal = as_alice.post(at("clip_trash", clip), {"said": "yes"}, headers=HTMX)
    assert (refusal.status_code, why in refusal.content.decode()) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    assert Clip.objects.present().exists()
    as_alice.post(at("clip_trash", clip), {"said": " tide-001 "}, headers=HTMX)
    assert not Clip.objects.present().exists()


def pinned_meanwhile(clip: Clip, by: User) -> None:
    Clip.objects.filter(pk=clip.pk).update(pinned_at=timezone.now(), pinned_by=by)


def picked_meanwhile(clip: Clip, by: User) -> None:
    ProjectDecision.objects.create(clip_id=clip.pk, project_id=clip.project_id, verdict="pick", person=by)


@pytest.mark.parametrize(("meanwhile", "why"), [(pinned_meanwhile, "is pinned"), (picked_meanwhile, "is picked by Bob")])
def test_a_clip_that_is_picked_or_pinned_while_it_is_thrown_away_stays(
    clip: Clip, alice: User, bob: User, tide: Project, meanwhile: Callable[[Clip, User], None], why: str
):
    left = [meanwhile]

    def after_the_first_look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if left and sql.startswith("SELECT"):
            left.pop()(clip, bob)
        return answer

    with connection.execute_wrapper(after_the_first_look), pytest.raises(keeping.MustSay, match=why):
        keeping.throw_away(clip, entry=Pass(alice, tide, "maker"), said="")

    assert not left
    assert Clip.objects.present().exists()


@contextmanager
def no_record() -> Iterator[None]:
    """Until the block ends, the database takes no line of the record."""

    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "accounts_auditevent" in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(DatabaseError, match="full"):
        yield


def test_nothing_moves_without_its_line_in_the_record(make_clip: MakeClip, bob: User, tide: Project):
    here, there, entry = make_clip(age=timedelta(days=40)), make_clip(), Pass(bob, tide, "owner")
    trash.throw_away(Clip.objects.filter(pk=there.pk), by=bob)
    retention.set_rule(tide, retention.Days(undecided=30), by=bob)

    def stands() -> tuple[set[Clip], set[Clip]]:
        return set(Clip.objects.present()), set(Clip.objects.in_trash())

    for act in (
        lambda: keeping.throw_away(here, entry=entry, said=""),
        lambda: keeping.throw_away_many([here], passes={tide.pk: entry}),
        lambda: keeping.take_back(entry, [there.pk]),
        lambda: keeping.delete_now(entry, [there.pk]),
        retention.due,
    ):
        with no_record():
            act()
        assert stands() == ({here}, {there})


def test_throwing_away_twice_is_said_and_changes_nothing(as_alice: Client, thrown: Clip):
    answer = as_alice.post(at("clip_trash", thrown), headers=HTMX)

    assert "was in the trash already" in answer.headers["HX-Trigger"]
    assert "undo" not in answer.headers["HX-Trigger"]


# while it is there


@pytest.mark.parametrize("name", BYTES)
def test_its_bytes_are_there_for_who_can_take_it_back_and_for_nobody_else(
    name: str, thrown: Clip, as_alice: Client, carol: User, other_maker: Client
):
    assert [browser.get(at(name, thrown)).status_code for browser in (signed_in(carol), other_maker)] == [404, 404]
    answer = as_alice.get(at(name, thrown))
    answer.close()
    assert answer.status_code == HTTPStatus.OK


def test_it_hangs_nowhere_any_more_and_its_card_says_where_it_is(as_alice: Client, thrown: Clip):
    assert f"clip-{thrown.pk}" not in as_alice.get("/p/TIDE/gallery/").content.decode()
    assert "In the trash" in words(as_alice, "/p/TIDE/jobs/1/")
    assert as_alice.get(f"/p/TIDE/?edit={thrown.pk}").status_code == HTTPStatus.OK
    assert f'value="{thrown.pk}"' not in as_alice.get(f"/p/TIDE/?edit={thrown.pk}").content.decode()


def test_its_room_leads_to_the_trash_or_nowhere(as_alice: Client, carol: User, thrown: Clip):
    assert as_alice.get(at("clip", thrown)).headers["Location"] == f"/p/TIDE/trash/#clip-{thrown.pk}"
    assert signed_in(carol).get(at("clip", thrown)).status_code == HTTPStatus.NOT_FOUND


def test_nobody_decides_about_it(bob: User, thrown: Clip):
    assert signed_in(bob).post(at("clip_decide", thrown), {"verdict": "pick"}).status_code == HTTPStatus.NOT_FOUND


def test_a_deleted_clips_address_tells_what_became_of_it(as_alice: Client, bob: User, thrown: Clip):
    trash.give_up(Clip.objects.all(), why="Deleted by Bob")
    trash.erase_due()

    page = as_alice.get(at("clip", thrown), follow=True)

    assert page.redirect_chain[0][0] == "/p/TIDE/jobs/1/"
    assert "TIDE-001 is not here any more. Deleted by Bob." in page.content.decode()
    assert as_alice.get(at("clip_video", thrown)).status_code == HTTPStatus.NOT_FOUND


# the page


def test_the_page_says_how_many_days_each_has_left(as_alice: Client, thrown: Clip):
    assert "30 days left" in words(as_alice, "/p/TIDE/trash/")
    Clip.objects.update(erase_at=timezone.now() + timedelta(hours=5))
    assert "1 day left" in words(as_alice, "/p/TIDE/trash/")


def test_an_empty_trash_says_what_it_is_for(as_alice: Client, tide: Project):
    assert "What is thrown away stays here for 30 days" in words(as_alice, "/p/TIDE/trash/")


def test_a_maker_sees_their_own_there_and_an_owner_all(other_maker: Client, bob: User, thrown: Clip):
    assert "TIDE-001" not in words(other_maker, "/p/TIDE/trash/")
    assert "TIDE-001" in words(signed_in(bob), "/p/TIDE/trash/")


def test_chosen_clips_come_back_together(as_alice: Client, make_clip: MakeClip, alice: User):
    chosen = [make_clip() for _ in range(3)]
    trash.throw_away(Clip.objects.all(), by=alice)

    page = as_alice.post("/p/TIDE/trash/restore/", {"clip": [*(clip.pk for clip in chosen[:2]), "nonsense"]}, follow=True).content.decode()

    assert "2 clips are back where they were." in page
    assert Clip.objects.present().count() == 2


def test_a_maker_takes_nobody_elses_back(other_maker: Client, thrown: Clip):
    other_maker.post("/p/TIDE/trash/restore/", {"clip": [thrown.pk]})
    assert Clip.objects.in_trash().get() == thrown


def test_an_owner_deletes_for_good_if_they_write_so(bob: User, thrown: Clip, as_alice: Client):
    owner = signed_in(bob)
    assert as_alice.post("/p/TIDE/trash/delete/", {"clip": [thrown.pk], "word": "delete"}).status_code == HTTPStatus.FORBIDDEN
    owner.post("/p/TIDE/trash/delete/", {"clip": [thrown.pk], "word": ""})
    assert Clip.objects.in_trash().exists()
    page = owner.post("/p/TIDE/trash/delete/", {"clip": [thrown.pk], "word": "Delete"}, follow=True).content.decode()
    assert "TIDE-001 is deleted for good." in page
    assert not Clip.objects.with_files().exists()


def test_the_page_costs_the_same_however_much_lies_there(
    as_alice: Client, alice: User, make_clip: MakeClip, django_assert_max_num_queries: DjangoAssertNumQueries
):
    for _ in range(PAGE + 2):
        make_clip()
    trash.throw_away(Clip.objects.all(), by=alice)
    with django_assert_max_num_queries(12):
        first = as_alice.get("/p/TIDE/trash/")
    older = re.search(r'href="(\?before=[^"]+)"', first.content.decode())
    assert older is not None
    page = as_alice.get(f"/p/TIDE/trash/{older[1]}").content.decode()
    assert (page.count('class="bin__i"'), as_alice.get("/p/TIDE/trash/?before=x").status_code) == (2, HTTPStatus.NOT_FOUND)


# pins


def test_a_maker_pins_a_clip_and_takes_the_pin_off(as_alice: Client, clip: Clip, carol: User):
    assert "Kept for ever, pinned" in as_alice.post(at("clip_pin", clip), {"to": "on"}, headers=HTMX).content.decode()
    assert Clip.objects.get().pinned_by == clip.job.author
    as_alice.post(at("clip_pin", clip), {"to": "on"}, headers=HTMX)
    as_alice.post(at("clip_pin", clip), {"to": "off"}, headers=HTMX)
    assert Clip.objects.get().pinned_at is None
    assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["clip.pinned", "clip.unpinned"]
    assert signed_in(carol).post(at("clip_pin", clip), {"to": "on"}).status_code == HTTPStatus.FORBIDDEN


def test_the_room_offers_a_viewer_neither_pin_nor_trash(carol: User, clip: Clip):
    page = signed_in(carol).get(at("clip", clip)).content.decode()
    assert "Move to the trash" not in page
    assert 'data-key="p"' not in page
