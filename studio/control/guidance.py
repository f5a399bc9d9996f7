"""The first steps for somebody new: a short list that ticks itself from facts, and is gone when all is done or when its person closes it.

There are two: a maker's way to a first clip, and an admin's way to a studio that works. Who is through with a list costs no query any more.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from studio.accounts.models import User
from studio.credits.models import Entry
from studio.gallery.models import Decision
from studio.jobs.models import Draft, Job
from studio.routing.models import Connection

MAKER, ADMIN = "maker", "admin"
NAMES = (MAKER, ADMIN)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: in words, what helps, where it is done, and whether it is."""

    words: str
    hint: str
    href: str
    done: bool


@dataclass(frozen=True, slots=True)
class Guide:
    """A list of steps, under its title."""

    name: str
    title: str
    steps: tuple[Step, ...]

    @property
    def done(self) -> bool:
        """Whether every step is."""
        return all(step.done for step in self.steps)


def open_guides(user: User, *, project: str, sandbox: bool) -> list[Guide]:
    """The lists that this person is not through with. One that turns out to be done is shown this once more and remembered. One query each."""
    found = []
    if project and MAKER not in user.guided:
        found.append(_maker(user, project))
    if user.is_admin and ADMIN not in user.guided:
        found.append(_admin(user, sandbox=sandbox))
    for guide in found:
        if guide.done:
            close(user, guide.name)
    return found


def close(user: User, name: str) -> None:
    """Remember that this person is through with that list."""
    with transaction.atomic():
        mine = User.objects.select_for_update().get(pk=user.pk)
        mine.guided = sorted({*mine.guided, name} & set(NAMES))
        mine.save(update_fields=["guided"])


def _maker(user: User, project: str) -> Guide:
    facts = User.objects.filter(pk=user.pk).values_list(
        Exists(Draft.objects.filter(user=OuterRef("pk")).exclude(fields="")),
        Exists(Job.objects.filter(author=OuterRef("pk"))),
        Exists(Decision.objects.filter(person=OuterRef("pk"))),
    )
    wrote, ordered, decided = facts.get()
    studio, gallery = reverse("studio", args=[project]), reverse("gallery", args=[project])
    return Guide(
        MAKER,
        "Your first clip",
        (
            Step("Write a prompt", "Subject, light, lens, movement; or take one from the library.", f"{studio}#prompt", wrote or ordered),
            Step("Generate", "Price and usual wait stand beside the button before you press it.", f"{studio}#composer", ordered),
            Step("Decide", "Pick, maybe or reject it in the gallery, or with the keys 1, 2, 3.", gallery, decided),
        ),
    )


def _admin(user: User, *, sandbox: bool) -> Guide:
    facts = User.objects.filter(pk=user.pk).values_list(
        Exists(Connection.objects.filter(sandbox=False)),
        Exists(Entry.objects.filter(kind=Entry.Kind.GRANT, actor__isnull=False)),
        Exists(User.objects.exclude(pk=OuterRef("pk"))),
    )
    connected, granted, invited = facts.get()
    until = "Until then the sandbox plays all five, for nothing." if sandbox else "Its key is kept encrypted and never shown."
    return Guide(
        ADMIN,
        "Set up the studio",
        (
            Step("Connect a provider", until, reverse("connection_new"), connected),
            Step("Invite somebody", "They get a link that lets them in once.", reverse("people"), invited),
            Step("Grant credits", "To one person, or to many at once.", reverse("credits_people"), granted),
        ),
    )
