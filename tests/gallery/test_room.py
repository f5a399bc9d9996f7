"""The viewing room goes through the wall that it was opened from: what that was narrowed to, in its order, and back to it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.wall import MOST_COUNTED
from studio.jobs.models import Clip, Job
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_shows import decided


def room(browser: Client, clip: Clip, **wall: str) -> str:
    return browser.get(reverse("clip", args=[clip.project.code, clip.pk]), wall).content.decode()


def beside(page: str, side: str) -> str:
    """The address of the next clip on that side, or none."""
    found = re.search(rf'href="([^"]*)" data-step="{side}"', page)
    return found[1].replace("&amp;", "&") if found else ""


def strip(page: str) -> list[str]:
    """The codes of the clips in the strip."""
    return re.findall(r'data-step(?: aria-current="true")? aria-label="([^"]*)"', page)


def place(page: str) -> str:
    return str(re.findall(r'room__n hide-s">([^<]*)<', page)[0])


def test_the_room_goes_through_what_the_wall_was_narrowed_to(as_alice: Client, make_clip: MakeClip, bob: User):
    clips = [make_clip(prompt=prompt, author=bob) for prompt in ("Heron", "Boat", "Heron")]
    make_clip(prompt="Heron of Alice")

    page = room(as_alice, clips[2], q="heron", by=str(bob.pk))

    assert (strip(page), place(page)) == (["TIDE-003", "TIDE-001"], "1 of 2 found")
    assert (beside(page, "newer"), beside(page, "older")) == ("", f"{reverse('clip', args=['TIDE', clips[0].pk])}?q=heron&by={bob.pk}")
    assert f'href="{reverse("gallery", args=["TIDE"])}?q=heron&amp;by={bob.pk}#clip-{clips[2].pk}" data-close' in page


def test_the_wall_leads_into_the_room_with_what_it_is_narrowed_to(as_alice: Client, clip: Clip):
    address = reverse("clip", args=["TIDE", clip.pk])

    assert f'href="{address}"' in as_alice.get(reverse("gallery", args=["TIDE"])).content.decode()
    assert (
        f'href="{address}?q=dolly&amp;sort=cost"' in as_alice.get(reverse("gallery", args=["TIDE"]), {"q": "dolly", "sort": "cost"}).content.decode()
    )
    assert f'href="{address}?wall=all"' in as_alice.get(reverse("gallery_all")).content.decode()


@pytest.mark.parametrize(("sort", "order"), [("", [3, 2, 1, 0]), ("cost", [1, 3, 0, 2]), ("picked", [0, 3])])
def test_the_room_goes_in_the_order_of_the_wall(sort: str, order: list[int], as_alice: Client, make_clip: MakeClip, bob: User):
    clips = [make_clip() for _ in range(4)]
    for clip, charged in zip(clips, (2_000, 9_000, 1_000, 5_000), strict=True):
        Job.objects.filter(pk=clip.job_id).update(charged=charged)
    for number in (3, 0):
        decided(clips[number], "pick", bob)

    page = room(as_alice, clips[3], sort=sort)

    turn = order.index(3)
    assert strip(page) == [clips[number].code for number in order]
    assert place(page) == f"{turn + 1} of {len(order)}"
    around = [beside(page, side).partition("?")[0].rpartition("/clips/")[2].strip("/") for side in ("newer", "older")]
    assert around == [str(clips[number].pk) if number is not None else "" for number in ([None, *order][turn], [*order, None][turn + 1])]


def test_a_clip_that_left_the_wall_meanwhile_still_leads_on(as_alice: Client, make_clip: MakeClip, bob: User):
    clips = [decided(make_clip(), "pick", bob) for _ in range(3)]
    clips[1].decision.delete()

    assert strip(room(as_alice, clips[1], show="picked")) == ["TIDE-003", "TIDE-002", "TIDE-001"]
    assert strip(room(as_alice, clips[1], sort="picked")) == ["TIDE-003", "TIDE-001", "TIDE-002"]


def test_from_the_wall_of_all_the_way_leads_through_every_project_that_one_may_see(alice: User, make_clip: MakeClip, koi: Project, mallory: User):
    Membership.objects.create(project=koi, user=alice, role="viewer")
    first, theirs, last = make_clip(), make_clip(project=koi), make_clip()

    page = room(signed_in(alice), first, wall="all")
    assert strip(page) == ["TIDE-002", "KOI-001", "TIDE-001"]
    assert beside(page, "newer") == f"{reverse('clip', args=['KOI', theirs.pk])}?wall=all"
    assert f'href="{reverse("gallery_all")}#clip-{first.pk}" data-close' in page

    Membership.objects.filter(project=koi, user=alice).delete()
    assert strip(room(signed_in(alice), first, wall="all")) == ["TIDE-002", "TIDE-001"]
    assert strip(room(signed_in(mallory), theirs, wall="all")) == ["KOI-001"]
    assert last.code not in room(signed_in(mallory), theirs, wall="all")


def test_a_press_in_the_room_keeps_the_wall_also_without_a_script(bob: User, clip: Clip):
    address = reverse("clip_decide", args=["TIDE", clip.pk])
    form = {"verdict": "pick", "place": "room", "query": "wall=all&q=dolly"}

    assert 'name="query" value="wall=all&amp;q=dolly"' in room(signed_in(bob), clip, wall="all", q="dolly")
    assert signed_in(bob).post(address, form).headers["Location"] == f"{reverse('clip', args=['TIDE', clip.pk])}?wall=all&q=dolly"
    answer = signed_in(bob).post(address, form, headers={"HX-Request": "true"})
    assert 'name="query" value="wall=all&amp;q=dolly"' in answer.content.decode()


def test_beyond_some_hundreds_nobody_counts_along(as_alice: Client, make_clip: MakeClip, alice: User):
    oldest = make_clip(age=timedelta(days=2))
    job = make_clip(age=timedelta(days=1)).job
    more(job, MOST_COUNTED + 10)

    assert place(room(as_alice, oldest)) == f"{MOST_COUNTED}+ of {MOST_COUNTED + 12}"
    assert place(room(as_alice, oldest, by=str(alice.pk))) == f"{MOST_COUNTED}+ of {MOST_COUNTED}+ found"
    newest = Clip.objects.order_by("-hanging__place")[0]
    assert place(room(as_alice, newest)) == f"1 of {MOST_COUNTED + 12}"


def more(job: Job, number: int) -> None:
    """So many more saved clips of this job."""
    pattern = Clip.objects.get(job=job)
    same = {name: getattr(pattern, name) for name in ("job", "attempt", "project", "file", "sha256", "saved_at", "width", "height", "milliseconds")}
    Clip.objects.bulk_create(Clip(position=turn + 1, **same) for turn in range(number))


def test_the_room_costs_the_same_however_many_hang_there(as_alice: Client, make_clip: MakeClip):
    clips = [make_clip() for _ in range(12)]
    as_alice.get(reverse("clip", args=["TIDE", clips[5].pk]))

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            room(as_alice, clips[5], q="dolly", sort="cost")
        return len(queries)

    few = cost()
    more(clips[0].job, 40)
    assert cost() == few
