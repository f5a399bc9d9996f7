"""Guests of links, by their browser's key: who is let have a name, under which, and taking one away with everything that they said.

A name is free for everybody to write, so it proves nothing. A second browser under the same name is shown with a number, "Mia (2)": nobody votes twice,
or in another guest's name, without it showing. New guests are counted by client address, so that one of them cannot use up what a link takes.

CannotMeet                say its sentence beside the name
├── IsBlocked             an owner has taken the guest of this name away
└── TooManyNames          so many new guests came from this address within the hour
"""

import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from django.db import transaction
from django.db.models import Count, Min
from django.http import HttpRequest
from django.utils import timezone

from studio.accounts import rate_limits, security_log
from studio.accounts.models import AuditEvent, User
from studio.gallery import comments
from studio.gallery.comments import Voice
from studio.gallery.models import GUEST_NAME, Comment, GuestDecision
from studio.gallery.share_door import Guest, Visit, own_key
from studio.gallery.share_forms import GuestCommentForm
from studio.gallery.share_models import ShareGuest, ShareLink
from studio.web.too_many_requests import in_words

LISTED = 200


class CannotMeet(Exception):
    """The guest is not known by this name now. Its text is a sentence for them."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    retry_after: int | None = None


class IsBlocked(CannotMeet):
    """An owner took the guest of this name away."""


class TooManyNames(CannotMeet):
    """So many new guests came from one address within the hour."""

    status = HTTPStatus.TOO_MANY_REQUESTS


def meet(request: HttpRequest, found: Visit, name: str) -> Guest:
    """The guest of this browser under this name, with the key that it had, so that what they said stays theirs. Raises CannotMeet."""
    link = found.link
    if link.guest_name:
        return Guest(own_key(link), link.guest_name)
    if ShareGuest.objects.filter(link=link, folded=folded(name), blocked=True).exists():
        raise IsBlocked("This name cannot be used here. Write to whoever gave you the link.")
    if found.guest is None and (wait := rate_limits.spend(request, "share_guest")):
        security_log.failed(request, "throttled", limit="share_guest", seconds=wait)
        refusal = TooManyNames(f"Too many new names came from where you are. Try again in {in_words(wait)}.")
        refusal.retry_after = wait
        raise refusal
    key = found.guest.key if found.guest else secrets.token_hex(16)
    with transaction.atomic():
        ShareLink.objects.select_for_update().only("pk").get(pk=link.pk)
        others = ShareGuest.objects.filter(link=link, folded=folded(name)).exclude(key=key)
        number = 1 + (others.order_by("-number").values_list("number", flat=True).first() or 0)
        same = ShareGuest.objects.filter(link=link, key=key, folded=folded(name)).first()
        number = same.number if same else number
        told = name if number == 1 else f"{name[: GUEST_NAME - 6]} ({number})"
        ShareGuest.objects.update_or_create(link=link, key=key, defaults={"name": told, "folded": folded(name), "number": number})
    return Guest(key, told)


def repeated(link: ShareLink, form: GuestCommentForm) -> Guest | None:
    """The guest to say these words once more where their form brought them already and its answer, with the cookie, was lost; None where it did not.

    The name is theirs and the key is a new one that is kept nowhere: whoever repeats the words that everybody reads becomes nobody by it.
    """
    given = form.cleaned_data
    arrived = Comment.objects.filter(pk=given["key"], link=link, author=None, text=given["text"]).first() if given.get("key") else None
    if arrived is None or not ShareGuest.objects.filter(link=link, key=arrived.guest, folded=folded(given["name"])).exists():
        return None
    return Guest(secrets.token_hex(16), arrived.guest_name)


def folded(name: str) -> str:
    """A name as it is compared: without capitals and spaces."""
    return "".join(name.casefold().split())[:GUEST_NAME]


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A guest of a link as its owner sees them: how many votes and comments they gave, and since when they are known."""

    key: str
    name: str
    since: datetime | None
    votes: int
    words: int


def guests_of(link: ShareLink) -> list[Met]:
    """The guests of this link who said something or gave a name, the most votes first. Three queries."""
    votes = Counter({row["guest"]: row["n"] for row in GuestDecision.objects.filter(link=link).values("guest").annotate(n=Count("pk"))})
    names = dict(GuestDecision.objects.filter(link=link).order_by("decided_at").values_list("guest", "name"))
    said = Comment.objects.filter(link=link, author=None, removed_at=None).values("guest").annotate(n=Count("pk"), name=Min("guest_name"))
    words = Counter({row["guest"]: row["n"] for row in said})
    names = {row["guest"]: row["name"] for row in said} | names
    rows = {row.key: row for row in ShareGuest.objects.filter(link=link)}
    gone = {key for key, row in rows.items() if row.struck_at}
    keys = (set(rows) | set(votes) | set(words)) - gone
    found = [
        Met(
            key=key,
            name=rows[key].name if key in rows else names[key],
            since=rows[key].met_at if key in rows else None,
            votes=votes[key],
            words=words[key],
        )
        for key in keys
    ]
    return sorted(found, key=lambda met: (-met.votes, -met.words, met.name))[:LISTED]


def blocked_names(link: ShareLink) -> list[str]:
    """The names that no guest of this link may have. One query."""
    return list(ShareGuest.objects.filter(link=link, blocked=True).values_list("name", flat=True)[:LISTED])


def strike(link: ShareLink, key: str, *, by: User, block: bool = False) -> Met | None:
    """The guest whose votes and words this call took away, with the name blocked if so wished; None where there is no such guest."""
    met = next((one for one in guests_of(link) if one.key == key), None)
    if met is None:
        return None
    voice = Voice(by, may_say=True, may_clear=True)
    for comment in Comment.objects.filter(link=link, author=None, guest=key, removed_at=None).select_related("clip"):
        comments.remove(comment.clip, comment.pk, voice=voice)
    with transaction.atomic():
        facts = {"name": met.name, "struck_at": timezone.now(), "struck_by": by, "blocked": block}
        ShareGuest.objects.update_or_create(link=link, key=key, defaults=facts, create_defaults={**facts, "folded": folded(met.name)})
        GuestDecision.objects.filter(link=link, guest=key).delete()
        told = {"votes": met.votes, "comments": met.words, "name": "blocked" if block else "free"}
        AuditEvent.record("share.guest_removed", f"{link.project.code} {link.title}", actor=by, before={"guest": met.name}, after=told)
    return met
