"""What a person was writing and did not order yet: kept on the server, so that a reload, another device and signing out lose nothing.

The last writer wins by number, never by the clock: a page says which version it saw, and one that saw an older text is told instead of replacing the
newer one. Nothing in a draft is checked; the form does that when it is ordered.
"""

import json
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import QueryDict
from django.utils import timezone

from studio.jobs.models import Draft
from studio.jobs.wanted import Wanted, of_query, operation_of, uuid_of
from studio.plain_text import lines
from studio.projects.door import Pass
from studio.providers.contract import Operation

LONGEST = 100_000  # characters of all fields; far more than any prompt may have
NOT_KEPT = frozenset({"csrfmiddlewaretoken", "order_key", "draft_version", "upload"})


class TooLong(Exception):
    """More than a draft keeps."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of keeping a text: its version now, and the draft that stands in its way, if one does."""

    version: int
    newer: Draft | None = None


def about_of(fields: QueryDict) -> str:
    """Which draft these fields are: "" of a new clip, else of the clip that is to be edited or extended."""
    operation, source = operation_of(fields.get("operation", "")), uuid_of(fields.get("source", ""))
    return "" if operation is Operation.GENERATE or source is None else f"{operation.value}-{source}"


def read(entry: Pass, about: str = "") -> Draft | None:
    """The person's draft here; None where they have none. One query."""
    return Draft.objects.filter(user=entry.user, project=entry.project, about=about).first()


def wanted_in(entry: Pass, draft: Draft) -> Wanted | None:
    """The brief that was being written; None for one that was ordered or emptied. Queries as `of_query`."""
    if not draft.fields:
        return None
    fields = QueryDict(mutable=True)
    for name, values in json.loads(draft.fields).items():
        fields.setlist(name, values)
    return of_query(entry, fields)


def prompt_of(draft: Draft) -> str:
    """The words of a draft."""
    return str(next(iter(json.loads(draft.fields or "{}").get("prompt", [])), ""))


def keep(entry: Pass, fields: QueryDict, *, seen: int) -> Kept:
    """Keep these fields in place of version `seen`. Who saw an older one is told of the newer, unless nothing stands there. Raises TooLong."""
    about, text = about_of(fields), _as_text(fields)
    if len(text) > LONGEST:
        raise TooLong
    stored = read(entry, about)
    if stored is None:
        return _begin(entry, about, text, version=seen + 1)
    if stored.fields == text:
        return Kept(stored.version)
    if stored.version != seen and stored.fields:
        return Kept(stored.version, stored)
    if _write(stored, text):
        return Kept(stored.version + 1)
    stored.refresh_from_db()
    return _after(stored, text)


def clear(entry: Pass, fields: QueryDict, *, seen: int) -> int:
    """The version of the emptied draft, after these fields were ordered; a newer text from another page stays. Three queries at most."""
    stored = read(entry, about_of(fields))
    if stored is None:
        return seen
    ordered = stored.version == seen or lines(prompt_of(stored)).strip() == lines(fields.get("prompt", "")).strip()
    return stored.version + 1 if ordered and _write(stored, "") else stored.version


def _begin(entry: Pass, about: str, text: str, *, version: int) -> Kept:
    if not text:
        return Kept(version - 1)
    try:
        with transaction.atomic():
            Draft.objects.create(user=entry.user, project=entry.project, about=about, fields=text, version=version)
    except IntegrityError:
        return _after(Draft.objects.get(user=entry.user, project=entry.project, about=about), text)
    return Kept(version)


def _after(other: Draft, text: str) -> Kept:
    """Somebody was quicker just now: the page that was left and the one that follows it send the same words, which stand in nobody's way."""
    return Kept(other.version, None if other.fields == text else other)


def _write(stored: Draft, text: str) -> bool:
    """Whether it still was what was read, and is this now."""
    mine = Draft.objects.filter(pk=stored.pk, version=stored.version)
    return mine.update(fields=text, version=F("version") + 1, changed_at=timezone.now()) == 1


def _as_text(fields: QueryDict) -> str:
    """The fields as they are kept; "" where there are neither words nor pictures."""
    kept = {lines(name): [lines(value) for value in values] for name, values in fields.lists() if name not in NOT_KEPT}
    worth = any(kept.get("prompt", [])) or any(kept.get("references", []))
    return json.dumps(kept, ensure_ascii=False, sort_keys=True) if worth else ""
