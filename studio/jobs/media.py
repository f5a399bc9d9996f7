"""Video files: whether one really is a video that plays, what it shows, and where we keep it. Knows no provider and no job's state.

probe_and_draw   have it decoded by a child process: is it whole? A poster and a scrub sheet
store            the file and its two pictures into the storage, under fixed names
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage

from studio.decoding import temporary
from studio.decoding.client import decode
from studio.decoding.errors import Undecodable
from studio.decoding.film_headers import refuse_long_tables
from studio.jobs.models import Clip

MOST_MILLISECONDS = 3_600_000
POSTER = (960, 1280)  # pixels, at most
SMALLER = (320, 480)  # pixels: the widths in which posters are drawn when somebody first looks
FILE_CHUNK = 1 << 20


class NotAVideo(Exception):
    """The file does not play. The message is for people."""


@dataclass(frozen=True, slots=True)
class Film:
    """A video that decodes. Width and height are as shown, after rotation; poster and sheet are WebP, the sheet one row of equal frames.

    `frame_rate` is in frames a thousand seconds, 0 where the file does not tell.
    """

    width: int
    height: int
    milliseconds: int
    poster: bytes
    sheet: bytes
    sheet_frames: int
    frame_rate: int = 0
    suffix: str = "mp4"


def probe_and_draw(path: Path, *, alive: Callable[[], object] = bool, memory: int = 0) -> Film:
    """The film in this file, which a child process decodes (studio/decoding/films.py). `alive` is called every second meanwhile.

    `memory` is in bytes: it is taken from what all processes of the web server share. Raises NotAVideo, which says what it is instead, or DecoderBusy.
    """
    _refuse_other_files(path)
    size = path.stat().st_size
    limits = settings.DECODING_FILM
    with path.open("rb") as source, temporary.file() as made:
        try:
            refuse_long_tables(source, size)
            if memory:
                limits = replace(limits, memory=memory // 1_000_000)
            told = decode("film", source, made, limits=limits, alive=alive, memory=memory, size=size)
        except Undecodable as error:
            raise NotAVideo(str(error)) from error
        poster, sheet = made.read(told.pop("poster")), made.read(told.pop("sheet"))
    return Film(poster=poster, sheet=sheet, **told)


def smaller(poster: str, width: int) -> str:
    """The storage's name for a poster drawn so wide."""
    return f"{poster.rpartition('.')[0]}-{width}.webp"


def card(poster: str) -> str:
    """The storage's name for the picture that a chat shows beside a link, drawn of this poster."""
    return f"{poster.rpartition('.')[0]}-card.jpg"


def drawn_of(poster: str) -> list[str]:
    """The storage's names for all that may have been drawn of a poster when somebody looked: it goes with the poster."""
    return [*(smaller(poster, width) for width in SMALLER), card(poster)]


def store(clip: Clip, path: Path, *, alive: Callable[[], object] = bool, memory: int = 0) -> None:
    """Copy the file and its pictures into the storage, and fill the clip's file columns. Does not save the row. `alive` is called now and then.

    Twice is as good as once: the names are the clip's own. Raises as `probe_and_draw` does, or OSError when the storage does not take it.
    """
    film = probe_and_draw(path, alive=alive, memory=memory)
    stem = f"clips/{clip.job.project.code}/{clip.pk}"
    size, digest = path.stat().st_size, _sha256(path)
    with path.open("rb") as file:
        clip.file.name = _put(default_storage, f"{stem}.{film.suffix}", File(file), size=size)
    clip.poster.name = _put(default_storage, f"{stem}-poster.webp", ContentFile(film.poster), size=len(film.poster))
    clip.sheet.name = _put(default_storage, f"{stem}-sheet.webp", ContentFile(film.sheet), size=len(film.sheet))
    clip.sha256, clip.bytes, clip.pictures_bytes = digest, size, len(film.poster) + len(film.sheet)
    clip.width, clip.height, clip.milliseconds = film.width, film.height, film.milliseconds
    clip.sheet_frames, clip.frame_rate = film.sheet_frames, film.frame_rate


def _put(storage: Storage, name: str, content: "File[bytes]", *, size: int) -> str:
    """The name, with the content whole behind it. A part that a killed worker left there goes first."""
    storage.delete(name)
    stored = storage.save(name, content)
    if stored != name:  # somebody stored it in between; ours would be an orphan
        storage.delete(stored)
    if storage.size(name) != size:
        raise OSError(f"{name} is not whole in the storage")
    return name


def _refuse_other_files(path: Path) -> None:
    """Raise NotAVideo for what a broken download usually is: nothing, or a web page."""
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if not head:
        raise NotAVideo("The file is empty.")
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise NotAVideo("The file is a web page, not a video.")
    if head.startswith((b"{", b"[")):
        raise NotAVideo("The file is a text, not a video.")


def frame_rate_of(file: IO[bytes]) -> int:
    """Frames in a thousand seconds of a video that we have, from its header alone; 0 also where it cannot be read. Raises DecoderBusy."""
    with temporary.local(file) as source, temporary.file() as nothing:
        try:
            refuse_long_tables(source, os.fstat(source.fileno()).st_size)
            return int(decode("frame_rate", source, nothing, limits=settings.DECODING_FRAME)["frame_rate"])
        except Undecodable:
            return 0


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(FILE_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
