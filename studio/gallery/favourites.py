"""The clips that a person likes: the one writer of favourites, and the questions about them. They are one's own and say nothing for the project."""

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
