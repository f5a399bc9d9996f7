"""Notes: the comments of a clip and of a project as a file."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery.comments import Voice, remove, resolve
from studio.gallery.models import Comment
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.saying import said


def lines_of(user: User, name: str, *args: object) -> list[str]:
    answer = signed_in(user).get(reverse(name, args=args))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer).decode("utf-8-sig").replace('"', "").splitlines()  # every cell is quoted


def test_notes_come_as_a_file_by_time_with_answers_after_what_they_answer(clip: Clip, carol: User, maker: Voice, owner: Voice):
    Clip.objects.filter(pk=clip.pk).update(frame_rate=24_000)
    said(clip, "about all", owner)
    late = said(clip, "late", maker, milliseconds=6_021)
    said(clip, "early", maker, milliseconds=521)
    answer = said(clip, "an answer", owner, reply_to=late.pk)
    Comment.objects.filter(pk=answer.pk).update(created_at=timezone.now() - timedelta(days=1))
    resolve(clip, late.pk, voice=owner)
    remove(clip, said(clip, "nothing", maker, milliseconds=1).pk, voice=maker)

    header, *rows = lines_of(carol, "clip_notes", "TIDE", clip.pk)

    assert header == "project,clip,timecode,seconds,author,text,reply,resolved,decision,said"
    assert [row.rsplit(",", 1)[0] for row in rows] == [
        "TIDE,TIDE-001,0:00:12,0.521,Alice,early,no,no,",
        "TIDE,TIDE-001,0:06:00,6.021,Alice,late,no,yes,",
        "TIDE,TIDE-001,0:06:00,6.021,Bob,an answer,yes,yes,",
        "TIDE,TIDE-001,,,Bob,about all,no,no,",
    ]


def test_a_projects_notes_hold_every_clips_and_no_formula(clip: Clip, make_clip: MakeClip, koi: Project, alice: User, maker: Voice, mallory: User):
    second = make_clip()
    said(second, "=1+1", maker, milliseconds=500)
    said(clip, "first", maker)
    said(make_clip(project=koi), "secret", Voice(mallory, may_say=True))
    send_pick = reverse("clip_decide", args=["TIDE", second.pk])
    Membership.objects.filter(user=alice).update(role="owner")
    signed_in(alice).post(send_pick, {"verdict": "pick"})

    rows = lines_of(alice, "project_notes", "TIDE")[1:]

    assert [row.split(",")[1] for row in rows] == ["TIDE-001", "TIDE-002"]
    assert ",'=1+1,no,no,pick," in rows[1]


def test_a_file_of_notes_costs_the_same_however_long(clip: Clip, alice: User, maker: Voice, django_assert_max_num_queries: DjangoAssertNumQueries):
    for number in range(8):
        said(clip, f"{number}", maker, milliseconds=number)
    browser = signed_in(alice)

    with django_assert_max_num_queries(12):  # session, person, project, membership, comments; seven count the first download of a person
        answer = browser.get(reverse("project_notes", args=["TIDE"]))
        assert len(b"".join(answer).splitlines()) == 9
