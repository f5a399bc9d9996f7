"""Posters in sizes: drawn when somebody looks, kept for ever under an address that names their content, and never for strangers or shared caches."""

import io
from http import HTTPStatus

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from PIL import Image

from studio.accounts.models import User
from studio.gallery import posters
from studio.jobs.models import Clip
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_views import body


@pytest.fixture
def drawn(make_clip: MakeClip) -> Clip:
    """A clip with a real poster, 960 pixels wide."""
    clip, content = make_clip(), io.BytesIO()
    Image.new("RGB", (960, 540), (20, 90, 160)).save(content, "WEBP")
    name = default_storage.save("clips/TIDE/real-poster.webp", ContentFile(content.getvalue()))
    Clip.objects.filter(pk=clip.pk).update(poster=name)
    return Clip.objects.select_related("job__project").get(pk=clip.pk)


@pytest.mark.parametrize(("width", "real"), [(320, 320), (480, 480), (960, 960)])
def test_a_size_is_drawn_when_somebody_looks_and_kept_for_minutes_in_their_browser_alone(as_alice: Client, drawn: Clip, width: int, real: int):
    answer = as_alice.get(posters.address(drawn, width))
    again = as_alice.get(posters.address(drawn, width))

    assert Image.open(io.BytesIO(body(answer))).size == (real, round(real * 540 / 960))
    assert body(again)
    assert answer.headers["Cache-Control"] == "private, max-age=300, must-revalidate"
    assert answer.headers["Content-Type"] == "image/webp"
    assert len(default_storage.listdir("clips/TIDE")[1]) == 4 + (width < 960)


def test_an_old_address_leads_to_the_present_picture_and_other_sizes_are_none(as_alice: Client, drawn: Clip):
    old = reverse("clip_picture", args=["TIDE", drawn.pk, 480, "0" * 20])

    assert as_alice.get(old).headers["Location"] == posters.address(drawn, 480)
    assert as_alice.get(reverse("clip_picture", args=["TIDE", drawn.pk, 481, posters.digest(drawn)])).status_code == HTTPStatus.NOT_FOUND


def test_another_poster_has_another_address(drawn: Clip):
    before = posters.address(drawn, 480)
    drawn.poster.name = "clips/TIDE/another.webp"

    assert posters.address(drawn, 480) != before


def test_a_poster_that_is_no_picture_is_sent_as_it_is(as_alice: Client, clip: Clip):
    assert body(as_alice.get(posters.address(clip, 480))) == b"poster"


def test_strangers_get_no_size(mallory: User, client: Client, drawn: Clip):
    assert signed_in(mallory).get(posters.address(drawn, 480)).status_code == HTTPStatus.NOT_FOUND
    assert client.get(posters.address(drawn, 480)).status_code == HTTPStatus.FOUND


def test_the_wall_names_every_size_with_its_real_width(as_alice: Client, drawn: Clip):
    page = as_alice.get("/p/TIDE/gallery/").content.decode()

    assert "320.webp" not in page
    for width in (320, 480, 960):
        assert f"{posters.address(drawn, width)} {width}w" in page
    assert 'sizes="(max-width: 760px) 308px, 462px"' in page


@pytest.mark.parametrize(
    ("size", "widths"), [((1280, 720), [320, 480, 960]), ((720, 1280), [320, 480, 720]), ((400, 400), [320, 400]), ((0, 0), [320, 480, 960])]
)
def test_no_size_is_larger_than_the_poster(drawn: Clip, size: tuple[int, int], widths: list[int]):
    drawn.width, drawn.height = size

    assert [width for _, width in posters.sizes(drawn)] == widths
