"""Reference images: taking them in, and the address under which a provider can fetch them. The web fetches nothing that a person names.

An upload is an image by its content, not by its name; it is bounded before it is decoded, and kept re-encoded without metadata.
"""

import base64
import hashlib
import os
import uuid
from dataclasses import dataclass
from typing import IO
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator
from django.urls import reverse

from studio.accounts.models import User
from studio.decoding import temporary
from studio.decoding.client import decode
from studio.decoding.errors import Undecodable
from studio.decoding.memory_budget import whole
from studio.decoding.picture_headers import claim_of
from studio.jobs.models import Clip, Reference
from studio.projects.models import Project
from studio.providers.contract import Capability
from studio.routing.models import Connection

MOST_BYTES = 20_000_000
MOST_VIDEO_BYTES = 25_000_000  # of a clip that travels inside an order
FILE_CHUNK = 1 << 20  # bytes
LONGEST_ADDRESS = 2000
PUBLIC_SECONDS = 7200  # how long a signed address works: longer than any provider waits before it fetches
NO_ADDRESS = "This is not the address of a picture. It starts with https:// and names a host."


class NotAnImage(Exception):
    """What was given cannot be a reference image. The message is for people."""


class Unreachable(Exception):
    """A provider could not get at this reference image. The message says why and what would help."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """What a child tells of a picture as we keep it."""

    suffix: str
    content_type: str
    width: int
    height: int


def accept_upload(project: Project, owner: User, uploaded_file: "UploadedFile[bytes]") -> Reference:
    """The reference image in this upload, kept in our storage: at most 4,096 pixels a side, upright, without metadata.

    Raises NotAnImage, or DecoderBusy when it should be tried again.
    """
    with temporary.file() as made:
        picture = _taken_in(uploaded_file, made)
        return _stored(Reference(project=project, owner=owner, sha256=_sha256(made)), picture, made)


def accept_frame(clip: Clip, owner: User, picture: DecodedPicture, made: IO[bytes], *, moment: int) -> Reference:
    """The picture of a clip at this moment (milliseconds), which is in `made`, as a reference image of its project. The same one twice is one reference."""
    digest = _sha256(made)
    same = Reference.objects.filter(project=clip.project_id, sha256=digest).exclude(file="").first()
    return same or _stored(Reference(project_id=clip.project_id, owner=owner, clip=clip, moment=moment, sha256=digest), picture, made)


def _sha256(made: IO[bytes]) -> str:
    made.seek(0)
    digest = hashlib.sha256()
    while chunk := made.read(FILE_CHUNK):
        digest.update(chunk)
    made.seek(0)
    return digest.hexdigest()


def _stored(reference: Reference, picture: DecodedPicture, made: IO[bytes]) -> Reference:
    """The row saved with this picture behind it; no file is left where the row is not taken."""
    reference.bytes = os.fstat(made.fileno()).st_size
    reference.width, reference.height, reference.content_type = picture.width, picture.height, picture.content_type
    reference.file.name = default_storage.save(f"references/{reference.pk}.{picture.suffix}", File(made))
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


def _taken_in(uploaded_file: "UploadedFile[bytes]", made: IO[bytes]) -> DecodedPicture:
    """Check one upload, and have it decoded and re-encoded into `made`."""
    size = uploaded_file.size or 0
    if size > MOST_BYTES:
        raise NotAnImage(f"This file has more than {MOST_BYTES // 1_000_000} MB, which is the most.")
    content = uploaded_file.read(MOST_BYTES + 1)
    if not content:
        raise NotAnImage("This file is empty.")
    try:
        claim = claim_of(content, memory=whole())
        with temporary.file() as source:
            source.write(content)
            del content
            return DecodedPicture(**decode("reference", source, made, limits=settings.DECODING_PICTURE, memory=claim.memory))
    except Undecodable as error:
        raise NotAnImage(str(error)) from error
