"""A download that carries its title: the same pictures, with words; the original where that cannot be."""

from pathlib import Path

import av
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from studio.gallery import titled
from studio.jobs.models import Clip
from tests.gallery.conftest import VIDEO, MakeClip
from tests.jobs.conftest import film  # noqa: F401 - a fixture


def give(clip: Clip, content: bytes) -> Clip:
    default_storage.delete(str(clip.file.name))
    default_storage.save(str(clip.file.name), ContentFile(content))
    return clip


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_a_download_carries_its_words_and_the_same_pictures(make_clip: MakeClip, as_alice: Client, film: bytes, tmp_path: Path):  # noqa: F811
    clip = give(make_clip(prompt="Slow dolly toward the glass"), film)

    answer = as_alice.get(reverse("clip_titled", args=["TIDE", clip.pk]))

    made, original = tmp_path / "made.mp4", tmp_path / "original.mp4"
    made.write_bytes(answer.getvalue())
    original.write_bytes(film)
    assert packets(made) == packets(original)
    with av.open(str(made)) as container:
        told = container.metadata
    assert (told["title"], told["artist"], told["comment"]) == ("TIDE-001 Slow dolly toward the glass", "Alice", "Slow dolly toward the glass")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="TIDE-001 slow dolly toward the glass.mp4"')
    assert as_alice.get(reverse("clip_download", args=["TIDE", clip.pk])).getvalue() == film


def test_a_clips_own_name_is_written_into_the_file_and_stands_in_its_name(clip: Clip, as_alice: Client, film: bytes, tmp_path: Path):  # noqa: F811
    give(clip, film)
    Clip.objects.update(title="Hero shot")

    answer = as_alice.get(reverse("clip_titled", args=["TIDE", clip.pk]))

    made = tmp_path / "made.mp4"
    made.write_bytes(answer.getvalue())
    with av.open(str(made)) as container:
        assert (container.metadata["title"], container.metadata["comment"]) == ("TIDE-001 Hero shot", "Slow dolly toward the glass")
    assert 'filename="TIDE-001 hero shot.mp4"' in answer.headers["Content-Disposition"]


def test_whoever_asks_for_the_head_alone_has_no_file_made(clip: Clip, as_alice: Client, film: bytes):  # noqa: F811
    address = reverse("clip_titled", args=["TIDE", clip.pk])
    give(clip, film)
    made = as_alice.get(address)
    assert made.getvalue()
    name = str(clip.file.name)
    default_storage.delete(name)
    default_storage.save(name, ContentFile(b""))  # of which none could be made

    head = as_alice.head(address)

    same = ("Content-Type", "Content-Disposition", "Cache-Control", "Cross-Origin-Resource-Policy")
    assert head.status_code == made.status_code
    assert {name: head.headers[name] for name in same} == {name: made.headers[name] for name in same}
    assert "Content-Length" not in head.headers  # nobody knows it before it is made
    default_storage.delete(name)
    assert as_alice.head(address).status_code == as_alice.get(address).status_code == 404


@pytest.mark.parametrize("most", [titled.MOST_BYTES, 10])
def test_what_carries_no_words_comes_as_it_is(most: int, clip: Clip, as_alice: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(titled, "MOST_BYTES", most)
    assert as_alice.get(reverse("clip_titled", args=["TIDE", clip.pk])).getvalue() == VIDEO
