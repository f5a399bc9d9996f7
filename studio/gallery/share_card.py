"""The picture that a chat shows beside a pasted link: the clip's telling frame on its own blur, 1200 × 630, as JPEG. Drawn once, and kept beside the poster."""

import logging
from functools import cache

from django.conf import settings
from django.core.files.storage import default_storage

from studio.decoding import temporary
from studio.decoding.client import decode
from studio.decoding.errors import DecodingError
from studio.gallery import posters
from studio.jobs.media import card
from studio.jobs.models import Clip

log = logging.getLogger(__name__)


def known_card(clip: Clip) -> str:
    """The storage's name for the clip's card, if somebody looked at it already; empty if nobody did."""
    name = card(str(clip.poster.name))
    return name if clip.poster and default_storage.exists(name) else ""


def draw_card(clip: Clip) -> str:
    """The same, drawn now; empty where the clip has no poster that can be drawn."""
    try:
        picture = posters.drawn("card", str(clip.poster.name))
    except (OSError, ValueError, DecodingError):  # a clip without a poster too
        log.warning("the poster of clip %s cannot be drawn", clip.pk, exc_info=True)
        return ""
    return posters.keep(card(str(clip.poster.name)), picture)


@cache
def bare_card() -> bytes:
    """The JPEG of a clip without a poster that can be drawn: the ground alone. It is never stored, as the poster may be readable again. Raises DecoderBusy."""
    with temporary.file() as nothing, temporary.file() as made:
        decode("bare_card", nothing, made, limits=settings.DECODING_PICTURE)
        return made.read()
