"""Reference images: taking them in, and the address under which a provider can fetch them. The web fetches nothing that a person names.

An upload is an image by its content, not by its name; it is bounded before it is decoded, and kept re-encoded without metadata.
"""

import base64
import hashlib
import io
import re
import uuid
import warnings
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator
from django.urls import reverse
from PIL import Image, ImageOps, UnidentifiedImageError

from studio.accounts.models import User
from studio.jobs import colours
from studio.jobs.models import Clip, Reference
from studio.projects.models import Project
from studio.providers.contract import Capability
from studio.routing.models import Connection

MOST_BYTES = 20_000_000
MOST_PIXELS = 40_000_000
MOST_VIDEO_BYTES = 25_000_000  # of a clip that travels inside an order
MOST_SIDE = 4096  # pixels of what is kept
LONGEST_ADDRESS = 2000
PUBLIC_SECONDS = 7200  # how long a signed address works: longer than any provider waits before it fetches
FORMATS = ("JPEG", "PNG", "WEBP")
NO_ADDRESS = "This is not the address of a picture. It starts with https:// and names a host."
KNOWN_OTHERS = (
    (rb"GIF8[79]a", "a GIF"),
    (rb"\s*(<\?xml|<svg|<!--)", "an SVG"),
    (rb"....ftyp(hei[cfmsx]|hev[cx]|mif1|msf1)", "a HEIC picture"),
    (rb"....ftypavi[fs]", "an AVIF picture"),
    (rb"....ftyp", "a video"),
    (rb"BM", "a BMP picture"),
    (rb"II\*\x00|MM\x00\*", "a TIFF picture"),
    (rb"%PDF", "a PDF"),
    (rb"\s*<", "a web page"),
)

# What Pillow only warns about must never be decoded here.
warnings.simplefilter("error", Image.DecompressionBombWarning)


class NotAnImage(Exception):
    """What was given cannot be a reference image. The message is for people."""


class Unreachable(Exception):
    """A provider could not get at this reference image. The message says why and what would help."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture as we keep it."""

    content: bytes
    suffix: str
    content_type: str
    width: int
    height: int


def accept_upload(project: Project, owner: User, uploaded_file: "UploadedFile[bytes]") -> Reference:
    """The reference image in this upload, kept in our storage: at most 4,096 pixels a side, upright, without metadata. Raises NotAnImage."""
    return _stored(Reference(project=project, owner=owner), _taken_in(uploaded_file))


def accept_frame(clip: Clip, owner: User, image: Image.Image, *, moment: int) -> Reference:
    """The picture of a clip at this moment (milliseconds) as a reference image of its project. The same picture twice is one reference."""
    image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    picture = _as_jpeg(image.convert("RGB"))
    same = Reference.objects.filter(project=clip.project_id, sha256=hashlib.sha256(picture.content).hexdigest()).exclude(file="").first()
    return same or _stored(Reference(project_id=clip.project_id, owner=owner, clip=clip, moment=moment), picture)


def _stored(reference: Reference, picture: _Picture) -> Reference:
    """The row saved with this picture behind it; no file is left where the row is not taken."""
    reference.sha256, reference.bytes = hashlib.sha256(picture.content).hexdigest(), len(picture.content)
    reference.width, reference.height, reference.content_type = picture.width, picture.height, picture.content_type
    reference.file.name = default_storage.save(f"references/{reference.pk}.{picture.suffix}", ContentFile(picture.content))
    try:
        reference.save()
    except BaseException:
        default_storage.delete(reference.file.name)
        raise
    return reference


def accept_url(project: Project, owner: User, url: str) -> Reference:
    """The reference image at this address, which the provider fetches itself. Nothing is fetched here. Raises NotAnImage."""
    address = url.strip()
    if not address.isprintable():  # NUL, which no database takes, and marks that make an address read like another
        raise NotAnImage(NO_ADDRESS)
    if len(address) > LONGEST_ADDRESS:
        raise NotAnImage(f"This address has {len(address):,} characters; the most is {LONGEST_ADDRESS:,}.")
    try:
        URLValidator(schemes=["http", "https"])(address)
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except (ValidationError, ValueError) as error:
        raise NotAnImage(NO_ADDRESS) from error
    if "@" in parts.netloc:
        raise NotAnImage("This address holds a user name or a password, which the provider would see. Leave it out.")
    if parts.scheme != "https" and not _is_ours(parts):
        raise NotAnImage(f"Providers fetch pictures over https only. Change http://{host} to https://{host}, or upload the picture.")
    return Reference.objects.create(project=project, owner=owner, url=address)


def address_for(reference: Reference, *, connection: Connection, capability: Capability) -> str:
    """Where this connection's provider gets the picture: the address a person gave, a signed public one, or a data: URL. Raises Unreachable."""
    if reference.url:
        return reference.url
    site = settings.SANDBOX_URL if connection.sandbox else settings.PUBLIC_URL
    if site:
        return f"{site}{public_path(reference)}"
    if capability.data_urls:
        return _data_url(reference)
    raise Unreachable(
        f"{capability.label} fetches reference images itself, and this installation has no public address to fetch them from. "
        "Give the picture's https address instead, or choose a provider that takes pictures inside the order."
    )


def video_address(clip: Clip, *, connection: Connection) -> str:
    """Where this connection's provider gets the clip that is to be edited or extended: inside the order, as all that edit take it. Raises Unreachable."""
    if clip.erased_at:
        raise Unreachable(f"{clip.code} was deleted, so it cannot be edited or extended any more.")
    if clip.bytes > MOST_VIDEO_BYTES:
        raise Unreachable(f"{clip.code} has {clip.bytes / 1e6:.0f} MB; {connection.label} takes clips of at most {MOST_VIDEO_BYTES // 1_000_000} MB.")
    try:
        with clip.file.open("rb") as file:
            content = base64.b64encode(file.read()).decode("ascii")
    except FileNotFoundError as error:  # any other trouble passes, and the job waits for it to pass
        raise Unreachable(f"The file of {clip.code} is gone from our storage.") from error
    return f"data:video/mp4;base64,{content}"


def public_path(reference: Reference) -> str:
    """A path of ours that serves this picture to whoever has it, for two hours."""
    return reverse("reference_public", args=[_signer().sign(reference.pk.hex)])


def reference_of(signed: str) -> Reference | None:
    """The reference of a signed path that still holds, or None."""
    try:
        key = uuid.UUID(hex=_signer().unsign(signed, max_age=PUBLIC_SECONDS))
    except (signing.BadSignature, ValueError):
        return None
    return Reference.objects.filter(pk=key).exclude(file="").first()


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(sep=".", salt="studio.reference")


def _is_ours(parts: SplitResult) -> bool:
    """Whether plain http is meant: a host that the operator named, or our own sandbox."""
    ours = set(settings.ALLOW_PRIVATE_HOSTS)
    if settings.SANDBOX:
        ours.add(urlsplit(settings.SANDBOX_URL).netloc)
    return parts.netloc in ours or parts.hostname in ours


def _data_url(reference: Reference) -> str:
    try:
        with reference.file.open("rb") as file:
            content = base64.b64encode(file.read()).decode("ascii")
    except FileNotFoundError as error:  # any other trouble passes, and the job waits for it to pass
        raise Unreachable("The file of a reference image is gone from our storage. Add the picture again.") from error
    return f"data:{reference.content_type};base64,{content}"


def _taken_in(uploaded_file: "UploadedFile[bytes]") -> _Picture:
    """Check, decode and re-encode one upload."""
    size = uploaded_file.size or 0
    if size > MOST_BYTES:
        raise NotAnImage(f"This file has more than {MOST_BYTES // 1_000_000} MB, which is the most.")
    content = uploaded_file.read(MOST_BYTES + 1)
    if not content:
        raise NotAnImage("This file is empty.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _refuse_many_pixels(image.width * image.height)
            if image.format == "PNG" and (code_points := colours.cicp_of(content)):
                image.info["cicp"] = code_points
            return _kept(image)
    except colours.UnknownColours as trouble:
        raise NotAnImage(str(trouble)) from trouble
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        told = re.search(r"(\d+) pixels", str(error))  # Pillow speaks before the size can be asked
        _refuse_many_pixels(int(told[1]) if told else MOST_PIXELS + 1)
        raise
    except UnidentifiedImageError as error:
        raise NotAnImage(f"This is {_what(content)}, whatever its name says. Reference images are JPEG, PNG or WebP.") from error
    except (OSError, SyntaxError, ValueError, EOFError, AssertionError) as error:  # AssertionError: Pillow misses a PNG's palette
        raise NotAnImage("This picture is damaged or incomplete. Save it again and upload that.") from error


def _refuse_many_pixels(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise NotAnImage(f"This picture has {pixels / 1_000_000:.0f} megapixels; the most is {MOST_PIXELS // 1_000_000}.")


def _what(content: bytes) -> str:
    """What the bytes are, in words."""
    for pattern, name in KNOWN_OTHERS:
        if re.match(pattern, content, re.DOTALL):
            return name
    try:
        content[:512].decode()
    except UnicodeDecodeError:
        return "no picture that we know"
    return "a text"


def _kept(image: Image.Image) -> _Picture:
    """The picture upright, in sRGB, bounded, without metadata. WebP becomes JPEG or PNG: not every provider says that it reads WebP."""
    image.load()  # a PNG may say how it is turned behind its pixels
    is_photograph, orientation = image.format in {"JPEG", "MPO"}, image.getexif().get(0x0112, 1)
    opaque, is_png = is_photograph or not image.has_transparency_data, image.format == "PNG"
    coloured = colours.Coloured.of(image)
    picture = colours.sizable(image)
    picture.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    picture = _turned(coloured.in_srgb(picture, opaque=opaque), orientation)
    if not is_png and opaque:
        return _as_jpeg(picture)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=False)
    return _Picture(file.getvalue(), "png", "image/png", *picture.size)


def _as_jpeg(picture: Image.Image) -> _Picture:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=93, subsampling=0)
    return _Picture(file.getvalue(), "jpg", "image/jpeg", *picture.size)


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture the right way up, and free of everything but its pixels."""
    turned = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    if orientation == 1:
        return turned
    turned.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(turned)
