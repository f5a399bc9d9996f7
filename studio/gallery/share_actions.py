"""What members do with links: make, change, give another address, revoke. Each is one transaction and one line in the record of changes.

owners     make links, and change and revoke every link of the project; only they let one live for ever
makers     make links, and change and revoke those that they answer for: their own, and those that they kept
others     see no links
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from studio.accounts.models import AccessLink, AuditEvent, User
from studio.gallery import wall
from studio.gallery.share_models import ShareClip, ShareLink, fresh_seed
from studio.jobs.models import present
from studio.projects.door import REFUSALS, Pass, enter

PAGE = 40
OVER = 20  # links that have ended, on the page
TOLD = (
    "title",
    "show",
    "expires_at",
    "may_view",
    "may_comment",
    "may_decide",
    "may_download",
    "shows_prompts",
    "shows_prices",
    "shows_names",
    "guest_name",
)


def enter_links(request: HttpRequest, code: str) -> Pass:
    """The pass of somebody who has to do with the project's links, also where it is archived: what was given out must be able to end."""
    entry = enter(request, code)
    if not entry.may("make"):
        raise PermissionDenied(REFUSALS["make"])
    return entry


def may_change(link: ShareLink, entry: Pass) -> bool:
    """Whether this person may change and revoke the link: owners any, makers their own."""
    return entry.may("own") or (link.kept_by_id or link.made_by_id) == entry.user.pk


def make(facts: dict[str, Any], clips: Sequence[UUID] | None, *, entry: Pass) -> ShareLink:
    """The new link: to those of these clips that the project has, or with None to a live view."""
    link = ShareLink(project=entry.project, made_by=entry.user, kind=ShareLink.Kind.VIEW if clips is None else ShareLink.Kind.CLIPS, **facts)
    link.token_hash = AccessLink.digest(link.token)
    with transaction.atomic():
        link.save()
        if clips is not None:
            found = wall.saved_clips(entry.project).filter(pk__in=clips).values_list("pk", flat=True)
            ShareClip.objects.bulk_create([ShareClip(link=link, clip_id=clip) for clip in found])
        AuditEvent.record("share.made", _subject(link), actor=entry.user, after=_told(link))
    return link


def change(link: ShareLink, facts: dict[str, Any], *, entry: Pass) -> None:
    """Give the link these facts. They hold from the next request on, for pages that are open too."""
    with transaction.atomic():
        now = ShareLink.objects.select_for_update().get(pk=link.pk)
        before = _told(now)
        for name, value in facts.items():
            setattr(now, name, value)
        now.save(update_fields=list(facts))
        after = _told(now) | ({"password": "set" if now.password else "none"} if "password" in facts else {})
        changed = {name for name, value in after.items() if before.get(name) != value}
        if changed:
            told = ({name: before.get(name) for name in changed}, {name: after[name] for name in changed})
            AuditEvent.record("share.changed", _subject(now), actor=entry.user, before=told[0], after=told[1])


def move(link: ShareLink, *, entry: Pass) -> ShareLink:
    """The link under another address; the one before it ends at once."""
    with transaction.atomic():
        now = ShareLink.objects.select_for_update().get(pk=link.pk)
        now.seed = fresh_seed()
        now.token_hash = AccessLink.digest(now.token)
        now.save(update_fields=["seed", "token_hash"])
        AuditEvent.record("share.moved", _subject(now), actor=entry.user)
    return now


def revoke(link: ShareLink, *, entry: Pass) -> bool:
    """Whether this call ended the link. From its next request on nobody comes in by it."""
    return end(link, by=entry.user)


def end(link: ShareLink, *, by: User) -> bool:
    """The same, by whoever ends what a person leaves behind."""
    with transaction.atomic():
        ended = ShareLink.objects.filter(pk=link.pk, ended_at=None).update(ended_at=timezone.now(), ended_by=by) == 1
        if ended:
            AuditEvent.record("share.revoked", _subject(link), actor=by)
    return ended


def keep(link: ShareLink, *, by: User) -> bool:
    """Whether this person answers for the link from now on; it lives while they may share in its project."""
    with transaction.atomic():
        kept = ShareLink.objects.filter(pk=link.pk, ended_at=None).update(kept_by=by) == 1
        if kept:
            AuditEvent.record("share.kept", _subject(link), actor=by, before={"answers": str(link.answered_for_by)}, after={"answers": str(by)})
    return kept


def live_links(entry: Pass, before: int | None) -> tuple[list[ShareLink], int | None]:
    """A page of the project's live links, newest first, each with its number of clips as `clips`; and where the next page starts. One query."""
    found = _counted(ShareLink.objects.live().filter(project=entry.project))
    rows = list((found if before is None else found.filter(pk__lt=before))[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None


def ended_links(entry: Pass) -> list[ShareLink]:
    """The project's newest links that let nobody in any more. One query."""
    return list(_counted(ShareLink.objects.over().filter(project=entry.project))[:OVER])


def _counted(links: QuerySet[ShareLink]) -> QuerySet[ShareLink]:
    return links.select_related("made_by", "kept_by", "project").annotate(clips=Count("places", filter=present("places__clip"))).order_by("-pk")


def _subject(link: ShareLink) -> str:
    return f"{link.project.code} {link.title}"


def _told(link: ShareLink) -> dict[str, Any]:
    """What the record of changes says of a link."""
    told = {name: getattr(link, name) for name in TOLD}
    return told | {"expires_at": link.expires_at.isoformat() if link.expires_at else "never"}
