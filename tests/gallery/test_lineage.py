"""Where a clip comes from and what came of it, and that a large family costs as much as a small one."""

import uuid

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.lineage import SHOWN, lineage_of
from studio.gallery.wall import saved_clips
from studio.jobs.models import Clip, Job, JobReference, Reference
from studio.projects.models import Project
from tests.gallery.conftest import MakeClip


def grown(clip: Clip, **fields: object) -> Clip:
    """The clip as the wall fetches it, its job changed so."""
    Job.objects.filter(pk=clip.job_id).update(**fields)
    return saved_clips(clip.project).get(pk=clip.pk)


def frame_in(job: Job, of: Clip, owner: User) -> Reference:
    """A frame of one clip that an order of another uses."""
    frame = Reference.objects.create(project=job.project, owner=owner, file=f"references/{uuid.uuid4()}.jpg", clip=of, moment=3000, width=2, height=2)
    JobReference.objects.create(job=job, reference=frame, position=job.job_references.count())
    return frame


def test_an_edit_an_extension_a_frame_and_a_brief_are_seen_from_both_sides(make_clip: MakeClip, alice: User):
    first = make_clip()
    edit = grown(make_clip(), operation="edit", source=first)
    extension = grown(make_clip(), operation="extend", source=first, duration=6)
    again = grown(make_clip(prompt="Other words"), parent=first.job)
    onward = grown(make_clip())
    frame = frame_in(onward.job, first, alice)

    children = {(kin.clip, kin.how) for kin in lineage_of(grown(first)).children}

    assert children == {(edit, "edit"), (extension, "extension"), (again, "ordered again"), (onward, "from a frame")}
    for child, how in children:
        assert [(kin.clip, kin.how) for kin in lineage_of(grown(child)).parents] == [(first, how)]
    assert lineage_of(onward).references == [frame]
    assert [fact.what for fact in lineage_of(again).parents[0].changed] == ["Prompt"]
    assert [(fact.before, fact.after) for fact in lineage_of(grown(extension)).parents[0].changed] == [
        ("New clip", "Extension of TIDE-001"), ("8 s", "6 s"),
    ]  # fmt: skip


def test_takes_of_one_order_and_orders_that_began_alike_stand_beside_each_other(make_clip: MakeClip):
    first, other = make_clip(), make_clip()
    take = Clip.objects.get(pk=first.pk)
    take.pk, take.position = uuid.uuid4(), 1
    take.save(force_insert=True)
    one, two = grown(make_clip(), parent=other.job), grown(make_clip(), parent=other.job)

    assert lineage_of(first).siblings == [take]
    assert lineage_of(one).siblings == [two]
    assert not lineage_of(grown(make_clip()))


def test_a_family_stays_in_its_project(make_clip: MakeClip, koi: Project, alice: User):
    mine = make_clip()
    theirs = make_clip(project=koi)
    Job.objects.filter(pk=theirs.job_id).update(parent=mine.job, source=mine)
    unsaved = make_clip(saved=False)
    Job.objects.filter(pk=unsaved.job_id).update(parent=mine.job)

    assert lineage_of(mine).children == []


def test_the_room_shows_the_family_with_what_changed(as_alice: Client, make_clip: MakeClip):
    first = make_clip()
    child = grown(make_clip(), parent=first.job, duration=6)

    page = " ".join(as_alice.get(reverse("clip", args=["TIDE", child.pk])).content.decode().split())

    assert "Came from" in page
    assert "Duration 8 s" in page
    assert f"?clips={first.pk},{child.pk}#changed" in page


def test_a_large_family_costs_as_much_as_a_small_one(as_alice: Client, make_clip: MakeClip, alice: User):
    first = make_clip()
    shown = grown(make_clip(), parent=first.job)
    frame_in(shown.job, first, alice)

    def add(number: int) -> None:
        for _ in range(number):
            grown(make_clip(), parent=shown.job)
            grown(make_clip(), parent=first.job)

    add(1)
    few = _count(as_alice, shown)
    add(SHOWN + 2)
    page = as_alice.get(reverse("clip", args=["TIDE", shown.pk])).content.decode()

    assert _count(as_alice, shown) == few
    assert page.count('class="kin"') == 1 + SHOWN
    assert "All that came of it" in page


def _count(browser: Client, clip: Clip) -> int:
    with CaptureQueriesContext(connection) as queries:
        browser.get(reverse("clip", args=["TIDE", clip.pk]))
    return len(queries)
