"""What people leave behind of the gallery: share links, ZIPs that are being made, saved views."""

from collections.abc import Collection

from django.db.models import Q, QuerySet
from django.utils import timezone

from studio.accounts.departing import Departure, Left, Source
from studio.gallery import share_actions
from studio.gallery.bundle_models import Bundle
from studio.gallery.models import SavedView
from studio.gallery.share_models import ShareLink
from studio.projects.door import MAY


def _links(departure: Departure) -> QuerySet[ShareLink]:
    """The live links that the person answers for and may no longer."""
    if departure.role in MAY["make"] or (departure.project is not None and departure.person.is_admin):
        return ShareLink.objects.none()
    links = ShareLink.objects.open().filter(Q(kept_by=departure.person) | Q(kept_by=None, made_by=departure.person))
    return (links if departure.project is None else links.filter(project=departure.project)).select_related("project", "made_by", "kept_by")


def _bundles(departure: Departure) -> QuerySet[Bundle]:
    """ZIPs that are still being made, or lie there to be fetched; those with clips of a project alone look at their person's projects themselves."""
    waiting = Bundle.objects.filter(person=departure.person, expires_at__gt=timezone.now())
    return waiting if departure.project is None else Bundle.objects.none()


def _find(departure: Departure) -> list[Left]:
    links, within = _links(departure), Q() if departure.project is None else Q(project=departure.project)
    views = SavedView.objects.filter(within, owner=departure.person)
    stays = departure.role != ""
    return [
        Left(
            name="links",
            title="Share links",
            count=links.count(),
            what="They end: guests see nothing by them any more.",
            choice=True,
            kept="They stay open, and you answer for them from now on.",
            examples=[f"{link.title} ({link.project.code})" for link in links[:5]],
        ),
        Left(
            name="zips", title="ZIPs that they asked for", count=_bundles(departure).count(), what="They are deleted, also those that are being made."
        ),
        Left(
            name="views",
            title="Saved views of their own",
            count=0 if stays else views.filter(shared=False).count(),
            what="They stay private. Nobody else sees them.",
        ),
        Left(
            name="shared_views",
            title="Views that they shared",
            count=0 if stays else views.filter(shared=True).count(),
            what="They stay with the project.",
        ),
    ]


def _end(departure: Departure, keep: Collection[str]) -> dict[str, int]:
    links, done = list(_links(departure)), dict[str, int]()
    if "links" in keep:
        done["share links kept"] = sum(share_actions.keep(link, by=departure.by) for link in links)
    else:
        done["share links ended"] = sum(share_actions.end(link, by=departure.by) for link in links)
    done["ZIPs deleted"] = _bundles(departure).update(expires_at=timezone.now())  # the worker takes away what has expired
    return done


SOURCE = Source(_find, _end)
