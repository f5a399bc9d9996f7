"""What ends when somebody leaves a project, is switched off, or may do less: share links above all, and everything else that they leave behind."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studio.accounts import actions as accounts
from studio.accounts.models import AccessLink, AuditEvent, User
from studio.credits import ledger, requests
from studio.credits.models import Account, CreditRequest
from studio.gallery.bundle_models import Bundle
from studio.gallery.models import SavedView
from studio.gallery.share_models import ShareLink
from studio.jobs import actions as jobs
from studio.jobs.actions import Order
from studio.jobs.batch_models import Batch
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip, Draft, Job
from studio.projects import actions
from studio.projects.models import Membership, Project
from studio.prompts.models import Prompt
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.sharing import bundle_of, link_to
from tests.jobs.batches import batch_of
from tests.jobs.conftest import BRIEF

PAGE = "/p/TIDE/settings/members/{}/remove/"


def statuses(link: ShareLink, clip: Clip) -> list[int]:
    """What a guest of the link is answered: its page, a film, a poster, a download."""
    token = link.token
    addresses = [reverse("share", args=[token]), *(reverse(f"share_{what}", args=[token, clip.pk]) for what in ("video", "poster", "download"))]
    answers = [Client().get(address) for address in addresses]
    for answer in answers:
        assert answer.getvalue()
    return [answer.status_code for answer in answers]


def membership(user: User) -> Membership:
    return Membership.objects.select_related("project", "user").get(user=user, project__code="TIDE")


DEPARTURES: dict[str, Callable[[User, User, User], Any]] = {
    "removed": lambda user, bob, _: actions.remove(membership(user), by=bob),
    "switched off": lambda user, _, ada: accounts.switch_off(user, by=ada),
    "made reviewer": lambda user, bob, _: actions.change_role(membership(user), "reviewer", by=bob),
    "made viewer": lambda user, bob, _: actions.change_role(membership(user), "viewer", by=bob),
    "removed in the database": lambda user, _, __: Membership.objects.filter(user=user).delete(),
    "switched off in the database": lambda user, _, __: User.objects.filter(pk=user.pk).update(is_active=False),
    "viewer in the database": lambda user, _, __: Membership.objects.filter(user=user).update(role="viewer"),
}


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("departure", DEPARTURES)
def test_a_link_lets_nobody_in_once_its_maker_may_not_share_there(
    departure: str, archived: bool, alice: User, bob: User, ada: User, tide: Project, clip: Clip, settings: Any
):
    view, chosen, of_bob = link_to(tide, by=alice, show="all"), link_to(tide, clip, by=alice, expires_at=None), link_to(tide, clip, by=bob)
    assert statuses(view, clip)[:2] == [200, 200]
    if archived:
        actions.archive(tide, by=bob)

    DEPARTURES[departure](alice, bob, ada)

    assert statuses(view, clip) == statuses(chosen, clip) == [410, 404, 404, 404]
    assert statuses(of_bob, clip)[:2] == [200, 200]
    assert set(ShareLink.objects.live()) == {of_bob}
    page = signed_in(bob).get("/p/TIDE/links/").content.decode()
    assert page.count("Look</a>") == 1


def test_an_owner_who_becomes_a_maker_keeps_sharing(alice: User, bob: User, ada: User, tide: Project, clip: Clip):
    Membership.objects.filter(user=alice).update(role="owner")
    link = link_to(tide, clip, by=alice)
    actions.change_role(membership(alice), "maker", by=bob)
    assert statuses(link, clip)[0] == 200


def test_an_admin_shares_in_every_project_until_they_are_none(ada: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=ada)
    assert statuses(link, clip)[0] == 200
    User.objects.filter(pk=ada.pk).update(role="member")
    assert statuses(link, clip)[0] == 410


def test_links_that_are_kept_get_a_new_owner_and_end_with_that_one(alice: User, bob: User, ada: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=alice)
    signed_in(bob).post(PAGE.format(alice.pk), {"keep-links": "keep"})
    link.refresh_from_db()

    assert (link.made_by, link.kept_by, statuses(link, clip)[0]) == (alice, bob, 200)
    assert "kept by <bdi>Bob</bdi>" in signed_in(bob).get("/p/TIDE/links/").content.decode()
    assert AuditEvent.objects.get(action="share.kept").after == {"answers": "Bob"}
    assert AuditEvent.objects.get(action="member.left").after == {"share links kept": 1}

    accounts.switch_off(bob, by=ada)
    assert statuses(link, clip)[0] == 410


def test_without_a_choice_links_end_and_the_record_says_so(alice: User, bob: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=alice)
    signed_in(bob).post(PAGE.format(alice.pk), {"keep-links": "end"})
    link.refresh_from_db()

    assert (link.ended_by, link.ended_at is not None) == (bob, True)
    assert AuditEvent.objects.get(action="member.left").after == {"share links ended": 1}
    assert AuditEvent.objects.get(action="member.left").subject == "TIDE alice@example.org"
    Membership.objects.create(project=tide, user=alice, role="maker")
    assert statuses(link, clip)[0] == 410


def everything_of(alice: User, tide: Project, clip: Clip, xai: Connection) -> None:
    """Something of every kind that a maker can leave behind."""
    ledger.grant(alice, 1_000_000, key="a", reason="to spend", actor=None)
    Project.objects.filter(pk=tide.pk).update(last_number=100)
    link_to(tide, clip, by=alice)
    jobs.order(author=alice, project=tide, what=Order(connection=xai, brief=BRIEF), order_key=uuid4())
    batch_of(alice, tide, xai)
    Draft.objects.create(project=tide, user=alice, about="", version=1)
    SavedView.objects.create(owner=alice, project=tide, name="Mine")
    SavedView.objects.create(owner=alice, project=tide, name="Ours", shared=True)
    Prompt.objects.create(author=alice, name="Secret")
    requests.ask(alice, 5_000, reason="more")
    bundle_of(clip, by=alice)
    erin, _ = accounts.invite("erin@example.org", role="member", by=alice)
    Membership.objects.create(project=tide, user=erin, role="viewer")


def told(page: str) -> dict[str, int]:
    """The titles on a page with their counts."""
    found = re.findall(r"<p><b>([^<]*)</b>\s*(?:<span class=\"pill num\">([^<]*)</span>)?", page)
    return {title: int(count or 0) for title, count in found}


def test_the_page_before_a_removal_lists_everything_with_counts(alice: User, bob: User, tide: Project, clip: Clip, xai: Connection):
    everything_of(alice, tide, clip, xai)
    page = signed_in(bob).get(PAGE.format(alice.pk)).content.decode()

    assert told(page) == {
        "Invitations that they sent to members of this project": 1,
        "Orders that were not sent": 1,
        "Batches that go on": 1,
        "Drafts and plans": 1,
        "Share links": 1,
        "Saved views of their own": 1,
        "Views that they shared": 1,
    }
    assert "Selects (TIDE)" in page
    assert page.count('value="keep"') == 2
    assert Membership.objects.filter(user=alice).exists()


def test_the_page_before_switching_off_lists_everything_with_counts(ada: User, alice: User, tide: Project, clip: Clip, xai: Connection):
    everything_of(alice, tide, clip, xai)
    Project.objects.create(code="SOLO", name="Alone").memberships.create(user=alice, role="owner")

    page = signed_in(ada).get(f"/people/{alice.pk}/switch/").content.decode()

    assert told(page) == {
        "Sessions and links to come in": 0,
        "Invitations that they sent": 1,
        "Projects to which they belong": 2,
        "Projects without another owner": 1,
        "Credits": 1,
        "A request for credits": 1,
        "Private prompts": 1,
        "Orders that were not sent": 1,
        "Batches that go on": 1,
        "Drafts and plans": 1,
        "Share links": 1,
        "ZIPs that they asked for": 1,
        "Saved views of their own": 1,
        "Views that they shared": 1,
    }
    assert "SOLO" in page
    alice.refresh_from_db()
    assert alice.is_active


def test_switching_off_ends_all_of_it_at_once(ada: User, alice: User, tide: Project, clip: Clip, xai: Connection):
    everything_of(alice, tide, clip, xai)
    signed_in(ada).post(f"/people/{alice.pk}/switch/", {"to": "off"})

    assert not ShareLink.objects.live().exists()
    assert Job.objects.get(state=State.CANCELLED).message == "Not sent: Alice is switched off, and would have paid for it."
    assert Batch.objects.get().state == Batch.State.PAUSED
    assert Account.objects.get(user=alice).held == 0
    assert CreditRequest.objects.get().state == "withdrawn"
    assert not AccessLink.objects.unused().exists()
    assert not Bundle.objects.filter(expires_at__gt=timezone.now()).exists()
    assert AuditEvent.objects.get(action="person.left").after == {
        "invitations ended": 1,
        "requests for credits withdrawn": 1,
        "orders cancelled": 1,
        "batches paused": 1,
        "share links ended": 1,
        "ZIPs deleted": 1,
    }
    assert ledger.verify() == []


def test_invitations_and_links_that_are_kept_are_those_of_whoever_kept_them(ada: User, alice: User, tide: Project, clip: Clip, xai: Connection):
    everything_of(alice, tide, clip, xai)
    token = accounts.issue_link(User.objects.get(email="erin@example.org"), by=alice)
    signed_in(ada).post(f"/people/{alice.pk}/switch/", {"to": "off", "keep-invitations": "keep", "keep-links": "keep"})

    assert Client().get(f"/in/{token}/").status_code == 200
    assert ShareLink.objects.live().get().kept_by == ada


def test_an_invitation_of_somebody_who_was_switched_off_lets_nobody_in(alice: User):
    _, token = accounts.invite("erin@example.org", role="member", by=alice)
    assert Client().get(f"/in/{token}/").status_code == 200
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert Client().get(f"/in/{token}/").status_code == 410


def test_a_lesser_role_asks_first_where_something_ends_and_not_where_nothing_does(alice: User, bob: User, tide: Project, clip: Clip):
    owner = signed_in(bob)
    owner.post(f"/p/TIDE/settings/members/{alice.pk}/role/", {"role": "reviewer"})
    assert membership(alice).role == "reviewer"
    owner.post(f"/p/TIDE/settings/members/{alice.pk}/role/", {"role": "maker"})

    link = link_to(tide, clip, by=alice)
    asked = owner.post(f"/p/TIDE/settings/members/{alice.pk}/role/", {"role": "viewer"})
    assert "Make Alice viewer of Tidewater" in asked.content.decode()
    assert told(asked.content.decode()) == {"Share links": 1}
    assert membership(alice).role == "maker"

    owner.post(f"/p/TIDE/settings/members/{alice.pk}/role/", {"role": "viewer", "sure": "1", "keep-links": "keep"})
    assert membership(alice).role == "viewer"
    assert statuses(link, clip)[0] == 200


def test_the_list_is_for_those_who_decide(alice: User, bob: User, carol: User, mallory: User, tide: Project):
    assert signed_in(carol).get(PAGE.format(alice.pk)).status_code == 403
    assert signed_in(alice).get(PAGE.format(alice.pk)).status_code == 403
    assert signed_in(mallory).get(PAGE.format(alice.pk)).status_code == 404
    assert signed_in(bob).get(PAGE.format(mallory.pk)).status_code == 404
    assert signed_in(bob).get(f"/people/{alice.pk}/switch/").status_code == 403


def test_the_list_costs_the_same_however_much_is_left(
    alice: User, bob: User, tide: Project, make_clip: MakeClip, django_assert_num_queries: Any, django_assert_max_num_queries: Any
):
    link_to(tide, make_clip(), by=alice)
    owner = signed_in(bob)
    with django_assert_max_num_queries(30) as first:
        owner.get(PAGE.format(alice.pk))
    for _ in range(6):
        link_to(tide, make_clip(), by=alice)
    with django_assert_num_queries(len(first)):
        owner.get(PAGE.format(alice.pk))


def test_a_script_gets_the_list_alone(alice: User, bob: User, tide: Project):
    part = signed_in(bob).get(PAGE.format(alice.pk), headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")
    assert 'id="departing-h">Remove Alice from Tidewater' in part
