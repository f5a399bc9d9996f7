"""ZIP files that are not given out any more, what their manifests keep to themselves, and that none of their files outlives them."""

from datetime import timedelta
from http import HTTPStatus
from typing import IO, Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.gallery import bundle_making
from studio.gallery.bundle_models import Bundle
from studio.jobs import trash
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.sharing import bundle_of, work
from tests.gallery.test_bundles import load, lose, manifest
from tests.jobs.storages import FullDisk, use_storage


def test_a_zip_that_only_tells_of_what_one_may_not_see_any_more_is_not_given_out(make_clip: MakeClip, koi: Project, as_alice: Client, alice: User):
    Membership.objects.create(project=koi, user=alice, role="viewer")
    mine, foreign = make_clip(), make_clip(project=koi, prompt="A secret koi")
    lose(foreign)
    bundle = bundle_of(mine, foreign, by=alice)
    work()
    assert b"A secret koi" in load(as_alice, bundle).read("manifest.json")

    Membership.objects.filter(project=koi).delete()

    answer = as_alice.get(reverse("bundle_file", args=[bundle.pk, 1]))
    assert (answer.status_code, b"secret" in answer.content) == (HTTPStatus.GONE, False)


def test_a_zip_that_is_not_given_out_any_more_says_so_and_is_made_again_with_what_is_left(
    make_clip: MakeClip, koi: Project, as_alice: Client, alice: User, bob: User
):
    Membership.objects.create(project=koi, user=alice, role="viewer")
    bundle = bundle_of(make_clip(), make_clip(project=koi), by=alice)
    work()
    before = as_alice.get(reverse("bundles"), headers={"HX-Request": "true"}).headers["HX-PTag"]
    Membership.objects.filter(project=koi).delete()

    listed = as_alice.get(reverse("bundles"), headers={"HX-Request": "true", "HX-PTag": before}).content.decode()
    again = f"{reverse('bundle_new')}?again={bundle.pk}"
    assert "so it is not given out" in listed
    assert reverse("bundle_file", args=[bundle.pk, 1]) not in listed
    assert again in listed
    assert again in as_alice.get(reverse("bundle_file", args=[bundle.pk, 1])).content.decode()
    asked = as_alice.get(again).content.decode()
    assert "1 clip," in asked
    assert "1 that you asked for is left out" in asked
    assert signed_in(bob).get(again).headers["Location"] == reverse("bundles")


def test_the_manifest_tells_nothing_of_what_was_thrown_away_before_it_was_made(make_clip: MakeClip, as_alice: Client, alice: User):
    kept, thrown = make_clip(), make_clip(prompt="A secret shot")
    bundle = bundle_of(kept, thrown, by=alice)
    trash.throw_away(Clip.objects.filter(pk=thrown.pk), by=alice)
    work()

    archive = load(as_alice, bundle)

    assert b"secret" not in archive.read("manifest.json") + archive.read("manifest.csv")
    assert [one["asked_for"] for one in manifest(archive)["left_out"]] == [str(thrown.pk)]
    assert [one["clip"] for one in manifest(archive)["clips"]] == [kept.code]


def test_what_came_back_before_the_next_try_is_in_the_zip(make_clip: MakeClip, as_alice: Client, alice: User, settings: Settings):
    kept, thrown = make_clip(), make_clip()
    bundle = bundle_of(kept, thrown, by=alice, pattern="{code}")
    trash.throw_away(Clip.objects.filter(pk=thrown.pk), by=alice)
    usual = settings.STORAGES
    use_storage(settings, FullDisk)
    assert bundle_making.go_on() == 0
    settings.STORAGES = usual
    trash.restore(Clip.objects.filter(pk=thrown.pk))
    bundle.parts.update(lease_until=None)
    work()

    assert load(as_alice, bundle).namelist()[2:] == ["TIDE-001.mp4", "TIDE-002.mp4"]


def test_a_clip_that_is_deleted_for_good_is_in_no_zip_of_the_storage(make_clip: MakeClip, as_alice: Client, alice: User):
    clip, other = make_clip(), make_clip()
    bundle, untouched = bundle_of(clip, other, by=alice), bundle_of(other, by=alice)
    work()
    trash.throw_away(Clip.objects.filter(pk=clip.pk), by=alice)
    trash.give_up(Clip.objects.filter(pk=clip.pk), why="Deleted by Alice")

    caches["local"].clear()
    assert bundle_making.is_due()
    bundle_making.go_on()

    assert not default_storage.exists(f"bundles/{bundle.pk}/1.zip")
    assert default_storage.exists(f"bundles/{untouched.pk}/1.zip")
    assert "deleted for good" in as_alice.get(reverse("bundles")).content.decode()
    caches["local"].clear()
    assert not bundle_making.is_due()


class DroppedStorage(FileSystemStorage):
    """While it writes, the bundle's person lets it go."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        Bundle.objects.update(expires_at=timezone.now())
        bundle_making.clear_away()
        return super().save(name, content, max_length)


class ForgottenStorage(FileSystemStorage):
    """While it writes, the bundle goes with its rows."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        Bundle.objects.all().delete()
        return super().save(name, content, max_length)


@pytest.mark.parametrize("storage", [DroppedStorage, ForgottenStorage])
@pytest.mark.parametrize("pause", [0, 100])
def test_a_zip_that_is_let_go_while_it_is_stored_leaves_no_file(
    pause: int, storage: type[FileSystemStorage], make_clip: MakeClip, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bundle_making, "NOTE", pause)
    bundle = bundle_of(make_clip(), by=alice)
    use_storage(settings, storage)

    assert not bundle_making.make(bundle.parts.get().pk)

    assert not default_storage.exists(f"bundles/{bundle.pk}/1.zip")
    bundle_making.clear_away()
    assert not Bundle.objects.exists()
    assert default_storage.listdir("bundles") == ([], [])


def test_files_of_bundles_that_are_gone_are_swept_and_no_others(make_clip: MakeClip, alice: User):
    kept, gone = bundle_of(make_clip(), by=alice), uuid4()
    work()
    for name in (f"bundles/{gone}/1.zip", "bundles/notes/read.txt"):
        default_storage.save(name, ContentFile(b"half of"))

    bundle_making.clear_away()

    assert sorted(default_storage.listdir("bundles")[0]) == sorted([str(kept.pk), "notes"])
    assert default_storage.exists(f"bundles/{kept.pk}/1.zip")


def test_a_bundle_that_is_let_go_while_it_is_made_stays_until_its_maker_stopped(make_clip: MakeClip, alice: User):
    bundle = bundle_of(make_clip(), by=alice)
    bundle.parts.update(lease_until=timezone.now() + timedelta(seconds=60))
    Bundle.objects.update(expires_at=timezone.now())
    assert bundle_making.clear_away() == 0

    bundle.parts.update(lease_until=timezone.now())
    assert bundle_making.clear_away() == 1
