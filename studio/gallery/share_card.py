"""The picture that a chat shows beside a pasted link: the clip's telling frame on its own blur, 1200 × 630, as JPEG. Drawn once, and kept beside the poster."""

import io
import logging
from functools import cache

from django.core.files.storage import default_storage
from PIL import Image, ImageFilter, ImageOps

from studio.gallery import posters
from studio.jobs.media import card
from studio.jobs.models import Clip

log = logging.getLogger(__name__)
SIZE = (1200, 630)  # pixels
SMALL = (120, 63)  # in which the ground is blurred: ten times cheaper, and nobody sees it
GROUND = (16, 17, 20)


def known_card(clip: Clip) -> str:
    """The storage's name for the clip's card, if somebody looked at it already; empty if nobody did."""
    name = card(str(clip.poster.name))
    return name if clip.poster and default_storage.exists(name) else ""


def draw_card(clip: Clip) -> str:
    """The same, drawn now; empty where the clip has no poster that can be drawn."""
    try:
        with default_storage.open(str(clip.poster.name)) as file, Image.open(file) as poster:
            picture = poster.convert("RGB")
    except (OSError, ValueError):  # a clip without a poster too
        log.warning("the poster of clip %s cannot be drawn", clip.pk, exc_info=True)
        return ""
    return posters.keep(card(str(clip.poster.name)), _jpeg(_on_its_blur(picture)))


@cache
def bare_card() -> bytes:
    """The JPEG of a clip without a poster that can be drawn: the ground alone. It is never stored, as the poster may be readable again."""
    return _jpeg(Image.new("RGB", SIZE, GROUND))


def _on_its_blur(picture: Image.Image) -> Image.Image:
    ground = ImageOps.fit(picture, SMALL).filter(ImageFilter.GaussianBlur(6)).resize(SIZE, Image.Resampling.BICUBIC)
    shown = ImageOps.contain(picture, SIZE)
    ground.paste(shown, ((SIZE[0] - shown.width) // 2, (SIZE[1] - shown.height) // 2))
    return ground


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=84, optimize=True)
    return out.getvalue()
