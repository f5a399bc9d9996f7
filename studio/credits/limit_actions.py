"""What people do with limits: budgets, caps, waivers, allowances. Each change is recorded for audit with what was before and after; amounts in millicredits.

Who may do it is for the pages to ask: credit managers, but for one's own lower caps.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits.models import Allowance, Budget, Cap, Waiver
from studio.credits.own_grants import refuse_own
from studio.projects.models import Project

ALLOWANCE_FACTS = ("amount", "period", "keeps", "starts_on", "is_on")


class AlreadyOne(Exception):
    """A person or a role has an allowance that is on already: change that one. Its text says whose."""


def set_budget(project: Project, *, amount: int, period: str, hard: bool, by: User | None) -> bool:
    """Whether this changed the project's budget, or gave it one."""
    with transaction.atomic():
        facts = {"amount": amount, "period": period, "hard": hard}
        budget, is_new = Budget.objects.select_for_update().get_or_create(project=project, defaults=facts)
        if not is_new:
            return _set(budget, facts, "budget.set", project.code, by=by)
        AuditEvent.record("budget.set", project.code, actor=by, after=facts)
    return True


def clear_budget(project: Project, *, by: User | None) -> bool:
    """Whether the project had a budget, and now has none."""
    with transaction.atomic():
        budget = Budget.objects.filter(project=project).first()
        if budget is None or not Budget.objects.filter(pk=budget.pk).delete()[0]:
            return False
        AuditEvent.record("budget.cleared", project.code, actor=by, before=_facts(budget, ("amount", "period", "hard")))
    return True


def set_cap(person: User, *, credits_a_day: int | None, jobs_at_once: int | None, by: User | None) -> bool:
    """Whether this changed what a credit manager lets the person order; None lifts a cap."""
    refuse_own([person], by=by)
    return _set_cap(person, {"credits_a_day": credits_a_day, "jobs_at_once": jobs_at_once}, "cap.set", by=by)


def set_own_cap(person: User, *, credits_a_day: int | None, jobs_at_once: int | None) -> bool:
    """Whether this changed what the person lets themselves order; None lifts it. The lower of both counts."""
    return _set_cap(person, {"own_credits_a_day": credits_a_day, "own_jobs_at_once": jobs_at_once}, "cap.own_set", by=person)


def give_waiver(person: User, *, project: Project | None, lifts: str, reason: str, by: User) -> Waiver:
    """Leave for one order of this person to pass what `lifts` says."""
    refuse_own([person], by=by)
    with transaction.atomic():
        waiver = Waiver.objects.create(user=person, project=project, lifts=lifts, reason=reason, given_by=by)
        after = {"lifts": lifts, "project": project.code if project else None}
        AuditEvent.record("waiver.given", person.email, actor=by, after=after, reason=reason)
    return waiver


def withdraw_waiver(waiver: Waiver, *, by: User) -> bool:
    """Whether the waiver was not used yet, and cannot be any more."""
    with transaction.atomic():
        if Waiver.objects.filter(pk=waiver.pk, used_by=None, withdrawn_at=None).update(withdrawn_at=timezone.now()) != 1:
            return False
        AuditEvent.record("waiver.withdrawn", waiver.user.email, actor=by, before={"lifts": waiver.lifts}, reason=waiver.reason)
    return True


def add_allowance(*, person: User | None, role: str, amount: int, period: str, keeps: int, starts_on: date, by: User | None) -> Allowance:
    """A new allowance for a person, or for everybody of a role. Raises AlreadyOne."""
    refuse_own([person] if person else [], by=by, role=role)
    allowance = Allowance(user=person, role=role, amount=amount, period=period, keeps=keeps, starts_on=starts_on)
    with _one_at_a_time(allowance):
        allowance.save(force_insert=True)
        AuditEvent.record("allowance.added", whose(allowance), actor=by, after=_facts(allowance, ALLOWANCE_FACTS))
    return allowance


def change_allowance(allowance: Allowance, *, amount: int, period: str, keeps: int, starts_on: date, by: User | None) -> bool:
    """Whether this changed the allowance. It counts from each person's next period."""
    refuse_own([allowance.user] if allowance.user else [], by=by, role=allowance.role)
    facts = {"amount": amount, "period": period, "keeps": keeps, "starts_on": starts_on}
    with transaction.atomic():
        return _set(_locked(allowance), facts, "allowance.changed", whose(allowance), by=by)


def switch_allowance(allowance: Allowance, *, on: bool, by: User | None) -> bool:
    """Whether this switched the allowance on, or off: what was given stays until the end of its period. Raises AlreadyOne."""
    if on:
        refuse_own([allowance.user] if allowance.user else [], by=by, role=allowance.role)
    with _one_at_a_time(allowance):
        return _set(_locked(allowance), {"is_on": on}, f"allowance.switched_{'on' if on else 'off'}", whose(allowance), by=by)


def whose(allowance: Allowance) -> str:
    """Who is given it: an address, or a role in the plural."""
    if allowance.user:
        return allowance.user.email
    return f"{allowance.get_role_display()}s"


def _set_cap(person: User, caps: Mapping[str, int | None], action: str, *, by: User | None) -> bool:
    with transaction.atomic():
        cap, _ = Cap.objects.select_for_update().get_or_create(user=person)
        return _set(cap, caps, action, person.email, by=by)


def _set(row: models.Model, facts: Mapping[str, object], action: str, subject: str, *, by: User | None) -> bool:
    """Whether the row, which the caller has locked, had other facts before; then they are written and recorded."""
    before = _facts(row, facts)
    for name, value in facts.items():
        setattr(row, name, value)
    after = _facts(row, facts)
    if before == after:
        return False
    row.save(update_fields=list(facts))
    AuditEvent.record(action, subject, actor=by, before=before, after=after)
    return True


def _facts(row: models.Model, names: Iterable[str]) -> dict[str, object]:
    """The columns as the record keeps them."""
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _locked(allowance: Allowance) -> Allowance:
    return Allowance.objects.select_for_update(of=("self",)).select_related("user").get(pk=allowance.pk)


@contextmanager
def _one_at_a_time(allowance: Allowance) -> Iterator[None]:
    """A transaction in which the database may refuse a second allowance that is on."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise AlreadyOne(f"{whose(allowance)} {'has' if allowance.user else 'have'} an allowance already. Change or switch off that one.") from error
