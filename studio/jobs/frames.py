"""One exact frame of a saved clip as a reference image. Knows no request, and decodes nothing itself (studio/decoding/frames.py)."""

import errno
import os
from typing import IO

from django.conf import settings

from studio.accounts.models import User
from studio.decoding import temporary
from studio.decoding.client import decode
from studio.decoding.errors import Undecodable
from studio.decoding.memory_budget import whole
from studio.jobs.models import Clip, Reference
from studio.jobs.references import DecodedPicture, accept_frame

DECODER, PIXEL = 60_000_000, 30  # bytes that a film's decoder needs, and for each pixel of a frame: it keeps up to twenty


class NoFrame(Exception):
    """The frame cannot be had. The message is for people."""


def continue_from(clip: Clip, owner: User, *, moment: int) -> Reference:
    """The frame of this saved clip at a moment (milliseconds) as a reference image of its project. Raises NoFrame, or DecoderBusy."""
    at = min(max(0, moment), clip.milliseconds)
    with temporary.file() as made:
        picture = write_frame(clip, made, moment=at)
        return accept_frame(clip, owner, picture, made, moment=at)


def write_frame(clip: Clip, made: IO[bytes], *, moment: int) -> DecodedPicture:
    """Write the picture that this saved clip shows at a moment (milliseconds), in full size. Raises NoFrame, or DecoderBusy."""
    memory = min(DECODER + clip.width * clip.height * PIXEL, whole())
    try:
        with clip.file.open("rb") as file, temporary.local(file) as source:
            if not os.fstat(source.fileno()).st_size:  # what a storage in trouble shows
                raise OSError(errno.EIO, "the file is empty")
            return DecodedPicture(**decode("frame", source, made, limits=settings.DECODING_FRAME, memory=memory, moment=moment))
    except FileNotFoundError as error:
        raise NoFrame(f"The file of {clip.code} is gone from our storage, so no frame can be taken from it.") from error
    except Undecodable as error:
        raise NoFrame(f"This frame of {clip.code} cannot be decoded.") from error
    except OSError as error:
        raise NoFrame(f"The file of {clip.code} cannot be read just now. Try again in a moment.") from error
