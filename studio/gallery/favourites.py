"""The clips that a person likes: the one writer of favourites, and the questions about them. They are one's own and say nothing for the project."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from studio.accounts.models import User
from studio.gallery.models import Favourite
from studio.jobs.models import Clip


def like(clip: Clip, person: User) -> None:
    """It is among the person's favourites; twice is once."""
    Favourite.objects.get_or_create(clip=clip, person=person)


def unlike(clip: Clip, person: User) -> None:
    """It is not, whether it was or not."""
    Favourite.objects.filter(clip=clip, person=person).delete()


def likes(clip: Clip, person: User) -> bool:
    """Whether it is. One query."""
    return Favourite.objects.filter(clip=clip, person=person).exists()


def liked(clips: QuerySet[Clip], person: User) -> QuerySet[Clip]:
    """Those of the clips that the person likes: `liked(saved_clips(project), user)` is a wall of favourites."""
    return clips.filter(pk__in=Favourite.objects.filter(person=person).values("clip"))


def liked_among(clips: Sequence[Clip], person: User) -> set[UUID]:
    """The keys of those that the person likes, for the marks on a page of tiles. One query."""
    return set(Favourite.objects.filter(clip__in=clips, person=person).values_list("clip", flat=True))
