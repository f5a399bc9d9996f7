"""What a person leaves behind when they are switched off, removed from a project, or given a role in it that may do less; and what becomes of it.

Each app registers a source for what it keeps of people. The page before such a change lists what all sources find; the change itself ends what is not
to be kept, once the change is made. That only tidies: whether somebody may still pay or share is checked each time something is paid for or looked at.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from studio.accounts.models import AccessLink, AuditEvent, User
from studio.web.htmx import is_part, varied

FIELD = "keep-"  # begins the names of the fields that say what is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Who leaves what, and who decides about it. `project` is the id of the project and `code` its code; None where the person is switched off.

    `role` is the role that they have in the project afterwards; empty where they have none.
    """

    person: User
    by: User
    project: int | None = None
    code: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One kind of thing that is left behind: how many there are, and what happens with them.

    With a `choice`, the person who decides may have them kept, which `kept` describes; by default they end, as `what` describes.
    """

    name: str
    title: str
    count: int
    what: str
    choice: bool = False
    kept: str = ""
    examples: Sequence[str] = ()

    @property
    def more(self) -> int:
        """How many are not among the examples."""
        return max(0, self.count - len(self.examples))


@dataclass(frozen=True, slots=True)
class Source:
    """What one app keeps of people. `find` lists it; `end` does what was decided (names of what is kept) and says how many of each were ended or kept."""

    find: Callable[[Departure], list[Left]]
    end: Callable[[Departure, Collection[str]], dict[str, int]]


_sources: list[Source] = []


def register(source: Source) -> None:
    """From now on this source is asked too."""
    _sources.append(source)


def found(departure: Departure) -> list[Left]:
    """Everything that the person leaves behind, without kinds of which there is nothing."""
    return [left for source in _sources for left in source.find(departure) if left.count]


def carry_out(departure: Departure, keep: Collection[str] = ()) -> dict[str, int]:
    """End what is not to be kept, and record it; what was ended or kept, counted by its name.

    Call it when the change is committed: sources lock rows in an order of their own, and nothing depends on this having run.
    """
    done: dict[str, int] = {}
    for source in _sources:
        done |= {name: count for name, count in source.end(departure, keep).items() if count}
    if done:
        where = "" if departure.project is None else f"{departure.code} "
        AuditEvent.record(
            f"{'person' if departure.project is None else 'member'}.left", f"{where}{departure.person.email}", actor=departure.by, after=done
        )
    return done


def departing_page(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    """The list with its choices: a page of its own, or the part that a script puts into a dialog."""
    part = is_part(request)
    return varied(render(request, "accounts/_departing.html" if part else "accounts/departing.html", {**context, "in_dialog": part}))


def kept_in(given: QueryDict) -> set[str]:
    """The names of what the form says is to be kept."""
    return {name.removeprefix(FIELD) for name, value in given.items() if name.startswith(FIELD) and value == "keep"}


# ───────── of this app


def _sent(departure: Departure) -> list[AccessLink]:
    """The open invitations that this person made for people who have not come in yet, where they are switched off."""
    links = AccessLink.objects.unused().filter(created_by=departure.person, kind=AccessLink.Kind.INVITATION, user__is_active=False)
    return list(links.select_related("user").exclude(user=departure.person)) if departure.project is None else []


def _find(departure: Departure) -> list[Left]:
    if departure.project is not None:
        return []
    person, sent = departure.person, _sent(departure)
    own = AccessLink.objects.unused().filter(user=person).count()
    return [
        Left(name="access", title="Sessions and links to come in", count=1 + own, what="All end, also links to a new password."),
        Left(
            name="invitations",
            title="Invitations that they sent",
            count=len(sent),
            what="They end. An admin can make new ones on the people page.",
            choice=True,
            kept="They stay valid, as yours.",
            examples=[link.user.email for link in sent[:5]],
        ),
    ]


def _end(departure: Departure, keep: Collection[str]) -> dict[str, int]:
    sent = [link.pk for link in _sent(departure)]
    links = AccessLink.objects.filter(pk__in=sent)
    if "invitations" in keep:
        return {"invitations kept": links.update(created_by=departure.by)}
    return {"invitations ended": links.end()}


SOURCE = Source(_find, _end)
