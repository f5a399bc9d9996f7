"""ZIP files: what is in one, for whom, what happens when a file is missing, a worker dies or somebody is taken out of the project, and that nothing stays."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from http import HTTPStatus
from typing import IO, Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.brokers import get_broker
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.gallery import bundle_making, bundles
from studio.gallery.bundle_models import Bundle, BundlePart
from studio.jobs.models import Clip
from studio.jobs.supervisor import tick
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import VIDEO, MakeClip
from tests.gallery.sharing import bundle_of, work
from tests.jobs.storages import ClosedStorage, FullDisk, use_storage


def load(browser: Client, bundle: Bundle, number: int = 1) -> zipfile.ZipFile:
    answer = browser.get(reverse("bundle_file", args=[bundle.pk, number]))
    assert answer.status_code == HTTPStatus.OK
    return zipfile.ZipFile(io.BytesIO(answer.getvalue()))


def manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(archive.read("manifest.json"))
    return told


def test_a_zip_holds_the_original_files_and_tells_where_they_come_from(make_clip: MakeClip, as_alice: Client, alice: User):
    clips = [make_clip(prompt="Slow dolly"), make_clip(prompt="=HYPERLINK(1)")]
    bundle = bundle_of(*clips, by=alice)
    assert work() == 1

    archive = load(as_alice, bundle)

    assert archive.testzip() is None
    assert archive.namelist() == ["manifest.json", "manifest.csv", "TIDE-001 Slow dolly.mp4", "TIDE-002 HYPERLINK 1.mp4"]
    assert archive.read("TIDE-001 Slow dolly.mp4") == VIDEO
    first, second = manifest(archive)["clips"]
    assert (first["file"], first["clip"], first["prompt"], first["sha256"]) == ("TIDE-001 Slow dolly.mp4", "TIDE-001", "Slow dolly", clips[0].sha256)
    assert first["receipt"] == {
        "estimated": "38",
        "charged": "38",
        "charge_is_estimate": False,
        "reported_usage": "3800000000",
        "reported_unit": "cost_in_usd_ticks",
    }
    rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
    assert [row["clip"] for row in rows] == ["TIDE-001", "TIDE-002"]
    assert rows[1]["prompt"] == "'=HYPERLINK(1)"
    assert second["prompt"] == "=HYPERLINK(1)"


def test_the_manifest_names_lineage_within_the_project(make_clip: MakeClip, as_alice: Client, alice: User):
    first, second = make_clip(), make_clip()
    second.job.source, second.job.parent, second.job.operation = first, first.job, "extend"
    second.job.save()
    bundle = bundle_of(second, by=alice)
    work()

    (told,) = manifest(load(as_alice, bundle))["clips"]

    assert told["lineage"] == {"brief_of": "TIDE-001", "made_from": "TIDE-001", "prompt_version": None, "references": []}
    assert told["brief"]["operation"] == "extend"


def test_of_a_mixed_selection_only_what_one_may_see_is_in_the_zip(make_clip: MakeClip, koi: Project, as_alice: Client, alice: User):
    mine, foreign, unsaved = make_clip(), make_clip(project=koi, prompt="A secret koi"), make_clip(saved=False)
    nowhere = uuid4()
    bundle = bundles.start(alice, [foreign.pk, mine.pk, unsaved.pk, nowhere], pattern="{code}", key=uuid4())
    work()

    archive = load(as_alice, bundle)

    assert archive.namelist() == ["manifest.json", "manifest.csv", "TIDE-001.mp4"]
    told = manifest(archive)
    assert [one["asked_for"] for one in told["left_out"]] == [str(foreign.pk), str(unsaved.pk), str(nowhere)]
    assert len({one["because"] for one in told["left_out"]}) == 1  # what exists elsewhere looks like what does not exist
    assert b"secret koi" not in archive.read("manifest.json") + archive.read("manifest.csv")


@pytest.mark.parametrize("when", ["before it is made", "after it is made"])
def test_who_was_taken_out_of_a_project_gets_none_of_it(when: str, make_clip: MakeClip, koi: Project, as_alice: Client, alice: User):
    Membership.objects.create(project=koi, user=alice, role="viewer")
    bundle = bundle_of(make_clip(), make_clip(project=koi), by=alice)
    if when == "after it is made":
        work()
    Membership.objects.filter(project=koi, user=alice).delete()
    work()

    answer = as_alice.get(reverse("bundle_file", args=[bundle.pk, 1]))

    if when == "after it is made":
        assert answer.status_code == HTTPStatus.GONE
        assert as_alice.head(reverse("bundle_file", args=[bundle.pk, 1])).status_code == HTTPStatus.GONE
    else:
        archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
        assert archive.namelist() == ["manifest.json", "manifest.csv", "TIDE-001 Slow dolly toward the glass.mp4"]
        assert b"KOI" not in archive.read("manifest.json")


def lose(clip: Clip) -> None:
    default_storage.delete(str(clip.file.name))


def spoil(clip: Clip) -> None:
    lose(clip)
    default_storage.save(str(clip.file.name), ContentFile(VIDEO[:-1] + b"?"))


def test_a_zip_is_its_persons_alone(make_clip: MakeClip, alice: User, bob: User, ada: User):
    bundle = bundle_of(make_clip(), by=alice)
    address = reverse("bundle_file", args=[bundle.pk, 1])
    assert signed_in(alice).get(address).status_code == HTTPStatus.NOT_FOUND  # it is not made yet
    work()

    assert load(signed_in(alice), bundle).testzip() is None
    assert {person.name: signed_in(person).get(address).status_code for person in (bob, ada)} == {"Bob": 404, "Ada": 404}
    assert Client().get(address).status_code == HTTPStatus.FOUND
    assert signed_in(bob).post(reverse("bundle_drop", args=[bundle.pk])).status_code == HTTPStatus.NOT_FOUND


def test_a_download_that_broke_off_goes_on(make_clip: MakeClip, as_alice: Client, alice: User):
    bundle = bundle_of(make_clip(), by=alice)
    work()
    address = reverse("bundle_file", args=[bundle.pk, 1])
    whole = as_alice.get(address)
    content = whole.getvalue()

    rest = as_alice.get(address, headers={"Range": "bytes=100-", "If-Range": whole.headers["ETag"]})

    assert rest.status_code == HTTPStatus.PARTIAL_CONTENT
    assert rest.getvalue() == content[100:]
    assert whole.headers["Content-Type"] == "application/zip"
    assert whole.headers["Cache-Control"] == "private, no-store"
    assert 'filename="Tidewater, 1 clip 2' in whole.headers["Content-Disposition"]


@pytest.mark.parametrize(("harm", "why"), [(lose, "not in the storage"), (spoil, "the SHA-256 differs")])
def test_a_file_that_is_lost_or_changed_is_listed_and_the_others_come(harm: Any, why: str, make_clip: MakeClip, as_alice: Client, alice: User):
    clips = [make_clip(), make_clip(), make_clip()]
    harm(clips[1])
    bundle = bundle_of(*clips, by=alice, pattern="{code}")
    work()

    archive = load(as_alice, bundle)

    assert archive.testzip() is None
    assert archive.namelist()[2:] == ["TIDE-001.mp4", "TIDE-003.mp4"]
    told = manifest(archive)["clips"][1]
    assert told["file"] is None
    assert why in told["missing_because"]
    assert "1 of 3 is missing" in as_alice.get(reverse("bundles")).content.decode()


def test_large_selections_become_several_whole_zips(make_clip: MakeClip, as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundles, "LIMIT", 2 * len(VIDEO))
    clips = [make_clip(prompt="Same words") for _ in range(3)]
    bundle = bundle_of(*clips, by=alice, pattern="{title}")
    assert work() == 2

    names = [load(as_alice, bundle, number).namelist()[2:] for number in (1, 2)]

    assert names == [["Same words.mp4", "Same words (2).mp4"], ["Same words (3).mp4"]]
    bundle.refresh_from_db()
    assert bundle.ready_at


def test_a_clips_own_name_is_its_title_in_a_zip(make_clip: MakeClip, as_alice: Client, alice: User):
    named = make_clip(prompt="Same words")
    Clip.objects.update(title="Hero shot")
    bundle = bundle_of(named, make_clip(prompt="Same words"), by=alice, pattern="{title}")
    work()

    archive = load(as_alice, bundle)
    assert archive.namelist()[2:] == ["Hero shot.mp4", "Same words.mp4"]
    assert [one["title"] for one in manifest(archive)["clips"]] == ["Hero shot", None]
    rows = csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig")))
    assert [(row["title"], row["sandbox"], row["model"]) for row in rows] == [
        ("Hero shot", "yes", "grok-imagine-video"),
        ("", "yes", "grok-imagine-video"),
    ]


def test_a_part_that_two_tasks_make_at_once_is_made_by_one(make_clip: MakeClip, alice: User):
    part = bundle_of(make_clip(), by=alice).parts.get()
    BundlePart.objects.filter(pk=part.pk).update(lease_until=timezone.now() + timedelta(seconds=100))

    assert not bundle_making.make(part.pk)
    assert not bundle_making.is_due()


class SlowStorage(FileSystemStorage):
    """While it writes, the lease runs out and another task begins."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        BundlePart.objects.update(tries=7)
        return super().save(name, content, max_length)


@pytest.mark.parametrize("pause", [0, 100])  # seconds between two notes: it learns in the middle, or at the end
def test_a_task_that_was_overtaken_ends_nothing(pause: int, make_clip: MakeClip, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundle_making, "NOTE", pause)
    part = bundle_of(make_clip(), by=alice).parts.get()
    use_storage(settings, SlowStorage)

    assert not bundle_making.make(part.pk)
    part.refresh_from_db()
    assert (part.waits, part.tries, part.file.name) == (True, 7, "")


def test_what_a_killed_worker_left_is_made_anew_and_given_up_at_last(make_clip: MakeClip, alice: User, as_alice: Client):
    bundle = bundle_of(make_clip(), by=alice)
    default_storage.save(f"bundles/{bundle.pk}/1.zip", ContentFile(b"half of"))
    bundle.parts.update(lease_until=timezone.now() - timedelta(seconds=1), tries=1)
    assert work() == 1
    assert load(as_alice, bundle).testzip() is None

    other = bundle_of(make_clip(), by=alice)
    other.parts.update(lease_until=timezone.now() - timedelta(seconds=1), tries=bundle_making.MOST_TRIES)
    assert bundle_making.go_on() == 0
    assert "could not be made" in other.parts.get().trouble
    other.refresh_from_db()
    assert other.ready_at


@pytest.mark.parametrize(
    ("storage", "why"),
    [(FullDisk, "The file could not be written: No space left on device."), (ClosedStorage, "Something went wrong here while it was made.")],
)
def test_a_storage_in_trouble_is_tried_again_later(storage: type[FileSystemStorage], why: str, make_clip: MakeClip, alice: User, settings: Settings):
    bundle = bundle_of(make_clip(), by=alice)
    use_storage(settings, storage)
    assert bundle_making.go_on() == 0
    assert bundle_making.go_on() == 0  # not at once
    assert bundle.parts.get().tries == 1
    for _ in range(bundle_making.MOST_TRIES - 1):
        bundle.parts.update(lease_until=None)
        assert bundle_making.go_on() == 0

    part = bundle.parts.get()
    assert part.trouble == why
    assert not part.waits


def test_what_has_expired_goes_with_its_files(make_clip: MakeClip, as_alice: Client, alice: User):
    bundle, kept = bundle_of(make_clip(), by=alice), bundle_of(make_clip(), by=alice)
    work()
    Bundle.objects.filter(pk=bundle.pk).update(expires_at=timezone.now())

    assert as_alice.get(reverse("bundle_file", args=[bundle.pk, 1])).status_code == HTTPStatus.NOT_FOUND
    bundle_making.clear_away()

    assert list(Bundle.objects.all()) == [kept]
    assert not default_storage.exists(f"bundles/{bundle.pk}/1.zip")
    assert default_storage.exists(f"bundles/{kept.pk}/1.zip")
    assert Clip.objects.count() == 2


def test_one_who_was_switched_off_gets_no_zip(make_clip: MakeClip, alice: User):
    bundle = bundle_of(make_clip(), by=alice)
    alice.is_active = False
    alice.save()
    assert work() == 0
    assert not default_storage.exists(f"bundles/{bundle.pk}/1.zip")


def test_a_form_that_is_sent_twice_asks_once(make_clip: MakeClip, as_alice: Client):
    form = {"clips": str(make_clip().pk), "pattern": "{code}", "key": str(uuid4())}
    for _ in range(2):
        assert as_alice.post(reverse("bundle_new"), form).status_code == HTTPStatus.FOUND
    assert Bundle.objects.count() == 1


def test_the_form_shows_the_names_and_keeps_what_was_typed(make_clip: MakeClip, koi: Project, as_alice: Client):
    clips = f"{make_clip().pk},{make_clip(project=koi).pk} nonsense"
    asked = as_alice.post(reverse("bundle_new"), {"clips": clips}).content.decode()
    assert "TIDE-001 Slow dolly toward the glass.mp4" in asked
    assert "1 that you asked for is left out" in asked

    answer = as_alice.post(reverse("bundle_new"), {"clips": clips, "pattern": "{seed}", "key": str(uuid4())})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "There is no {seed}." in answer.content.decode()
    assert 'value="{seed}"' in answer.content.decode()


def test_what_a_wall_shows_can_be_taken_without_choosing(make_clip: MakeClip, koi: Project, as_alice: Client):
    for prompt in ("A heron", "A boat"):
        make_clip(prompt=prompt)
    make_clip(project=koi, prompt="A heron of Mallory's")

    def taken(**wall: str) -> list[str]:
        page = as_alice.get(reverse("bundle_new"), wall).content.decode()
        return re.findall(r"<li>([^<]*)\.mp4</li>", page)

    assert taken(wall="TIDE") == ["TIDE-002 A boat", "TIDE-001 A heron"]
    assert taken(wall="TIDE", q="heron") == taken(wall="all", q="heron") == ["TIDE-001 A heron"]
    assert as_alice.get(reverse("bundle_new"), {"wall": "TIDE", "show": "picked"}).headers["Location"] == reverse("bundles")
    for elsewhere in ("KOI", "NONE"):
        assert as_alice.get(reverse("bundle_new"), {"wall": elsewhere}).status_code == HTTPStatus.NOT_FOUND
    assert f'href="{reverse("bundle_new")}?wall=TIDE&amp;q=heron"' in as_alice.get(reverse("gallery", args=["TIDE"]), {"q": "heron"}).content.decode()


def test_too_much_at_once_is_refused_in_a_sentence(make_clip: MakeClip, as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch):
    clip = make_clip()
    for _ in range(bundles.MOST_WAITING):
        bundle_of(clip, by=alice)
    answer = as_alice.post(reverse("bundle_new"), {"clips": str(clip.pk), "pattern": "{code}", "key": str(uuid4())})
    assert "5 ZIP files of yours are still being made." in answer.content.decode()

    Bundle.objects.update(ready_at=timezone.now())
    monkeypatch.setattr(bundles, "MOST_KEPT", bundles.MOST_WAITING)
    answer = as_alice.post(reverse("bundle_new"), {"clips": str(clip.pk), "pattern": "{code}", "key": str(uuid4())})
    assert "You have 5 ZIP files. Let one go first." in answer.content.decode()

    monkeypatch.setattr(bundles, "MOST_CLIPS", 1)
    as_alice.post(reverse("bundle_new"), {"clips": f"{clip.pk},{make_clip().pk}"})
    assert "A ZIP takes at most 1 clips." in as_alice.get(reverse("bundles")).content.decode()


def test_the_list_answers_nothing_while_nothing_changes(make_clip: MakeClip, as_alice: Client, alice: User):
    bundle = bundle_of(make_clip(), by=alice)
    first = as_alice.get(reverse("bundles"), headers={"HX-Request": "true"})
    tag = first.headers["HX-PTag"]
    assert as_alice.get(reverse("bundles"), headers={"HX-Request": "true", "HX-PTag": tag}).status_code == HTTPStatus.NOT_MODIFIED

    work()

    second = as_alice.get(reverse("bundles"), headers={"HX-Request": "true", "HX-PTag": tag})
    assert second.status_code == HTTPStatus.OK
    assert reverse("bundle_file", args=[bundle.pk, 1]) in second.content.decode()


def test_that_a_zip_is_ready_is_told_until_a_page_says_that_it_has_shown_it(make_clip: MakeClip, as_alice: Client, alice: User, bob: User):
    bundle = bundle_of(make_clip(), by=alice)
    assert as_alice.get(reverse("bundle_news")).json()["pending"] == 1
    work()

    news = {"pending": 0, "ready": [{"id": str(bundle.pk), "title": "Tidewater, 1 clip"}], "address": "/bundles/", "told": "/bundles/told/"}
    assert as_alice.get(reverse("bundle_news")).json() == news
    assert as_alice.get(reverse("bundle_news")).json() == news  # the first answer may not have arrived
    assert signed_in(bob).get(reverse("bundle_news")).json() == {**news, "ready": []}
    signed_in(bob).post(reverse("bundle_told"), {"id": bundle.pk})
    assert as_alice.get(reverse("bundle_news")).json() == news
    as_alice.post(reverse("bundle_told"), {"id": [bundle.pk, "no-id"]})
    assert as_alice.get(reverse("bundle_news")).json()["ready"] == []


def test_the_list_costs_the_same_however_long_it_is(make_clip: MakeClip, as_alice: Client, alice: User, django_assert_max_num_queries: Any):
    for _ in range(5):
        bundle_of(make_clip(), make_clip(), by=alice)
        work()
    with django_assert_max_num_queries(14):
        as_alice.get(reverse("bundles"))


def test_the_supervisor_queues_a_zip_until_somebody_makes_it(make_clip: MakeClip, alice: User):
    broker = get_broker()
    broker.purge_queue()
    tick()
    quiet = broker.queue_size()
    bundle_of(make_clip(), by=alice)
    tick()
    assert broker.queue_size() == quiet + 2  # a heartbeat, and the ZIP
    work()
    tick()
    assert broker.queue_size() == quiet + 3
    broker.purge_queue()


def test_the_worker_asks_one_question_a_second(make_clip: MakeClip, alice: User, django_assert_max_num_queries: Any):
    bundle_of(make_clip(), by=alice)
    with django_assert_max_num_queries(1):
        assert bundle_making.is_due()
