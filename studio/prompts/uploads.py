"""A file that a form brings, or one that waits here until its person has chosen its encoding."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from studio.accounts import rate_limits
from studio.accounts.models import User
from studio.plain_text import one_line
from studio.prompts import encodings
from studio.prompts.carrying import Unreadable
from studio.prompts.models import UndecidedFile


@dataclass(frozen=True, slots=True)
class Upload:
    """A file's name and bytes. `encoding` is the one that was chosen for it, `key` what it waits under; both are empty for a file that was just sent."""

    name: str
    data: bytes
    encoding: str = ""
    key: str = ""


def taken(request: HttpRequest, user: User, most: int) -> Upload:
    """The file of this form, one byte longer than `most` if it is longer. Raises Unreadable."""
    if file := request.FILES.get("file"):
        rate_limits.spend_upload(user, [file.size or 0])
        return Upload(one_line(file.name or "") or "a file", file.read(most + 1))
    key = request.POST.get("upload") or request.GET.get("upload", "")
    if not key:
        raise Unreadable("Choose a file first.")
    waiting = UndecidedFile.objects.filter(person=user, pk=key).first() if _is_key(key) else None
    if waiting is None:
        raise Unreadable("That file is not here any more. Choose it again.")
    return Upload(waiting.name, bytes(waiting.data), request.POST.get("encoding", ""), str(waiting.pk))


def wait(upload: Upload, user: User) -> Upload:
    """The file, put aside until its encoding is chosen, in the place of another one of this person."""
    if upload.key:
        return upload
    with transaction.atomic():
        UndecidedFile.objects.filter(person=user).delete()
        waiting = UndecidedFile.objects.create(person=user, name=upload.name[:200], data=upload.data)
    return Upload(upload.name, upload.data, key=str(waiting.pk))


def ask_encoding(
    request: HttpRequest, upload: Upload, user: User, *, back: str, title: str, fields: list[tuple[str, str]] | None = None
) -> HttpResponse:
    """The page that shows the file in every encoding it can be in. `fields` go along with the choice, `back` is where a file is chosen."""
    waiting = wait(upload, user)
    context = {"upload": waiting, "readings": encodings.readings(waiting.data), "back": back, "title": title, "fields": fields or []}
    return render(request, "prompts/encoding.html", context)


def _is_key(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
