"""Files in a bucket: stored, read, linked to and served, over HTTP against a played one that checks signatures."""

import io
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.core.cache import caches
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage, storages
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from studio.control import health
from studio.gallery.serving import MINUTES, NOT_AT_ALL, Linking, Parcel, deliver, send
from studio.jobs.bucket import LINK_SECONDS, SAME_SECONDS, Bucket
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.saving import MOST_TRIES
from studio.storage import place_of
from tests.jobs.conftest import work_through
from tests.jobs.played_bucket import PlayedBucket, playing_bucket

SHA = "ab" * 32
NAME = "clips/TIDE/one.mp4"


@pytest.fixture
def bucket(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedBucket]:
    """The studio keeps its files there."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with playing_bucket() as played:
        place = place_of(played.url, default=tmp_path)
        settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": place.backend, "OPTIONS": place.options}}
        yield played
        storage = storages["default"]
        assert isinstance(storage, Bucket)
        storage.connection.meta.client.close()


def asked(**headers: str) -> httpx.Client:
    return httpx.Client(trust_env=False, headers=headers)


def test_a_file_is_stored_read_measured_and_deleted(bucket: PlayedBucket):
    name = default_storage.save(NAME, ContentFile(b"0123456789"))

    assert (name, bucket.objects, bucket.types) == (NAME, {f"studio/{NAME}": b"0123456789"}, {f"studio/{NAME}": "video/mp4"})
    assert (default_storage.size(NAME), default_storage.exists(NAME), default_storage.exists("clips/other.mp4")) == (10, True, False)
    with default_storage.open(NAME) as file:
        file.seek(4)
        assert file.read(3) == b"456"
    default_storage.delete(NAME)
    default_storage.delete(NAME)
    assert bucket.objects == {}
    assert bucket.access_lists == [None]


def test_a_folder_tells_what_lies_in_it(bucket: PlayedBucket):
    for name in (NAME, "clips/TIDE/two.mp4", "clips/note.txt"):
        default_storage.save(name, ContentFile(b"x"))

    assert default_storage.listdir("clips") == (["TIDE"], ["note.txt"])
    assert default_storage.listdir("clips/TIDE") == ([], ["one.mp4", "two.mp4"])
    assert default_storage.listdir("bundles") == ([], [])


def test_a_large_file_is_stored_in_parts_and_never_read_whole(bucket: PlayedBucket):
    content = bytes(9_000_000)
    pieces: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            piece = super().read(size)
            pieces.append(len(piece))
            return piece

    default_storage.save(NAME, File(Counted(content)))

    assert bucket.objects[f"studio/{NAME}"] == content
    assert 0 < max(pieces) < len(content)


def test_a_file_that_is_not_there_is_missing_as_on_a_disk(bucket: PlayedBucket):
    with pytest.raises(FileNotFoundError):
        default_storage.open(NAME)
    with pytest.raises(FileNotFoundError):
        default_storage.size(NAME)


@pytest.mark.parametrize("act", [lambda: default_storage.save(NAME, ContentFile(b"x")), lambda: default_storage.open(NAME), lambda: default_storage.size(NAME),
                                 lambda: default_storage.exists(NAME), lambda: default_storage.delete(NAME), lambda: default_storage.listdir("clips")])  # fmt: skip
def test_a_bucket_that_refuses_is_trouble_as_of_a_disk(bucket: PlayedBucket, act: Callable[[], object]):
    bucket.refuse = (403, "AccessDenied")

    with pytest.raises(OSError, match=r"the bucket answers (AccessDenied|403)") as told:
        act()

    assert not isinstance(told.value, FileNotFoundError)


def test_a_bucket_that_is_away_is_trouble_too(bucket: PlayedBucket, settings: Settings, tmp_path: Path):
    place = place_of(bucket.url.replace(bucket.address, "http://127.0.0.1:9"), default=tmp_path)

    with pytest.raises(OSError, match="the bucket does not answer"):
        Bucket(**place.options).size(NAME)


def test_readiness_asks_the_bucket(bucket: PlayedBucket):
    assert health.problems({"storage": health.storage}) == []
    assert bucket.objects == {}

    bucket.refuse = (403, "AccessDenied")

    (problem,) = health.problems({"storage": health.storage})
    assert problem.words == "The storage does not answer (OSError)."


# --- links ----------------------------------------------------------------------------------------------------------------------------------


def link_for(parcel: Parcel, method: str = "GET") -> str:
    answer = send(RequestFactory().generic(method, "/"), parcel)
    assert answer.status_code == HTTPStatus.FOUND
    assert answer.headers["Cache-Control"] == "private, no-store"
    return answer.headers["Location"]


def test_a_browser_is_sent_to_the_bucket_for_minutes(bucket: PlayedBucket):
    default_storage.save(NAME, ContentFile(b"0123456789"))
    link = link_for(Parcel(NAME, SHA))

    with asked(Range="bytes=2-4") as browser:
        answer = browser.get(link)

    assert (answer.status_code, answer.content, answer.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == ("video/mp4", "inline")
    assert answer.headers["Cache-Control"] == "private, max-age=300, must-revalidate"
    assert int(parse_qs(urlsplit(link).query)["X-Amz-Expires"][0]) == LINK_SECONDS <= 300


@pytest.mark.parametrize("seconds", [NOT_AT_ALL, MINUTES])
@pytest.mark.django_db  # an answer's end is told to the database's connections
def test_bytes_are_kept_as_long_whoever_sends_them(bucket: PlayedBucket, settings: Settings, seconds: int):
    default_storage.save(NAME, ContentFile(b"0123456789"))
    parcel, request = Parcel(NAME, SHA, seconds=seconds), RequestFactory().get("/")

    with asked() as browser:
        told = {browser.get(link_for(parcel)).headers["Cache-Control"]}
    for accel in ("", "/protected/"):
        settings.ACCEL_REDIRECT = accel
        answer = deliver(request, parcel)
        answer.close()
        told.add(answer.headers["Cache-Control"])

    kept = {NOT_AT_ALL: "private, no-store", MINUTES: "private, max-age=300, must-revalidate"}
    assert told == {kept[seconds]}


def test_a_link_saves_under_a_telling_name(bucket: PlayedBucket):
    default_storage.save(NAME, ContentFile(b"0123456789"))

    with asked() as browser:
        answer = browser.get(link_for(Parcel(NAME, SHA, save_as="TIDE-047 ein Fuß.mp4")))

    assert answer.headers["Content-Disposition"] == "attachment; filename=\"TIDE-047 ein Fu.mp4\"; filename*=UTF-8''TIDE-047%20ein%20Fu%C3%9F.mp4"


def test_a_link_is_good_for_its_own_method_file_and_name_only(bucket: PlayedBucket):
    default_storage.save(NAME, ContentFile(b"0123456789"))
    link, head = link_for(Parcel(NAME, SHA)), link_for(Parcel(NAME, SHA), method="HEAD")

    with asked() as browser:
        statuses = [
            browser.head(head).status_code,
            browser.get(head).status_code,
            browser.head(link).status_code,
            browser.get(link.replace("one.mp4", "two.mp4")).status_code,
            browser.get(link.replace("inline", "attachment")).status_code,
            browser.get(link.partition("?")[0]).status_code,
        ]

    assert statuses == [200, 403, 403, 403, 403, 403]


def test_the_same_link_is_given_for_a_while_so_that_a_browser_finds_what_it_kept(bucket: PlayedBucket):
    default_storage.save(NAME, ContentFile(b"0123456789"))
    link = link_for(Parcel(NAME, SHA))
    local = caches["local"]
    (key,) = [name.split(":", 2)[2] for name in local._cache]  # type: ignore[attr-defined]
    local.set(key, f"{link}&kept", SAME_SECONDS)

    assert link_for(Parcel(NAME, SHA)) == f"{link}&kept"
    assert "two.mp4" in link_for(Parcel("clips/TIDE/two.mp4", SHA))
    assert "&kept" not in link_for(Parcel(NAME, SHA), method="HEAD")
    assert "&kept" not in link_for(Parcel(NAME, SHA, save_as="one.mp4"))
    assert SAME_SECONDS < LINK_SECONDS / 2  # what is given last still works for minutes


def test_a_link_asks_nobody_and_holds_no_secret(bucket: PlayedBucket):
    link = link_for(Parcel(NAME, SHA))

    assert bucket.asked == []
    assert "s3cr3t" not in link


@pytest.mark.django_db  # an answer's end is told to the database's connections
def test_a_provider_gets_a_reference_from_us_because_it_may_not_follow(bucket: PlayedBucket):
    default_storage.save("references/one.png", ContentFile(b"0123456789"))
    answer = deliver(RequestFactory().get("/", headers={"Range": "bytes=2-4"}), Parcel("references/one.png", SHA))

    assert (answer.status_code, b"".join(answer)) == (HTTPStatus.PARTIAL_CONTENT, b"234")
    answer.close()


def test_a_folder_gives_no_links():
    assert not isinstance(storages["default"], Linking)


# --- a clip ---------------------------------------------------------------------------------------------------------------------------------


def test_a_clip_goes_from_the_provider_into_the_bucket(bucket: PlayedBucket, ordered: Callable[..., Job], film: bytes):
    job = work_through(ordered())

    clip = Clip.objects.get(job=job)
    assert (job.state, bucket.objects[f"studio/{clip.file.name}"]) == (State.DONE, film)
    assert sorted(bucket.objects) == sorted(f"studio/{name}" for name in (clip.file.name, clip.poster.name, clip.sheet.name))
    assert bucket.types[f"studio/{clip.poster.name}"] == "image/webp"


def test_a_bucket_that_refuses_is_told_on_the_card_and_given_an_hour(bucket: PlayedBucket, ordered: Callable[..., Job]):
    bucket.refuse = (403, "AccessDenied")
    job = work_through(ordered(), rounds=MOST_TRIES + 2)

    assert (job.state, job.cause) == (State.SAVING, Cause.OUR_FAULT)
    assert job.message == "The file could not be written: the bucket answers AccessDenied. Trying again."

    bucket.refuse = None
    assert work_through(job).state == State.DONE
    assert Attempt.objects.get(job=job).charged == job.charged
