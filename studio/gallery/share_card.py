"""The picture that a chat shows beside a pasted link: the clip's telling frame on its own blur, 1200 × 630, as JPEG."""

import io
import logging

from django.core.files.storage import default_storage
from PIL import Image, ImageFilter, ImageOps

from studio.jobs.models import Clip

log = logging.getLogger(__name__)
SIZE = (1200, 630)  # pixels
SMALL = (120, 63)  # in which the ground is blurred: ten times cheaper, and nobody sees it
GROUND = (16, 17, 20)


def card(clip: Clip) -> bytes:
    """The JPEG; a bare ground where the clip has no poster that can be drawn."""
    try:
        with default_storage.open(str(clip.poster.name)) as file, Image.open(file) as poster:
            picture = poster.convert("RGB")
    except OSError:
        log.warning("the poster of clip %s cannot be drawn", clip.pk, exc_info=True)
        picture = Image.new("RGB", SIZE, GROUND)
    ground = ImageOps.fit(picture, SMALL).filter(ImageFilter.GaussianBlur(6)).resize(SIZE, Image.Resampling.BICUBIC)
    shown = ImageOps.contain(picture, SIZE)
    ground.paste(shown, ((SIZE[0] - shown.width) // 2, (SIZE[1] - shown.height) // 2))
    out = io.BytesIO()
    ground.save(out, "JPEG", quality=84, optimize=True)
    return out.getvalue()
