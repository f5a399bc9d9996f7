"""Retention: rejected clips expire, picked, maybe and pinned ones never, undecided ones only where somebody wants so; nothing moves unseen."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.gallery import retention
from studio.gallery.models import ProjectDecision
from studio.gallery.retention import Days
from studio.jobs import trash
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.jobs.rows import HTMX

OLD = timedelta(days=40)


@pytest.fixture
def clips(make_clip: MakeClip, tide: Project, bob: User) -> dict[str, Clip]:
    """One old clip of each kind."""
    made = {name: make_clip(age=OLD) for name in ("reject", "pick", "maybe", "undecided", "pinned", "kept", "fresh")}
    for name, verdict in (("reject", "reject"), ("pick", "pick"), ("maybe", "maybe"), ("pinned", "reject"), ("fresh", "reject")):
        days = timedelta(days=1) if name == "fresh" else OLD
        ProjectDecision.objects.create(clip=made[name], project=tide, verdict=verdict, person=bob, decided_at=timezone.now() - days)
    Clip.objects.filter(pk__in=[made["pinned"].pk, made["kept"].pk]).update(pinned_at=timezone.now())  # "kept" is pinned and undecided
    return made


def gone(clips: dict[str, Clip]) -> set[str]:
    there = set(Clip.objects.in_trash().values_list("pk", flat=True))
    return {name for name, clip in clips.items() if clip.pk in there}


def test_without_a_rule_everything_stays(clips: dict[str, Clip]):
    assert (retention.due(), gone(clips)) == (0, set())


def test_rejected_clips_expire_and_all_others_stay(clips: dict[str, Clip], tide: Project, bob: User):
    retention.set_rule(tide, Days(rejected=30), by=bob)
    assert (retention.due(), gone(clips)) == (1, {"reject"})
    went = Clip.objects.in_trash().get()
    assert (went.trashed_by, went.trashed_why) == (None, "Rejected for 30 days")
    assert retention.due() == 0


def test_what_a_person_takes_back_stays_though_the_rule_holds(clips: dict[str, Clip], tide: Project, bob: User):
    retention.set_rule(tide, Days(rejected=30), by=bob)
    retention.due()
    trash.throw_away(Clip.objects.filter(pk=clips["fresh"].pk), by=bob)

    for name in ("reject", "fresh"):
        told = signed_in(bob).post(f"/p/TIDE/clips/{clips[name].pk}/restore/", headers=HTMX).headers["HX-Trigger"]
        assert ("It is pinned: no rule moves it to the trash." in told) == (name == "reject")

    assert (retention.due(), gone(clips)) == (0, set())
    assert dict(Clip.objects.filter(pk__in=[clips["reject"].pk, clips["fresh"].pk]).values_list("pk", "pinned_by")) == {
        clips["reject"].pk: bob.pk,
        clips["fresh"].pk: None,
    }
    assert "clip.pinned" in AuditEvent.objects.values_list("action", flat=True)


def test_undecided_clips_expire_where_the_project_wants_so(clips: dict[str, Clip], tide: Project, bob: User):
    retention.set_rule(tide, Days(undecided=30), by=bob)
    assert (retention.due(), gone(clips)) == (1, {"undecided"})


def test_the_record_says_what_went_and_by_which_rule(clips: dict[str, Clip], tide: Project, bob: User):
    retention.set_rule(tide, Days(rejected=30), by=bob)
    retention.due()
    rule, moved = AuditEvent.objects.order_by("pk")
    assert (rule.action, rule.after, rule.actor) == ("retention.set", {"rejected_days": 30, "undecided_days": None}, bob)
    assert (moved.action, moved.subject, moved.reason, moved.actor) == ("clip.expired", "TIDE", "Rejected for 30 days", None)
    assert moved.after == {"clips": 1, "codes": ["TIDE-001"], "days_in_trash": 30}


def test_the_installations_rule_holds_where_a_project_has_none(clips: dict[str, Clip], tide: Project, ada: User, bob: User):
    retention.set_rule(None, Days(rejected=30), by=ada)
    assert retention.in_force(tide) == Days(rejected=30)
    retention.set_rule(tide, Days(), by=bob)
    assert (retention.due(), gone(clips)) == (0, set())
    retention.set_rule(tide, None, by=bob)
    assert (retention.due(), gone(clips)) == (1, {"reject"})


def test_an_archived_project_is_left_as_it_is(clips: dict[str, Clip], tide: Project, bob: User):
    retention.set_rule(tide, Days(rejected=30), by=bob)
    Project.objects.update(archived_at=timezone.now())
    assert retention.due() == 0


def test_a_clip_that_was_picked_in_the_meantime_stays(clips: dict[str, Clip], tide: Project, bob: User):
    found = retention.rejected_for(30, Q(project=tide), timezone.now())
    ProjectDecision.objects.filter(clip=clips["reject"]).update(verdict="pick")
    assert trash.throw_away(found, by=None) == []


def test_the_page_tells_what_a_rule_would_move_before_it_is_saved(clips: dict[str, Clip], bob: User):
    owner = signed_in(bob)
    page = owner.post("/p/TIDE/storage/", {"rejected_days": "30", "undecided_days": "30", "do": "preview"}).content.decode()
    assert "would move 2 clips" in " ".join(page.split())
    assert retention.rule_of(clips["pick"].project) is None
    said = owner.post("/p/TIDE/storage/", {"rejected_days": "30", "undecided_days": ""}, follow=True).content.decode()
    assert "Saved. Within the hour 1 clip moves to the trash." in said


def test_an_admin_sees_what_the_usual_rule_would_move_in_projects_without_their_own(clips: dict[str, Clip], tide: Project, ada: User, bob: User):
    given = {"rejected_days": "30", "undecided_days": "", "do": "preview"}
    assert "would move 1 clip" in " ".join(signed_in(ada).post("/control/storage/", given).content.decode().split())
    retention.set_rule(tide, Days(), by=bob)
    assert "would move nothing today" in " ".join(signed_in(ada).post("/control/storage/", given).content.decode().split())
    assert retention.rule_of(None) is None


@pytest.mark.parametrize("days", ["0", "-3", "9999", "soon"])
def test_days_that_make_no_sense_are_refused_and_stay_in_the_field(days: str, tide: Project, bob: User):
    answer = signed_in(bob).post("/p/TIDE/storage/", {"rejected_days": days})
    assert answer.status_code == 422
    assert f'value="{days}"' in answer.content.decode()
    assert retention.rule_of(tide) is None


def test_a_clip_says_when_it_goes(clips: dict[str, Clip], tide: Project, bob: User):
    retention.set_rule(tide, Days(rejected=45), by=bob)
    owner = signed_in(bob)
    assert "Moves to the trash" in owner.get(f"/p/TIDE/clips/{clips['reject'].pk}/").content.decode()
    assert "Moves to the trash" not in owner.get(f"/p/TIDE/clips/{clips['pick'].pk}/").content.decode()
