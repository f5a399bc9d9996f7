"""The words on a clip: the prompt as a caption, and a small mark that says that it came from the sandbox."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Bytes = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

LINES = 3
LONGEST = 400  # characters looked at
GREY = np.array(128, dtype=np.float32)
LAST_LATIN = "\u024f"
PUNCTUATION = "\u2013\u2014\u2018\u2019\u201c\u201d\u2026·•"
WIDER_FONT = "DejaVuSans.ttf"  # knows more alphabets than Pillow's own; used where the machine has it


@dataclass(frozen=True, slots=True)
class Lettering:
    """A patch of light and shadow over part of a picture: how bright (0 to 255) and how solid (0 to 1) each pixel is."""

    left: int
    top: int
    light: NDArray[np.float32]
    cover: NDArray[np.float32]

    def on(self, planes: Bytes) -> None:
        """Lay it over a YUV 4:2:0 picture: the luma turns light or dark, the chroma grey. Place and size are even."""
        height, width = len(planes) * 2 // 3, planes.shape[1]
        _blend(planes[:height], self.light, self.cover, at=(self.left, self.top))
        for chroma in planes[height:].reshape(2, height // 2, width // 2):
            _blend(chroma, GREY, self.cover[::2, ::2], at=(self.left // 2, self.top // 2))


def _blend(plane: Bytes, light: NDArray[np.float32], cover: NDArray[np.float32], *, at: tuple[int, int]) -> None:
    left, top = at
    part = plane[top : top + cover.shape[0], left : left + cover.shape[1]]
    part[...] = part + (light - part) * cover


def lettering(prompt: str, mark: str, *, width: int, height: int) -> list[Lettering]:
    """The caption, where there is a prompt, and the mark, for a picture of this size."""
    unit = min(width, height)
    tag = _patch(
        [mark], _font(mark, max(11, unit // 36)), picture=(width, height), at=(width * 7 // 100, unit // 20)
    )  # inside what a card that crops to its own shape still shows
    font = _font(prompt, max(13, unit // 21))
    lines = wrapped(prompt, font, width=int(width * 0.84))
    return [tag, _patch(lines, font, picture=(width, height), at=None)] if lines else [tag]


def wrapped(prompt: str, font: Font, *, width: int) -> list[str]:
    """At most three lines of at most `width` pixels; an ellipsis where there was more."""
    lines: list[str] = []
    words = prompt[:LONGEST].split()
    cut = len(prompt) > LONGEST
    while words and len(lines) < LINES:
        line, words = _line(words, font, width)
        lines.append(line)
    if words or (cut and lines):
        last = lines[-1]
        while last and font.getlength(last + "…") > width:
            last = last[:-1]
        lines[-1] = last.rstrip(" ,.;:") + "…"
    return lines


def _line(words: Sequence[str], font: Font, width: int) -> tuple[str, list[str]]:
    """As many words as fit, and the rest. A word that is wider than a line is broken."""
    count = _most(len(words), lambda count: font.getlength(" ".join(words[:count])) <= width)
    if count:
        return " ".join(words[:count]), list(words[count:])
    word = words[0]
    fits = max(1, _most(len(word), lambda length: font.getlength(word[:length]) <= width))
    return word[:fits], [rest for rest in (word[fits:], *words[1:]) if rest]


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The greatest number up to the limit before the first that does not fit."""
    return next((number for number in range(limit) if not fits(number + 1)), limit)


def _font(text: str, size: int) -> Font:
    """Pillow's own font; for letters beyond Latin one that knows more, if there is one."""
    if any(letter > LAST_LATIN and letter not in PUNCTUATION for letter in text):
        try:
            return ImageFont.truetype(WIDER_FONT, size)
        except OSError:
            return ImageFont.load_default(size)
    return ImageFont.load_default(size)


def _patch(lines: list[str], font: Font, *, picture: tuple[int, int], at: tuple[int, int] | None) -> Lettering:
    """White text on its own soft shadow; centred at the bottom when no place is given."""
    text = "\n".join(line.encode("utf-8", "replace").decode() for line in lines)
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    x0, y0, x1, y1 = ruler.multiline_textbbox((0, 0), text, font=font, spacing=6, align="center")
    room = 18
    size = (_even(min(int(x1 - x0) + 2 * room, picture[0])), _even(min(int(y1 - y0) + 2 * room, picture[1])))
    ink = Image.new("L", size)
    ImageDraw.Draw(ink).multiline_text((room - x0, room - y0), text, fill=255, font=font, spacing=6, align="center")
    shadow = np.asarray(ink.filter(ImageFilter.GaussianBlur(6)), dtype=np.float32) / 255
    letters = np.asarray(ink, dtype=np.float32) / 255
    cover = np.clip(letters * 0.96 + np.clip(shadow * 1.9, 0, 0.68), 0, 1).astype(np.float32)
    light = (244 * letters + 16 * (1 - letters)).astype(np.float32)
    if at is None:
        left, top = (picture[0] - size[0]) // 2, picture[1] - size[1] - picture[1] // 28
    else:
        left, top = max(at[0] - room, 0), max(at[1] - room, 0)
    return Lettering(_even(left), _even(max(top, 0)), light, cover)


def _even(number: int) -> int:
    return number // 2 * 2
