"""What a hold must pass beside the balance: the person's caps and the project's budget. The ledger asks inside the hold's own transaction; foresight.py
tells beforehand by the same rules.

Every hold is counted in its tallies, whether a limit is set or not, by one UPDATE whose WHERE is the limit:

    held + spent + amount <= limit      judged under the tally's row lock

Locks are taken in one order, hold, account, then tallies: the person's day, the project in all, the project's month. A person's tallies and
waivers are only ever touched under the lock of their account, so one order can use a waiver that another one does not see.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, Value

from studio.accounts.models import AuditEvent, User
from studio.credits.errors import CannotHold, Insufficient, OverBudget, OverCap
from studio.credits.figures import credits_text
from studio.credits.models import Account, Budget, Cap, Hold, Tally, Waiver
from studio.credits.periods import EVER, Period, Span, span_of, today
from studio.projects.models import Project

Place = Mapping[str, Any]  # the columns that name one tally


@dataclass(frozen=True, slots=True)
class Rule:
    """One tally in which a hold counts, and what it may come to there: `held + spent + amount <= limit`; None where nothing limits it.

    `refusal` makes the error from what is left, a waiver that `lifts` lets the hold pass. `soft` is a budget that only warns.
    """

    place: Place
    limit: int | None = None
    lifts: str = ""
    refusal: Callable[[int], CannotHold] | None = None
    soft: Budget | None = None


def cap_of(user: User) -> Cap:
    """A person's caps; an empty one, not saved, where nobody set any."""
    return Cap.objects.filter(user=user).first() or Cap(user=user)


def lacking(account: Account, amount: int) -> Insufficient | None:
    """What is missing to hold this much; None where there is enough. Nothing at all can be held while something is owed."""
    if not account.owed and account.balance - account.held >= amount:
        return None
    return Insufficient(needed=amount, free=account.free, missing=amount + account.held + account.owed - account.balance)


def too_many(account: Account, cap: Cap) -> OverCap | None:
    """The refusal of one more job at once; None where it is allowed."""
    if cap.at_once is None or account.holding < cap.at_once:
        return None
    is_own = cap.at_once != cap.jobs_at_once
    whose = "the cap that you set for yourself" if is_own else "your cap"
    text = f"{cap.at_once} of your clips are in progress, and {whose} is {cap.at_once} at once. Order again when one has ended."
    return OverCap(text, needed=1, left=0, is_own=is_own)


def rules(hold: Hold, cap: Cap) -> Iterator[Rule]:
    """Where a hold counts and what limits it there, in the order in which the tallies are locked. One query, for the budget, after the first."""
    yield Rule(place_of(_span(hold, Period.DAY), account_id=hold.account_id), cap.day, Waiver.Lifts.CAP, lambda left: _over_day(hold, cap, left))
    if not hold.project_id:
        return
    budget = Budget.objects.filter(project=hold.project_id).first()
    if budget and hold.project:
        budget.project = hold.project  # it need not be read again for a sentence
    for span in (EVER, _span(hold, Period.MONTH)):
        place = place_of(span, project_id=hold.project_id)
        if budget is None or span_of(budget.period, hold.day) != span:
            yield Rule(place)
        elif budget.hard:
            yield Rule(place, budget.amount, Waiver.Lifts.BUDGET, lambda left: _over_budget(hold, budget, left))
        else:
            yield Rule(place, soft=budget)


def count(hold: Hold, cap: Cap) -> None:
    """Add a new hold to its tallies. Raises OverCap or OverBudget, after which the transaction must not stand."""
    for rule in rules(hold, cap):
        left = _added(rule.place, hold.amount, limit=rule.limit)
        if left is not None and rule.refusal:
            if not waived(hold, rule.lifts):
                raise rule.refusal(left)
            _added(rule.place, hold.amount, limit=None)


def end(hold: Hold, charge: int) -> None:
    """Turn what the tallies hold for an ended hold into what was charged, which may be more or nothing."""
    for place in places(hold):
        Tally.objects.filter(**place).update(held=F("held") - hold.amount, spent=F("spent") + charge)


def correct(hold: Hold, change: int) -> None:
    """Count what a correction added to the charge of an ended hold, or took from it."""
    for place in places(hold):
        Tally.objects.filter(**place).update(spent=F("spent") + change)


def waived(hold: Hold, what: str) -> bool:
    """Whether a waiver lets this hold pass: one that it has used already, or one that it uses up now. Call it under the account's lock."""
    if Waiver.objects.filter(used_by=hold, lifts__in=[what, Waiver.Lifts.BOTH]).exists():
        return True
    for waiver in open_waivers(hold):
        if waiver.lifts in {what, Waiver.Lifts.BOTH} and Waiver.objects.filter(_open(), pk=waiver.pk).update(used_by=hold) == 1:
            person = hold.account.user  # the UPDATE asked again: it may have been withdrawn just now
            AuditEvent.record("waiver.used", person.email, actor=person, after={"lifts": waiver.lifts, "for": hold.reason}, reason=waiver.reason)
            return True
    return False


def open_waivers(hold: Hold) -> list[Waiver]:
    """The waivers that this hold may use, in the order in which it would: those that lift the least first. One query."""
    rows = Waiver.objects.filter(_open(), Q(project=None) | Q(project=hold.project_id), user=hold.account.user_id)
    return sorted(rows, key=lambda row: (row.lifts == Waiver.Lifts.BOTH, row.pk))


def soft_notice(project: Project) -> str:
    """That a project's soft budget is used up, in a sentence; empty while it is not, or where there is none."""
    budget = Budget.objects.select_related("project").filter(project=project, hard=False).first()
    return soft_text(budget, used_of([budget])[budget.pk]) if budget else ""


def soft_text(budget: Budget, used: int, *, more: int = 0) -> str:
    """That a soft budget of which so much is used is exceeded, or would be by so much more; empty while it is not."""
    if used + more <= budget.amount:
        return ""
    span = f"for {today():%B}" if budget.period == Period.MONTH else "in all"
    whole = f"{budget.project.code}’s budget of {credits_text(budget.amount)} credits {span}"
    if used > budget.amount:
        return f"{whole} is exceeded: {credits_text(used)} are held or spent. Orders still go through."
    return f"With this order {whole} is exceeded: {credits_text(used + more)} would be held or spent. It still goes through."


def used_of(budgets: Collection[Budget]) -> dict[int, int]:
    """What is held or spent of each budget now, in millicredits by its id. One query."""
    spans = {budget.pk: span_of(budget.period, today()) for budget in budgets}
    starts = {span.starts_on for span in spans.values()}
    rows = Tally.objects.filter(project__in=[budget.project_id for budget in budgets], starts_on__in=starts)
    used = {(row.project_id, row.starts_on): row.held + row.spent for row in rows}
    return {budget.pk: used.get((budget.project_id, spans[budget.pk].starts_on), 0) for budget in budgets}


def _open() -> Q:
    """That a waiver may still be used."""
    return Q(used_by=None, withdrawn_at=None)


def _over_day(hold: Hold, cap: Cap, left: int) -> OverCap:
    is_own = cap.day != cap.credits_a_day
    whose = "a day that you set as your own cap" if is_own else "a day that are your cap"
    whole = _span(hold, Period.DAY).ends_on
    text = f"This needs {credits_text(hold.amount)} credits; {credits_text(left)} are left of the {credits_text(cap.day or 0)} {whose}. "
    return OverCap(f"{text}They are whole again on {whole:%-d %B}.", needed=hold.amount, left=left, whole_again=whole, is_own=is_own)


def _over_budget(hold: Hold, budget: Budget, left: int) -> OverBudget:
    monthly = budget.period == Period.MONTH
    whole = _span(hold, Period.MONTH).ends_on if monthly else None
    budgeted = f"{credits_text(budget.amount)} {f'for {hold.day:%B}' if monthly else 'in all'}"
    text = f"This needs {credits_text(hold.amount)} credits; {credits_text(left)} are left of {budget.project.code}’s budget of {budgeted}. "
    then = f"It is whole again on {whole:%-d %B}." if whole else "A credit manager can raise it."
    return OverBudget(text + then, needed=hold.amount, left=left, whole_again=whole)


def _added(place: Place, amount: int, *, limit: int | None) -> int | None:
    """None when the tally now holds this much more; else what is left below the limit, under which it did not fit."""
    rows = Tally.objects.filter(**place)
    room = rows if limit is None else rows.filter(held__lte=Value(limit - amount) - F("spent"))
    more = {"held": F("held") + amount}
    if room.update(**more):
        return None
    Tally.objects.get_or_create(**place)
    rows.update(held=F("held"))  # under the lock the figures that we tell are those that stopped it
    if room.update(**more):  # the first of its period, or something came back just before it
        return None
    now = rows.get()
    return max((limit or 0) - now.held - now.spent, 0)


def places(hold: Hold) -> Iterator[Place]:
    """The tallies in which a hold counts, in the order in which they are locked."""
    yield place_of(_span(hold, Period.DAY), account_id=hold.account_id)
    if hold.project_id:
        yield place_of(EVER, project_id=hold.project_id)
        yield place_of(_span(hold, Period.MONTH), project_id=hold.project_id)


def place_of(span: Span, **owner: int) -> Place:
    """The columns that name the tally of a person or a project for a span."""
    return {**owner, "starts_on": span.starts_on, "ends_on": span.ends_on}


def _span(hold: Hold, period: Period) -> Span:
    return span_of(period, hold.day)
