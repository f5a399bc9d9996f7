"""Statements of one month, of the team, a person or a project: what there was, what moved, what there is. Reads only.

    opening + movements = closing

Charges are read from the spending table as they were made, everything else from the entries, corrections of charges included; both by the team's
day. A repayment moves nothing that people see.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Count, F, Min, QuerySet, Sum

from studio.accounts.models import User
from studio.credits.figures import credits_cell
from studio.credits.models import Entry, Spending
from studio.credits.periods import Period, Span, span_of, today
from studio.credits.ranges import start_of
from studio.credits.spend import day_of
from studio.projects.models import Project

GIVEN = [Entry.Kind.GRANT, Entry.Kind.ADJUST, Entry.Kind.LAPSE, Entry.Kind.CORRECT]  # what moves a balance beside charges, in the order of the page
LINES = 100  # of a kind one by one; what is beyond is one line
CHANGE = F("amount") - F("owed")
MONTHS = 24
COLUMNS = ["Kind", "Day", "What", "By", "Provider", "Number", "Credits"]


@dataclass(frozen=True, slots=True)
class Line:
    """One movement, or `number` of a kind together. `amount` is the change in millicredits; `day` is None for several."""

    what: str
    amount: int
    number: int = 1
    day: date | None = None
    by: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Movements of one kind."""

    title: str
    lines: list[Line]

    @property
    def total(self) -> int:
        """Millicredits that they moved together."""
        return sum(line.amount for line in self.lines)

    @property
    def number(self) -> int:
        """How many movements they are."""
        return sum(line.number for line in self.lines)


@dataclass(frozen=True, slots=True)
class Statement:
    """One month. For a project `opening` and `closing` are what was spent on it before and since, without a minus."""

    of: str  # "team", "person" or "project"
    title: str
    span: Span
    opening: int
    groups: list[Group]
    is_running: bool  # the month is not over

    @property
    def closing(self) -> int:
        """What there is at the end of the month, or now."""
        return self.opening + sum(group.total for group in self.groups)

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return self.span.ends_on - timedelta(days=1)


def month_of(year: int, month: int) -> Span | None:
    """The month, if it has begun and is one that the calendar has."""
    if not (1 <= month <= 12 and 2000 <= year <= today().year):  # noqa: PLR2004 - months; years in which somebody may have begun
        return None
    span = span_of(Period.MONTH, date(year, month, 1))
    return span if span.starts_on <= today() else None


def months() -> list[Span]:
    """The months with a statement, newest first: from the first entry to now, at most two years of them. One query."""
    first = Entry.objects.aggregate(first=Min("at"))["first"]
    oldest = day_of(first) if first else today()
    found: list[Span] = []
    day = today()
    while len(found) < MONTHS and (not found or day >= oldest.replace(day=1)):
        found.append(span_of(Period.MONTH, day))
        day = found[-1].starts_on - timedelta(days=1)
    return found


def of_person(person: User, span: Span) -> Statement:
    """A person's month, each grant told one by one."""
    entries, rows = Entry.objects.filter(account__user=person), Spending.objects.filter(account__user=person)
    told = [Group(kind.label, _lines(_in_month(entries, span).filter(kind=kind))) for kind in GIVEN]
    return _with_balances("person", str(person), span, entries, rows, [*told, Group("Spent", _charges(rows, span))])


def of_team(span: Span) -> Statement:
    """Everybody's month, grants told by who made them."""
    entries, rows = Entry.objects.all(), Spending.objects.all()
    told = [Group(kind.label, _by_actor(_in_month(entries, span).filter(kind=kind))) for kind in GIVEN]
    return _with_balances("team", "The whole team", span, entries, rows, [*told, Group("Spent", _charges(rows, span))])


def of_project(project: Project, span: Span) -> Statement:
    """What a project cost in a month, by person and provider; nobody's balance."""
    rows = Spending.objects.filter(project=project, charged__gt=0)
    before = rows.filter(day__lt=span.starts_on).aggregate(sum=Sum("charged", default=0))["sum"]
    month = rows.filter(day__gte=span.starts_on, day__lt=span.ends_on).order_by()
    sums = month.values_list("account__user_id", "provider").annotate(sum=Sum("charged"), number=Sum("charges")).order_by("-sum")
    found: list[tuple[int, str, int, int]] = list(sums)
    people = User.objects.in_bulk({person for person, *_ in found})
    lines = [Line(str(people[person]), charged, charges, provider=provider) for person, provider, charged, charges in found]
    corrections = Entry.objects.filter(project=project, kind=Entry.Kind.CORRECT)
    before -= corrections.filter(at__lt=start_of(span.starts_on)).aggregate(sum=Sum(CHANGE, default=0))["sum"]
    corrected = [replace(line, amount=-line.amount) for line in _lines(_in_month(corrections, span))]  # a cost, as the charges are
    groups = [Group("Spent", lines), Group(Entry.Kind.CORRECT.label, corrected)]
    return Statement("project", f"{project.code} {project.name}", span, before, [group for group in groups if group.lines], span.ends_on > today())


def _with_balances(of: str, title: str, span: Span, entries: QuerySet[Entry], rows: QuerySet[Spending], groups: list[Group]) -> Statement:
    moved = entries.filter(kind__in=GIVEN, at__lt=start_of(span.starts_on)).aggregate(sum=Sum(CHANGE, default=0))["sum"]
    charged = rows.filter(day__lt=span.starts_on).aggregate(sum=Sum("charged", default=0))["sum"]
    return Statement(of, title, span, moved - charged, [group for group in groups if group.lines], span.ends_on > today())


def _in_month(entries: QuerySet[Entry], span: Span) -> QuerySet[Entry]:
    return entries.filter(at__gte=start_of(span.starts_on), at__lt=start_of(span.ends_on))


def _lines(entries: QuerySet[Entry]) -> list[Line]:
    """Movements one by one, oldest first; what is beyond the page's length in one line. Two queries, or one where there are few."""
    found = list(entries.select_related("actor").order_by("at", "pk")[: LINES + 1])
    lines = [Line(row.reason, row.change, day=day_of(row.at), by=str(row.actor or "Studio")) for row in found[:LINES]]
    if len(found) > LINES:
        everything = entries.aggregate(sum=Sum(CHANGE), number=Count("pk"))
        rest = everything["number"] - len(lines)
        lines.append(Line(f"and {rest:,} more", everything["sum"] - sum(line.amount for line in lines), rest))
    return lines


def _by_actor(entries: QuerySet[Entry]) -> list[Line]:
    sums = entries.order_by().values_list("actor_id").annotate(sum=Sum(CHANGE), number=Count("pk")).order_by("-sum")
    found: list[tuple[int | None, int, int]] = list(sums)
    people = User.objects.in_bulk([actor for actor, *_ in found if actor])
    return [Line(f"by {people.get(actor, 'Studio')}", amount, number) for actor, amount, number in found]


def _charges(rows: QuerySet[Spending], span: Span) -> list[Line]:
    """Charges by project and provider: the project that cost most first, and within it the provider."""
    month = rows.filter(day__gte=span.starts_on, day__lt=span.ends_on, charged__gt=0)
    grouped = month.order_by().values_list("project__code", "project__name", "provider")
    found = list(grouped.annotate(sum=Sum("charged"), number=Sum("charges")))
    of_project = Counter[str | None]()
    for code, _, _, charged, _ in found:
        of_project[code] += charged
    found.sort(key=lambda row: (-of_project[row[0]], row[0] or "", -row[3], row[2]))
    return [
        Line(f"{code} {name}" if code else "Without a project", -charged, charges, provider=provider)
        for code, name, provider, charged, charges in found
    ]


def table(statement: Statement) -> Iterator[list[object]]:
    """The statement as lines of a file, after COLUMNS."""
    yield ["Opening", statement.span.starts_on, "", "", "", "", credits_cell(statement.opening)]
    for group in statement.groups:
        for line in group.lines:
            yield [group.title, line.day or "", line.what, line.by, line.provider, line.number, credits_cell(line.amount)]
    yield ["Closing", statement.last_day, "", "", "", "", credits_cell(statement.closing)]
