"""Pick, maybe, reject: whose press does what, what undoes it, and that two at once or twice at once do no harm."""

import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

import pytest
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery.decisions import Change, NoSuchPress, Overtaken, decide, take_back, undo, undo_words
from studio.gallery.models import Decision, ProjectDecision, Verdict
from studio.jobs.models import Clip
from studio.projects import actions
from studio.projects.door import Pass
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.jobs.test_at_once import at_once

PICK, MAYBE, REJECT = Verdict.PICK, Verdict.MAYBE, Verdict.REJECT
HTMX = {"HX-Request": "true"}


def inside(user: User, project: Project) -> Pass:
    """What the door hands this member now."""
    return Pass(user, project, Membership.objects.get(project=project, user=user).role)


@pytest.fixture
def owner(bob: User, tide: Project) -> Pass:
    return inside(bob, tide)


@pytest.fixture
def maker(alice: User, tide: Project) -> Pass:
    return inside(alice, tide)


@pytest.fixture
def reviewer(carol: User, tide: Project) -> Pass:
    """Carol, who was made a reviewer."""
    Membership.objects.filter(project=tide, user=carol).update(role="reviewer")
    return inside(carol, tide)


def of_project(clip: Clip) -> tuple[str, str] | None:
    """What the project decided, and who said so."""
    row = ProjectDecision.objects.filter(clip=clip).select_related("person").first()
    return (row.verdict, row.person.name) if row else None


def opinions(clip: Clip) -> dict[str, str]:
    return dict(Decision.objects.filter(clip=clip).values_list("person__name", "verdict"))


def press(user: User, clip: Clip, **data: str):
    return signed_in(user).post(reverse("clip_decide", args=["TIDE", clip.pk]), data, headers=HTMX)


def toast(answer) -> dict[str, object]:
    told: dict[str, object] = json.loads(answer.headers["HX-Trigger"])["toast"]
    return told


# who


def test_an_owner_decides_for_the_project(owner: Pass, clip: Clip):
    decide(clip, PICK, entry=owner)

    assert of_project(clip) == ("pick", "Bob")
    assert opinions(clip) == {"Bob": "pick"}


def test_a_reviewer_decides_for_the_project(reviewer: Pass, clip: Clip):
    decide(clip, REJECT, entry=reviewer)

    assert of_project(clip) == ("reject", "Carol")


def test_a_maker_gives_an_opinion_and_decides_nothing(owner: Pass, maker: Pass, clip: Clip):
    decide(clip, PICK, entry=owner)
    decide(clip, REJECT, entry=maker)

    assert of_project(clip) == ("pick", "Bob")
    assert opinions(clip) == {"Bob": "pick", "Alice": "reject"}


def test_an_admin_may_decide_without_being_a_member(ada: User, clip: Clip):
    assert press(ada, clip, verdict="maybe").status_code == HTTPStatus.OK

    assert of_project(clip) == ("maybe", "Ada")


def test_a_viewer_is_refused_and_sees_no_buttons(carol: User, clip: Clip):
    assert press(carol, clip, verdict="pick").status_code == HTTPStatus.FORBIDDEN
    room = signed_in(carol).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()

    assert not Decision.objects.exists()
    assert "Not decided yet." in room
    assert 'data-key="1"' not in room


def test_to_a_stranger_there_is_no_such_clip(mallory: User, koi: Project, clip: Clip):
    assert press(mallory, clip, verdict="pick").status_code == HTTPStatus.NOT_FOUND
    stolen = signed_in(mallory).post(reverse("clip_decide", args=["KOI", clip.pk]), {"verdict": "pick"})

    assert stolen.status_code == HTTPStatus.NOT_FOUND
    assert not Decision.objects.exists()


def test_a_clip_that_is_not_saved_cannot_be_decided(bob: User, make_clip: MakeClip):
    assert press(bob, make_clip(saved=False), verdict="pick").status_code == HTTPStatus.NOT_FOUND


def test_an_archived_project_keeps_its_decisions_and_takes_no_new_ones(bob: User, owner: Pass, tide: Project, clip: Clip):
    decide(clip, PICK, entry=owner)
    actions.archive(tide, by=bob)

    assert press(bob, clip, verdict="reject").status_code == HTTPStatus.FORBIDDEN
    room = signed_in(bob).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    assert of_project(clip) == ("pick", "Bob")
    assert "Picked by <bdi>Bob</bdi>" in room
    assert 'data-key="1"' not in room


def test_who_has_left_may_decide_no_more_and_what_they_decided_stays(carol: User, reviewer: Pass, bob: User, clip: Clip):
    decide(clip, PICK, entry=reviewer)
    Membership.objects.filter(user=carol).delete()

    assert press(carol, clip, verdict="reject").status_code == HTTPStatus.NOT_FOUND
    assert of_project(clip) == ("pick", "Carol")
    assert "Picked by <bdi>Carol</bdi>" in signed_in(bob).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()


# again, and back


def test_the_last_decision_counts_and_says_who(owner: Pass, reviewer: Pass, bob: User, carol: User, clip: Clip):
    press(bob, clip, verdict="pick")
    said = toast(press(carol, clip, verdict="reject"))

    assert of_project(clip) == ("reject", "Carol")
    assert opinions(clip) == {"Bob": "pick", "Carol": "reject"}
    assert said["text"] == "TIDE-001 is rejected. Bob had picked it."


def test_the_same_press_twice_is_one_press(owner: Pass, maker: Pass, clip: Clip):
    for entry in (owner, maker):
        first = decide(clip, PICK, entry=entry)
        second = decide(clip, PICK, entry=entry)
        assert first.before != first.after
        assert second.before == second.after == first.after


def test_a_second_press_takes_it_back(bob: User, alice: User, clip: Clip):
    press(bob, clip, verdict="pick")
    press(alice, clip, verdict="maybe")
    assert 'name="back" value="pick"' in signed_in(bob).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()

    for _ in range(2):
        assert toast(press(bob, clip, back="pick"))["text"] == "TIDE-001 is undecided again."
    assert of_project(clip) is None
    assert opinions(clip) == {"Alice": "maybe"}
    assert toast(press(alice, clip, back="maybe"))["text"] == "Your opinion of TIDE-001 is taken back."
    assert opinions(clip) == {}


def test_what_somebody_else_decided_in_between_is_not_taken_back_unseen(owner: Pass, reviewer: Pass, bob: User, clip: Clip):
    decide(clip, PICK, entry=owner)
    decide(clip, REJECT, entry=reviewer)

    said = toast(press(bob, clip, back="pick"))

    assert said == {"text": "Carol decided otherwise in between. Nothing was taken back.", "tone": "warning", "kind": "decision"}
    assert of_project(clip) == ("reject", "Carol")


# undo


def test_undo_brings_back_what_there_was_with_who_and_when(owner: Pass, reviewer: Pass, carol: User, clip: Clip):
    decide(clip, PICK, entry=owner)
    was = ProjectDecision.objects.get(clip=clip).decided_at

    offered = toast(press(carol, clip, verdict="reject"))["undo"]
    assert isinstance(offered, dict)
    answer = press(carol, clip, **offered["values"])

    assert toast(answer)["text"] == "Undone. TIDE-001 is as it was."
    assert of_project(clip) == ("pick", "Bob")
    assert ProjectDecision.objects.get(clip=clip).decided_at == was
    assert opinions(clip) == {"Bob": "pick"}


def test_undoing_twice_is_undoing_once(owner: Pass, clip: Clip):
    words = undo_words(clip, decide(clip, PICK, entry=owner), person=owner.user)

    undo(clip, words, entry=owner)
    undo(clip, words, entry=owner)

    assert of_project(clip) is None


def test_a_taken_back_decision_comes_back(owner: Pass, clip: Clip):
    decide(clip, PICK, entry=owner)
    words = undo_words(clip, take_back(clip, PICK, entry=owner), person=owner.user)

    undo(clip, words, entry=owner)

    assert of_project(clip) == ("pick", "Bob")


def test_undo_never_undoes_somebody_else(owner: Pass, reviewer: Pass, bob: User, clip: Clip):
    words = undo_words(clip, decide(clip, PICK, entry=owner), person=owner.user)
    decide(clip, REJECT, entry=reviewer)

    with pytest.raises(Overtaken, match="Carol decided in between"):
        undo(clip, words, entry=owner)
    assert toast(press(bob, clip, undo=words))["tone"] == "warning"
    assert of_project(clip) == ("reject", "Carol")


def test_a_makers_undo_is_not_stopped_by_what_the_project_decides(owner: Pass, maker: Pass, clip: Clip):
    words = undo_words(clip, decide(clip, PICK, entry=maker), person=maker.user)
    decide(clip, REJECT, entry=owner)

    undo(clip, words, entry=maker)

    assert opinions(clip) == {"Bob": "reject"}
    assert of_project(clip) == ("reject", "Bob")


def test_the_words_of_an_undo_are_for_one_clip_and_one_person(owner: Pass, reviewer: Pass, make_clip: MakeClip, bob: User):
    one, other = make_clip(), make_clip()
    words = undo_words(one, decide(one, PICK, entry=owner), person=owner.user)
    forged = signing.dumps([one.pk.hex, bob.pk, None, None, None, None], salt="another")

    for clip, entry, told in ((other, owner, words), (one, reviewer, words), (one, owner, forged), (one, owner, words[:-1])):
        with pytest.raises(NoSuchPress):
            undo(clip, told, entry=entry)
    assert "can no longer be undone" in str(toast(press(bob, other, undo=words))["text"])
    assert of_project(one) == ("pick", "Bob")


def test_who_may_decide_no_more_cannot_undo_for_the_project(owner: Pass, tide: Project, clip: Clip):
    words = undo_words(clip, decide(clip, PICK, entry=owner), person=owner.user)

    with pytest.raises(PermissionDenied):
        undo(clip, words, entry=Pass(owner.user, tide, "maker"))


# the answer


def test_the_room_gets_its_part_with_the_button_pressed(bob: User, clip: Clip):
    page = press(bob, clip, verdict="maybe", place="room").content.decode()

    assert page.strip().startswith(f'<section class="decide" id="decide-{clip.pk}"')
    assert 'name="back" value="maybe" data-key="2" data-verdict="maybe"\n            aria-pressed="true"' in page
    assert "Maybe by <bdi>Bob</bdi>" in page


def test_a_tile_gets_its_part_and_the_figures_of_the_filter(bob: User, make_clip: MakeClip):
    clip, _ = make_clip(), make_clip()

    page = press(bob, clip, verdict="reject", place="tile", show="undecided").content.decode()

    assert f'id="decide-{clip.pk}" data-verdict="reject"' in page
    assert 'id="shows" hx-swap-oob="outerMorph"' in page
    assert " ".join(page.split()).count('<span class="num dimmer hide-s">1</span>') == 3  # all, undecided and rejected


def test_without_scripts_a_press_leads_back_to_where_it_was_made(bob: User, clip: Clip):
    browser = signed_in(bob)
    address = reverse("clip_decide", args=["TIDE", clip.pk])

    room = browser.post(address, {"verdict": "pick"}, follow=True)
    tile = browser.post(address, {"verdict": "reject", "place": "tile"})

    assert "TIDE-001 is picked." in room.content.decode()
    assert tile.headers["Location"] == f"{reverse('gallery', args=['TIDE'])}#clip-{clip.pk}"


@pytest.mark.parametrize("data", [{}, {"verdict": "love"}, {"verdict": "pick", "back": "pick"}, {"back": "-"}, {"undo": "x" * 2000}])
def test_a_press_that_says_nothing_known_changes_nothing(bob: User, clip: Clip, data: dict[str, str]):
    assert toast(press(bob, clip, **data)) == {"text": "Say pick, maybe or reject.", "tone": "error", "kind": "decision"}
    assert not ProjectDecision.objects.exists()


def test_makers_see_their_own_press_and_the_projects_mark(alice: User, owner: Pass, maker: Pass, clip: Clip):
    decide(clip, PICK, entry=owner)
    decide(clip, REJECT, entry=maker)

    room = signed_in(alice).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    wall = signed_in(alice).get(reverse("gallery", args=["TIDE"])).content.decode()

    for page in (room, wall):
        assert 'name="back" value="reject"' in page
        assert 'name="verdict" value="pick"' in page
    assert "Picked by <bdi>Bob</bdi>" in room
    assert '<bdi class="grow">You</bdi><span class="dim">Rejected</span>' in room
    assert 'title="Picked by Bob"' in wall


# what the database promises


def test_one_row_a_person_and_known_verdicts_alone(bob: User, tide: Project, clip: Clip):
    Decision.objects.create(clip=clip, person=bob, verdict="pick")
    for made in (
        lambda: Decision.objects.create(clip=clip, person=bob, verdict="maybe"),
        lambda: Decision.objects.filter(clip=clip).update(verdict="love"),
        lambda: ProjectDecision.objects.create(clip=clip, project=tide, person=bob, verdict="love"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            made()
    assert str(Decision.objects.get()) == f"{bob.pk}: pick {clip.pk}"
    assert str(ProjectDecision(clip=clip, project=tide, verdict="maybe", decided_at=timezone.now())) == f"{tide.pk}: maybe {clip.pk}"


@pytest.mark.django_db(transaction=True)
def test_many_presses_at_once_leave_one_row_each_and_one_decision(owner: Pass, reviewer: Pass, maker: Pass, clip: Clip):
    presses: list[Callable[[], Change]] = [
        partial(decide, clip, verdict, entry=entry) for entry in (owner, reviewer, maker) for verdict in (PICK, PICK, REJECT, MAYBE)
    ]

    at_once(presses)

    assert sorted(opinions(clip)) == ["Alice", "Bob", "Carol"]
    told = of_project(clip)
    assert told
    assert opinions(clip)[told[1]] == told[0]  # whose press was last said it, and it is theirs
