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


@pytest.mark.parametrize("most", [titled.MOST_BYTES, 10])
def test_what_carries_no_words_comes_as_it_is(most: int, clip: Clip, as_alice: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(titled, "MOST_BYTES", most)
    assert as_alice.get(reverse("clip_titled", args=["TIDE", clip.pk])).getvalue() == VIDEO
