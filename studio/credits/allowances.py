"""Allowances: giving each person their portion at the start of a period, and taking back what was not used by its end. Run by the worker.

    unused = granted + carried over - ordered in the period, where an open hold counts with its amount and an ended one with its charge
    lapses = unused - what the allowance keeps, but never more than is free

So what is held is never touched, and what was granted by hand only lasts longer, as orders are counted against the allowance first. What of the
grant repaid a debt was used at once, and what else is in doubt is counted as used: never does more lapse than was given. A portion that follows without a gap carries on what was kept; after a gap, what was kept is the person's.

A period that passed while no worker ran is skipped: nobody could have ordered against it, and what it gave would lapse in the same breath.
Somebody who joins in the middle of a period is given the whole amount. A person has one portion at a time, so a change of the allowance, of the
role, or of the one that counts, is felt from their next period on.
"""

import logging
from collections.abc import Callable
from datetime import date
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Sum, When
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.figures import credits_text
from studio.credits.models import Account, Allowance, Entry, Hold, Portion
from studio.credits.periods import Period, span_of, today
from studio.database import AWAY

log = logging.getLogger(__name__)


def due() -> int:
    """How many portions this call closed or gave: whatever is due today. May run twice, late, or on two machines at once."""
    day = today()
    over = Portion.objects.filter(closed_at=None, ends_on__lte=day).select_related("account__user")
    closed = sum(_done(portion, partial(close, portion)) for portion in list(over))
    allowances = Allowance.objects.filter(is_on=True, starts_on__lte=day)
    return closed + sum(_done(person, partial(give, allowance, person, day)) for allowance in allowances for person in list(waiting(allowance, day)))


def _done(whose: object, act: Callable[[], bool]) -> bool:
    """Whether it was done. What goes wrong with one must not end the round for all the others; a database that is away does."""
    try:
        return act()
    except AWAY:
        raise
    except Exception:
        log.exception("the allowance of %s cannot be dealt with", whose)
        return False


def waiting(allowance: Allowance, day: date) -> "QuerySet[User]":
    """The people whom this allowance is to give their portion now: active, without an open one, and without an allowance that goes before it."""
    people = User.objects.filter(~Exists(Portion.objects.filter(account__user=OuterRef("pk"), closed_at=None)), is_active=True)
    if allowance.user_id:
        return people.filter(pk=allowance.user_id)
    own = Allowance.objects.filter(user=OuterRef("pk"), is_on=True, starts_on__lte=day)
    return people.filter(~Exists(own), role=allowance.role)


def give(allowance: Allowance, person: User, day: date) -> bool:
    """Whether this call gave the person the whole amount for the period that the day is in."""
    span = span_of(allowance.period, day)
    reference = f"allowance:{allowance.pk}:{person.pk}:{span.key}"
    account = ledger.account_of(person)
    before = Portion.objects.filter(account=account, ends_on=span.starts_on).order_by("-pk").first()
    portion = Portion(allowance=allowance, account=account, reference=reference, starts_on=span.starts_on, ends_on=span.ends_on)
    portion.amount, portion.keeps, portion.carried = allowance.amount, allowance.keeps, before.kept if before else 0
    try:
        with transaction.atomic():
            portion.save(force_insert=True)
            return ledger.grant(person, allowance.amount, key=reference, reason=f"Allowance for {words(portion)}", actor=None)
    except (IntegrityError, ledger.Conflict):  # another worker was here first
        return False


def close(portion: Portion) -> bool:
    """Whether this call ended the portion: what was not used has lapsed, but for what is kept."""
    with transaction.atomic():
        open_portion = Portion.objects.filter(pk=portion.pk, closed_at=None)
        if open_portion.update(closed_at=timezone.now()) != 1:
            return False
        person, left = portion.account.user, unused(portion)
        lapsed = ledger.lapse(person, max(left - portion.keeps, 0), key=portion.reference, reason=f"Not used in {words(portion)}")
        kept = min(left - lapsed, portion.keeps, ledger.account_of(person).free)
        Portion.objects.filter(pk=portion.pk).update(lapsed=lapsed, kept=kept)
    return True


def unused(portion: Portion) -> int:
    """The millicredits of a portion that nothing was ordered with."""
    granted = Entry.objects.values_list("amount", flat=True).get(kind=Entry.Kind.GRANT, reference=portion.reference)
    ordered = Hold.objects.filter(account=portion.account_id, day__gte=portion.starts_on, day__lt=portion.ends_on)
    cost = Case(When(state=Hold.State.OPEN, then=F("amount")), default=F("charged") + F("corrected"))
    spent: int = ordered.aggregate(sum=Sum(cost, default=0))["sum"]
    return max(granted + portion.carried - spent, 0)


def next_text(account: Account) -> str:
    """When this account's next allowance comes, and how much it is, in a sentence; empty without one. One query."""
    portion = Portion.objects.select_related("allowance").filter(account=account, closed_at=None, allowance__is_on=True).first()
    if portion is None:
        return ""
    return f"Your next allowance, {credits_text(portion.allowance.amount)} credits, comes on {portion.ends_on:%-d %B}."


def words(portion: Portion) -> str:
    """The period of a portion: `November 2026`, `the week of 23 November`, `26 November`."""
    first = portion.starts_on
    match Period(portion.allowance.period):
        case Period.MONTH:
            return f"{first:%B %Y}"
        case Period.WEEK:
            return f"the week of {first:%-d %B}"
        case _:
            return f"{first:%-d %B}"
