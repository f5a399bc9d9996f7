"""What a chat shows beside a pasted link: its words, and its picture, which is drawn once."""

import io
import re
from http import HTTPStatus

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.gallery.share_models import ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.gallery.conftest import MakeClip
from tests.gallery.sharing import link_to, page


def with_poster(clip: Clip) -> Clip:
    """The clip with a poster that can be drawn."""
    poster = io.BytesIO()
    Image.new("RGB", (960, 540), "teal").save(poster, "WEBP")
    default_storage.delete(str(clip.poster.name))
    default_storage.save(str(clip.poster.name), ContentFile(poster.getvalue()))
    return clip


def pictures() -> set[str]:
    """What the storage has of all clips beside their films and sheets."""
    return {name.partition("-poster")[2] for name in default_storage.listdir("clips/TIDE")[1] if "-poster" in name}


def test_a_pasted_link_has_a_preview_that_lives_as_long_as_the_link(bob: User, tide: Project, clip: Clip, settings: Settings):
    settings.PUBLIC_URL = "https://studio.example.org"
    with_poster(clip)
    link = link_to(tide, clip, by=bob, note="Which of these?")
    shown = page(Client(), link)

    assert '<meta property="og:title" content="Selects">' in shown
    assert '<meta property="og:description" content="Which of these?">' in shown
    assert '<meta name="robots" content="noindex, nofollow">' in shown
    picture = re.search(r'og:image" content="https://studio.example.org(/s/[^"]+)"', shown)
    assert picture
    answer = Client().get(picture[1])
    with Image.open(io.BytesIO(answer.getvalue())) as image:
        assert (image.format, image.size) == ("JPEG", (1200, 630))
    assert "no-store" in answer.headers["Cache-Control"]

    ShareLink.objects.update(ended_at=timezone.now())
    assert Client().get(picture[1]).status_code == HTTPStatus.NOT_FOUND


def test_the_preview_of_a_link_with_a_password_tells_nothing(bob: User, tide: Project, clip: Clip):
    link, guest = link_to(tide, clip, by=bob, password=make_password("open sesame"), note="Which of these?"), Client()
    locked = page(guest, link)
    assert not [word for word in ("Selects", "Which of these?", "TIDE", "og:image") if word in locked]

    guest.post(reverse("share_open", args=[link.token]), {"password": "open sesame"})
    opened = page(guest, link)
    assert "og:image" not in opened
    assert 'og:title" content="A link with a password"' in opened


def test_the_picture_is_drawn_for_the_first_who_looks_and_kept(bob: User, tide: Project, clip: Clip):
    link = link_to(tide, with_poster(clip), by=bob)
    address = reverse("share_card", args=[link.token, clip.pk])
    first = Client().get(address).getvalue()
    default_storage.delete(str(clip.poster.name))  # of which it could not be drawn again

    again = Client().get(address)

    assert again.getvalue() == first
    assert pictures() == {"-card.jpg"}


def test_whoever_asks_for_the_head_alone_has_nothing_drawn(bob: User, tide: Project, clip: Clip):
    link = link_to(tide, with_poster(clip), by=bob)
    address = reverse("share_card", args=[link.token, clip.pk])

    before = Client().head(address)
    drawn = pictures()
    length = len(Client().get(address).getvalue())
    after = Client().head(address)

    assert drawn == {".webp"}
    assert (before.status_code, before.headers["Content-Type"]) == (HTTPStatus.OK, "image/jpeg")
    assert "Content-Length" not in before.headers
    assert (after.headers["Content-Type"], after.headers["Content-Length"]) == ("image/jpeg", str(length))


def test_a_poster_that_cannot_be_drawn_leaves_a_bare_ground_that_is_not_kept(bob: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=bob)
    answer = Client().get(reverse("share_card", args=[link.token, clip.pk]))

    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (1200, 630)
    assert pictures() == {".webp"}


def test_the_pictures_beside_a_guests_clip_are_as_small_as_on_a_wall(bob: User, tide: Project, make_clip: MakeClip):
    first, second = with_poster(make_clip()), with_poster(make_clip())
    link = link_to(tide, first, second, by=bob)
    shown = page(Client(), link)
    small = {name: f"/s/{link.token}/clips/{name}/poster/320/" for name in (first.pk, second.pk)}

    assert not [address for address in small.values() if f'src="{address}"' not in shown]
    with Image.open(io.BytesIO(Client().get(small[first.pk]).getvalue())) as image:
        assert image.size == (320, 180)
    assert Client().get(small[first.pk].replace("320", "321")).status_code == HTTPStatus.NOT_FOUND
