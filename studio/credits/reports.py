"""What the overview and the spend report show. Everything is read from the spending table, so nothing here depends on how long the ledger is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from django.db.models import Q, QuerySet, Sum

from studio.accounts.models import User
from studio.credits import spend
from studio.credits.models import Spending
from studio.credits.periods import Span, today
from studio.credits.ranges import month_before, named
from studio.credits.statement import Totals, totals
from studio.projects.models import Project

TOP = 10
ROWS = 200  # of the spend report on a page; its file holds all


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at the head of the overview, in millicredits."""

    totals: Totals
    month: spend.Sums
    before: int  # what was charged in the same days of the month before
    until: str  # the last of those days, in words
    days_left: int | None  # at the pace of the last thirty days

    @property
    def change(self) -> int | None:
        """By how many percent this month is above the same days before, or below; None where nothing was spent then."""
        return round((self.month.charged - self.before) * 100 / self.before) if self.before else None

    @property
    def fall(self) -> int:
        """By how many percent this month is below the same days before."""
        return -(self.change or 0)


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a ranking: a project or a person, None for all the others together; what they were charged, and their part of the first one's."""

    subject: Project | User | None
    charged: int
    charges: int
    width: str  # 0 to 1, for CSS


@dataclass(frozen=True, slots=True)
class Row:
    """Who was charged what for which project at which provider."""

    person: User
    project: Project | None
    provider: str
    charged: int
    charges: int


@dataclass(frozen=True, slots=True)
class Page:
    """The first rows of the spend report, and how much the others are."""

    rows: list[Row]
    more: int  # rows that are not shown


def page(found: QuerySet[Spending]) -> Page:
    """The rows of the spend report that a page shows. Four queries."""
    shown = list(islice(rows(found), ROWS))
    number = found.filter(charged__gt=0).order_by().values("account", "project", "provider").distinct().count()
    return Page(shown, number - len(shown))


def figures() -> Figures:
    """The head of the overview. Two queries."""
    month, recent = named("month", today()), named("30", today())
    earlier = month_before(month)
    first = min(recent.starts_on, earlier.starts_on)
    rows = spend.within(Span(first, month.ends_on, "all"))
    found = rows.aggregate(
        **{f"{name}_sum": Sum(name, filter=_inside(month), default=0) for name in spend.COLUMNS},
        before=Sum("charged", filter=_inside(earlier), default=0),
        recent=Sum("charged", filter=_inside(recent), default=0),
    )
    sums, pace = spend.Sums(**{name: found[f"{name}_sum"] for name in spend.COLUMNS}), found["recent"]
    now = totals()
    days_left = now.shown * spend.SPARK_DAYS // pace if pace and now.shown > 0 else None
    return Figures(now, sums, found["before"], f"{earlier.ends_on - timedelta(days=1):%-d %B}", days_left)


def projects(span: Span) -> list[Share]:
    """The ten projects for which most was spent, and all others. Two queries."""
    ranking = list(_ranked(spend.within(span), "project_id"))
    known = Project.objects.in_bulk([key for key, _, _ in ranking[:TOP] if key])
    return _shares([(known.get(key), charged, charges) for key, charged, charges in ranking[:TOP]], ranking[TOP:])


def people(span: Span) -> list[Share]:
    """The ten people who spent most, and all others. Two queries."""
    ranking = list(_ranked(spend.within(span), "account__user_id"))
    known = User.objects.in_bulk([key for key, _, _ in ranking[:TOP]])
    return _shares([(known.get(key), charged, charges) for key, charged, charges in ranking[:TOP]], ranking[TOP:])


def rows(found: QuerySet[Spending]) -> Iterator[Row]:
    """Person x project x provider of these rows, what cost most first. Two queries and one more for every two thousand people."""
    grouped = found.filter(charged__gt=0).order_by().values_list("account__user_id", "project_id", "provider")
    sums = grouped.annotate(sum=Sum("charged"), number=Sum("charges")).order_by("-sum", "account__user_id", "project_id", "provider")
    known = Project.objects.in_bulk()
    people: dict[int, User] = {}
    several: list[tuple[int, int | None, str, int, int]] = []
    for row in sums.iterator():
        several.append(row)
        if len(several) == ROWS:
            yield from _with_names(several, people, known)
            several = []
    yield from _with_names(several, people, known)


def _with_names(several: list[tuple[int, int | None, str, int, int]], people: dict[int, User], projects: dict[int, Project]) -> Iterator[Row]:
    people |= User.objects.in_bulk({person for person, *_ in several} - people.keys())
    for person, project, provider, charged, charges in several:
        yield Row(people[person], projects.get(project) if project else None, provider, charged, charges)


def _ranked(found: QuerySet[Spending], key: str) -> QuerySet[Spending, tuple[int | None, int, int]]:
    sums = found.filter(charged__gt=0).values_list(key).annotate(sum=Sum("charged"), number=Sum("charges"))
    return sums.order_by("-sum", key)


def _shares(named_rows: list[tuple[Project | User | None, int, int]], rest: list[tuple[int | None, int, int]]) -> list[Share]:
    most = max((charged for _, charged, _ in named_rows), default=0) or 1
    shares = [Share(subject, charged, charges, f"{charged / most:.4f}") for subject, charged, charges in named_rows]
    if rest:
        charged = sum(row[1] for row in rest)
        shares.append(Share(None, charged, sum(row[2] for row in rest), f"{min(charged / most, 1):.4f}"))
    return shares


def _inside(span: Span) -> Q:
    """The days of the span."""
    return Q(day__gte=span.starts_on, day__lt=span.ends_on)
