"""Pictures, decoded and made anew: a reference image of an upload, a smaller poster, the card of a shared link. Runs in a child process."""

import io
import re
import warnings
from typing import BinaryIO

from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from studio.decoding import colours
from studio.decoding.errors import Undecodable
from studio.decoding.picture_headers import DAMAGED, MOST_PIXELS, refuse_size

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_SIDE = 4096  # pixels of a reference image that is kept
POSTER_QUALITY, CARD_QUALITY = 80, 84
CARD = (1200, 630)  # pixels of a shared link's card
SMALL = (120, 63)  # pixels in which its ground is blurred: ten times cheaper, and nobody sees it
GROUND = (16, 17, 20)

# What Pillow only warns about must never be decoded here.
warnings.simplefilter("error", Image.DecompressionBombWarning)


def reference(source: BinaryIO, output: BinaryIO) -> dict[str, object]:
    """Write the picture upright, in sRGB, at most 4,096 pixels a side, without metadata; its suffix, content type and size. Raises Undecodable."""
    content = source.read()
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            refuse_size(*image.size)
            if image.format == "PNG" and (code_points := colours.cicp_of(content)):
                image.info["cicp"] = code_points
            return _keep(image, output)
    except colours.UnknownColours as trouble:
        raise Undecodable(str(trouble)) from trouble
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        told = re.search(r"(\d+) pixels", str(error))
        raise Undecodable(f"This picture has too many pixels: {told[1] if told else MOST_PIXELS}.") from error
    except UnidentifiedImageError as error:
        raise Undecodable(DAMAGED) from error
    except (OSError, SyntaxError, ValueError, EOFError, AssertionError) as error:  # AssertionError: Pillow misses a PNG's palette
        raise _damaged(error) from error


def _damaged(error: Exception) -> Exception:
    """What Pillow's error says of the picture; an error of the system, such as a full disk, says nothing of it."""
    return error if isinstance(error, OSError) and error.errno else Undecodable(DAMAGED)


def _keep(image: Image.Image, output: BinaryIO) -> dict[str, object]:
    """WebP becomes JPEG or PNG: not every provider says that it reads WebP."""
    if image.format in {"JPEG", "MPO"}:
        image.draft(None, _bounded(image.size))  # the decoder leaves out what would be made smaller anyway
    image.load()  # a PNG may say how it is turned behind its pixels
    is_photograph, orientation = image.format in {"JPEG", "MPO"}, image.getexif().get(0x0112, 1)
    opaque, is_png = is_photograph or not image.has_transparency_data, image.format == "PNG"
    coloured = colours.Coloured.of(image)
    picture = colours.sizable(image)
    picture.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    picture = upright(coloured.in_srgb(picture, opaque=opaque), orientation)
    if not is_png and opaque:
        return write_jpeg(picture, output)
    picture.save(output, "PNG", optimize=False)
    return {"suffix": "png", "content_type": "image/png", "width": picture.width, "height": picture.height}


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, MOST_SIDE / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def write_jpeg(picture: Image.Image, output: BinaryIO) -> dict[str, object]:
    """Write a reference image that has no transparency; what `reference` tells of it."""
    picture.save(output, "JPEG", quality=93, subsampling=0)
    return {"suffix": "jpg", "content_type": "image/jpeg", "width": picture.width, "height": picture.height}


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture the right way up by its Exif orientation, and free of everything but its pixels."""
    turned = Image.new(picture.mode, picture.size)
    turned.paste(picture)
    if orientation == 1:
        return turned
    turned.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(turned)


def smaller_poster(source: BinaryIO, output: BinaryIO, *, width: int) -> dict[str, object]:
    """Write a poster so many pixels wide, as WebP. Raises Undecodable."""
    try:
        with Image.open(source, formats=FORMATS) as picture:
            picture.thumbnail((width, width * 8), Image.Resampling.LANCZOS)
            picture.convert("RGB").save(output, "WEBP", quality=POSTER_QUALITY, method=4)
    except (OSError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _damaged(error) from error
    return {}


def card(source: BinaryIO, output: BinaryIO) -> dict[str, object]:
    """Write a poster on its own blur, 1200 × 630, as JPEG. Raises Undecodable."""
    try:
        with Image.open(source, formats=FORMATS) as poster:
            picture = poster.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _damaged(error) from error
    ground = ImageOps.fit(picture, SMALL).filter(ImageFilter.GaussianBlur(6)).resize(CARD, Image.Resampling.BICUBIC)
    shown = ImageOps.contain(picture, CARD)
    ground.paste(shown, ((CARD[0] - shown.width) // 2, (CARD[1] - shown.height) // 2))
    ground.save(output, "JPEG", quality=CARD_QUALITY, optimize=True)
    return {}


def bare_card(source: BinaryIO, output: BinaryIO) -> dict[str, object]:  # noqa: ARG001 - every task takes both
    """Write the card of a clip without a poster: the ground alone."""
    Image.new("RGB", CARD, GROUND).save(output, "JPEG", quality=CARD_QUALITY, optimize=True)
    return {}
