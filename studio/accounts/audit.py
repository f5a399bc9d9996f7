"""Reading the record of changes: which events somebody may see, filters, and what changed in plain words. Never writes.

Nothing of what others record is known here but words for it: an action is `family.what`, and before and after are small tables. Amounts that are
counted in thousandths of a credit are recognised by their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.text_search.lookups import containing

PAGE = 50
TEXT = 120  # characters of a filter

# family -> its word, and whether it is about money, which credit managers see too
FAMILIES: dict[str, tuple[str, bool]] = {
    "person": ("People", False),
    "project": ("Projects", False),
    "member": ("Members of projects", False),
    "clip": ("Clips", False),
    "retention": ("Retention", False),
    "prompt": ("Prompts", False),
    "share": ("Links", False),
    "connection": ("Connections", False),
    "price": ("Prices", True),
    "rate": ("Rates", True),
    "credits": ("Credits", True),
    "request": ("Requests for credits", True),
    "allowance": ("Allowances", True),
    "budget": ("Budgets", True),
    "cap": ("Caps", True),
    "waiver": ("Waivers", True),
    "doubt": ("Orders in doubt", True),
    "alert": ("Alerts about orders", True),
    "sandbox": ("Sandbox", False),
    "installation": ("Installation", False),
}
MONEY = frozenset(family for family, (_, is_money) in FAMILIES.items() if is_money)

WORDS: dict[str, str] = {
    "person.invited": "invited",
    "person.link": "made a link to come in for",
    "person.sign_in_link": "made a sign-in link for",
    "person.joined": "accepted the invitation",
    "person.signed_in_by_link": "signed in by a link",
    "person.role": "changed the role of",
    "person.switched_off": "switched off",
    "person.switched_on": "switched on",
    "person.left": "settled what was left behind by",
    "person.described": "changed what is said about",
    "person.password": "set a new password",
    "person.signed_out": "ended all sessions of",
    "project.created": "started the project",
    "project.renamed": "renamed the project",
    "project.archived": "archived the project",
    "project.brought_back": "brought back the project",
    "member.added": "added a member:",
    "member.asked": "asked to add a member:",
    "member.not_added": "did not add a member:",
    "member.role": "changed the role of a member:",
    "member.removed": "removed a member:",
    "member.left": "settled what was left behind by a member:",
    "clip.trashed": "moved to the trash:",
    "clip.restored": "took out of the trash:",
    "clip.deleted": "deleted for good:",
    "clip.expired": "moved old clips to the trash in",
    "clip.pinned": "pinned",
    "clip.unpinned": "took the pin off",
    "clip.uploaded": "uploaded by hand the file of",
    "clip.given_up": "gave up what is missing of",
    "clip.fetched_anew": "asked for the lost file of",
    "clip.lost": "said that it is lost:",
    "retention.set": "changed how long clips are kept in",
    "prompt.shared": "said who sees the prompt",
    "prompt.handed_over": "handed over the prompt",
    "prompt.label": "moved a label of the prompt",
    "prompt.archived": "archived the prompt",
    "prompt.brought_back": "brought back the prompt",
    "prompt.imported": "brought prompts in from",
    "share.made": "made the link",
    "share.changed": "changed the link",
    "share.moved": "gave another address to the link",
    "share.revoked": "revoked the link",
    "share.guest_removed": "removed a guest of the link",
    "share.kept": "answers from now on for the link",
    "connection.added": "added the connection",
    "connection.changed": "changed the connection",
    "connection.switched_on": "switched on the connection",
    "connection.switched_off": "switched off the connection",
    "connection.resumed": "ended the pause of",
    "price.added": "added a price for",
    "price.removed": "removed a price of",
    "rate.added": "set a rate of",
    "credits.granted": "granted credits to",
    "credits.taken": "took credits from",
    "credits.own_refused": "tried to give themselves credits:",
    "credits.stopped": "stopped a movement of the credits of",
    "request.asked": "asked for credits",
    "request.declined": "declined credits for",
    "request.withdrawn": "withdrew a request for credits",
    "allowance.added": "added an allowance for",
    "allowance.changed": "changed the allowance of",
    "allowance.switched_on": "switched on the allowance of",
    "allowance.switched_off": "switched off the allowance of",
    "budget.set": "set the budget of",
    "budget.cleared": "took away the budget of",
    "cap.set": "set the cap of",
    "cap.own_set": "set their own cap",
    "waiver.given": "gave a waiver to",
    "waiver.withdrawn": "withdrew a waiver of",
    "waiver.used": "used a waiver",
    "doubt.named": "named the remote id of",
    "doubt.never_made": "found out that nobody made",
    "doubt.written_off": "wrote off",
    "alert.settled": "settled an alert of",
    "sandbox.faults": "changed the faults of",
    "installation.furnished": "furnished the installation for",
}
FACTS = {"millicredits": "credits", "is_on": "on", "starts_on": "starts", "keeps": "carried over", "fixed": "for each clip", "key": "API key"}
IN_THOUSANDTHS = frozenset(
    {"millicredits", "amount", "keeps", "credits_a_day", "own_credits_a_day", "fixed", "per_second", "held", "returned", "charged", "minimum_hold"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that an event changed, in words. `before` or `after` is empty where there was nothing."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} → {self.after}" if self.before else f"{self.what}: {self.after}"


@dataclass(frozen=True, slots=True)
class Line:
    """One event, as a page shows it."""

    event: AuditEvent
    what: str
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events are wanted; an empty field wants all. `since` and `until` are days where the reader is, both included."""

    who: str = ""
    whom: str = ""
    family: str = ""
    text: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """The filters of an address; what cannot be understood wants all."""
        family = query.get("family", "")
        return cls(
            who=_text(query.get("who", "")),
            whom=_text(query.get("whom", "")),
            family=family if family in FAMILIES else "",
            text=_text(query.get("text", "")),
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
        )

    def __bool__(self) -> bool:
        return self != Filters()


def _text(written: str) -> str:
    return written.replace("\x00", "").strip()[:TEXT]


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def families_for(reader: User) -> list[tuple[str, str]]:
    """The families that this person may see, with their words."""
    return [(family, words) for family, (words, is_money) in FAMILIES.items() if reader.is_admin or is_money]


def events_for(reader: User, filters: Filters) -> "QuerySet[AuditEvent]":
    """The events that this person may see and wants, newest first: all for an admin, those about money for a credit manager, none for anybody else."""
    found: QuerySet[AuditEvent] = AuditEvent.objects.select_related("actor").order_by("-pk")
    if not reader.is_admin:
        found = found.filter(family__in=MONEY) if reader.manages_credits else found.none()
    if filters.family:
        found = found.filter(family=filters.family)
    if filters.who:
        found = found.filter(actor__in=containing(User.objects.all(), filters.who).values("pk"))
    if filters.whom:
        found = containing(found, filters.whom, "subject")
    if filters.text:
        found = containing(found, filters.text)
    return _between(found, filters)


def _between(found: "QuerySet[AuditEvent]", filters: Filters) -> "QuerySet[AuditEvent]":
    if filters.since:
        found = found.filter(at__gte=_midnight(filters.since))
    if filters.until and filters.until < date.max:
        found = found.filter(at__lt=_midnight(filters.until + timedelta(days=1)))
    return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def page(events: "QuerySet[AuditEvent]", *, before: int | None = None) -> tuple[list[Line], int | None]:
    """A page of events, older than the event `before`; and what `before` is for the next page. One query."""
    rows = list((events if before is None else events.filter(pk__lt=before))[: PAGE + 1])
    return [line(event) for event in rows[:PAGE]], (rows[PAGE - 1].pk if len(rows) > PAGE else None)


def line(event: AuditEvent) -> Line:
    """An event in words."""
    return Line(event, WORDS.get(event.action) or _plain(event.action.partition(".")[2]), differences(event.before, event.after))


def differences(before: object, after: object) -> list[Difference]:
    """What changed, in words, in the order in which it was written down. What is the same before and after is left out."""
    then, now = _table(before), _table(after)
    names = [*then, *(name for name in now if name not in then)]
    changed = [name for name in names if not (name in then and name in now and then[name] == now[name])]
    return [Difference(FACTS.get(name, _plain(name)), _value(name, then.get(name)), _value(name, now.get(name))) for name in changed]


def _table(facts: object) -> dict[str, object]:
    return facts if isinstance(facts, dict) else {} if facts is None else {"value": facts}


def _plain(name: str) -> str:
    """credits_a_day → "credits a day"."""
    return name.replace("_", " ")


def _value(name: str, value: object) -> str:
    """A fact for people; empty for nothing."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _thousandths(value) if name in IN_THOUSANDTHS else f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_value("", one) for one in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{_plain(key)} {_value(key, one)}" for key, one in value.items())
    return str(value)


def _thousandths(value: int) -> str:
    """1000500 → "1,000.5", exactly."""
    whole, part = divmod(abs(value), 1000)
    return f"{'−' if value < 0 else ''}{whole:,}{f'.{part:03d}'.rstrip('0').rstrip('.')}"
