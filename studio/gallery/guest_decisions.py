"""What guests think of a clip: the one writer of their decisions, and how the project is told. Never mixed into what members decide."""

from django.db import transaction
from django.utils import timezone

from studio.gallery.models import GuestDecision, Verdict
from studio.gallery.share_door import Guest, Visit
from studio.gallery.standing import BUTTONS, Choice
from studio.jobs.models import Clip

MOST = 200  # guests of one link who can say something about one clip


class TooManyGuests(Exception):
    """As many guests as a link takes have said something already."""


def decide(clip: Clip, verdict: Verdict, *, visit: Visit, guest: Guest) -> None:
    """Keep what this guest thinks; the last word counts. Raises TooManyGuests."""
    with transaction.atomic():
        Clip.objects.select_for_update().only("pk").get(pk=clip.pk)
        said = GuestDecision.objects.filter(link=visit.link, clip=clip)
        mine = said.filter(guest=guest.key)
        if mine.update(verdict=verdict, name=guest.name, decided_at=timezone.now()):
            return
        if said.count() >= MOST:
            raise TooManyGuests
        GuestDecision.objects.create(link=visit.link, clip=clip, guest=guest.key, name=guest.name, verdict=verdict)


def take_back(clip: Clip, *, visit: Visit, guest: Guest) -> None:
    """Forget what this guest thinks of the clip."""
    GuestDecision.objects.filter(link=visit.link, clip=clip, guest=guest.key).delete()


def choices_for(clip: Clip, found: Visit) -> list[Choice]:
    """The buttons of a guest, none where they may not decide. One query."""
    if not found.may_decide:
        return []
    said = GuestDecision.objects.filter(link=found.link, clip=clip, guest=found.guest.key) if found.guest else GuestDecision.objects.none()
    own = said.values_list("verdict", flat=True).first()
    return [Choice(verdict, *told, pressed=verdict == own) for verdict, told in BUTTONS.items()]


def opinions_of_guests(clip: Clip) -> list[GuestDecision]:
    """What each guest thinks of this clip, oldest first, with the link by which they came. One query."""
    return list(GuestDecision.objects.filter(clip=clip).select_related("link").order_by("decided_at", "pk")[:MOST])
