"""Asking for credits and answering: each is one transaction and one audit event, and an answer counts once. Knows no page and no mail server.

CannotAsk        the person has an open request already
CannotAnswer     somebody was quicker, or there is nobody to give to; its sentence is for the manager
"""

from collections.abc import Collection
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.actions import give
from studio.credits.figures import LARGEST, PER_CREDIT, credits_text
from studio.credits.models import CreditRequest
from studio.credits.own_grants import refuse_own
from studio.credits.request_mail import mail_answer, mail_managers
from studio.projects.models import Project

State = CreditRequest.State
LEAST = 50 * PER_CREDIT  # a first suggestion: less is not worth anybody's answer
STEPS = (1, 2, 5)
PAGE = 50


class UnseenAnswer(NamedTuple):
    """The id of an answered request, and the answer as a sentence for the person who asked."""

    pk: int
    text: str


class CannotAsk(Exception):
    """There is an open request already."""


class CannotAnswer(Exception):
    """Not possible now. Its text is a sentence for the manager."""


def sensible(missing: int) -> int:
    """What to suggest asking for where so many millicredits are missing: the next of 50, 100, 200, 500, 1,000 … credits."""
    unit = PER_CREDIT
    while True:
        for step in STEPS:
            if (amount := step * unit) >= max(missing, LEAST):
                return min(amount, LARGEST)
        unit *= 10


def ask(person: User, amount: int, *, reason: str, project: Project | None = None) -> CreditRequest:
    """The person's new request. Raises CannotAsk. Credit managers are told once it is written for good."""
    try:
        with transaction.atomic():
            made = CreditRequest.objects.create(user=person, amount=amount, reason=reason, project=project)
            AuditEvent.record("request.asked", person.email, actor=person, after={"millicredits": amount}, reason=reason)
    except IntegrityError as error:
        raise CannotAsk("You have asked already. Withdraw that request to ask for something else.") from error
    transaction.on_commit(lambda: mail_managers(made.pk))
    return made


def grant(request: CreditRequest, amount: int, *, note: str = "", by: User) -> None:
    """Give the person so many millicredits, once, whoever answers at the same moment. Raises CannotAnswer."""
    if not request.user.is_active:
        raise CannotAnswer(f"{request.user} is no longer active and cannot be given credits. Decline it.")
    refuse_own([request.user], by=by)
    with transaction.atomic():
        _answer(request, State.GRANTED, by=by, amount=amount, note=note)
        reason = f"Asked for: {request.reason}" + (f". {note}" if note else "")
        give(request.user, amount, key=f"request:{request.pk}", reason=reason[: ledger.REASON_LENGTH], by=by)


def decline(request: CreditRequest, *, note: str, by: User) -> None:
    """Give nothing, and say why. Raises CannotAnswer."""
    with transaction.atomic():
        _answer(request, State.DECLINED, by=by, amount=0, note=note)
        AuditEvent.record("request.declined", request.user.email, actor=by, before={"millicredits": request.amount}, reason=note)
        ledger.refresh(request.user)


def withdraw(request: CreditRequest, *, by: User | None = None) -> bool:
    """Whether its own person, or who switched them off, took it back before anybody answered."""
    with transaction.atomic():
        if not _ended(request, state=State.WITHDRAWN):
            return False
        AuditEvent.record("request.withdrawn", request.user.email, actor=by or request.user, before={"millicredits": request.amount})
    return True


def _answer(request: CreditRequest, state: str, *, by: User, amount: int, note: str) -> None:
    """Claim the one answer. Raises CannotAnswer with what was answered instead."""
    if not _ended(request, state=state, answered_by=by, answer_amount=amount, note=note):
        request.refresh_from_db()
        raise CannotAnswer(answered_text(request))
    transaction.on_commit(lambda: mail_answer(request.pk))


def _ended(request: CreditRequest, **fields: object) -> bool:
    still_open = CreditRequest.objects.filter(pk=request.pk, state=State.OPEN)
    return still_open.update(answered_at=timezone.now(), **fields) == 1


def answered_text(request: CreditRequest) -> str:
    """Who answered a request, and how, for a manager."""
    if request.state == State.WITHDRAWN:
        return f"{request.user} has withdrawn this request."
    if request.state == State.DECLINED:
        return f"{request.answered_by} has declined {request.user}’s request already."
    return f"{request.answered_by} has granted {request.user} {credits_text(request.answer_amount)} credits already."


def open_of(person: User) -> CreditRequest | None:
    """The person's open request. One query."""
    return CreditRequest.objects.select_related("project").filter(user=person, state=State.OPEN).first()


def latest_of(person: User) -> CreditRequest | None:
    """The person's newest request that was not withdrawn, open or answered. One query."""
    rows = CreditRequest.objects.select_related("project", "answered_by").filter(user=person).exclude(state=State.WITHDRAWN)
    return rows.order_by("-pk").first()


def waiting() -> int:
    """How many requests wait for an answer. One indexed query."""
    return CreditRequest.objects.filter(state=State.OPEN).count()


def open_requests() -> "QuerySet[CreditRequest]":
    """All that wait for an answer, the oldest first, each with the millicredits that its person can spend as `free`."""
    spare = F("user__account__balance") - F("user__account__held")  # nothing is free while something is owed, by a CHECK
    rows = CreditRequest.objects.filter(state=State.OPEN).select_related("user", "project")
    return rows.annotate(free=Coalesce(spare, 0, output_field=BigIntegerField())).order_by("pk")


def answered(*, before: int | None = None) -> tuple[list[CreditRequest], int | None]:
    """A page of requests that have ended, newest first, older than the request `before`; and what `before` is for the next page."""
    rows = CreditRequest.objects.exclude(state=State.OPEN).select_related("user", "project", "answered_by").order_by("-pk")
    page = list((rows if before is None else rows.filter(pk__lt=before))[: PAGE + 1])
    return page[:PAGE], (page[PAGE - 1].pk if len(page) > PAGE else None)


def managers() -> "QuerySet[User]":
    """Who answers requests."""
    return User.objects.filter(role__in=[User.Role.CREDIT_MANAGER, User.Role.ADMIN], is_active=True).order_by("name", "email")


def unseen_answers(person: User) -> list[UnseenAnswer]:
    """The answers that no page of this person has shown yet. One query. Asking marks nothing: what is sent may never arrive."""
    answered = CreditRequest.objects.filter(user=person, state__in=[State.GRANTED, State.DECLINED], told_at=None)
    return [UnseenAnswer(request.pk, answer_text(request)) for request in answered.select_related("answered_by").order_by("pk")]


def mark_told(person: User, ids: Collection[int]) -> int:
    """Write down that a page has shown these answers to this person; how many it was the first to show."""
    answered = CreditRequest.objects.filter(user=person, state__in=[State.GRANTED, State.DECLINED], told_at=None)
    return answered.filter(pk__in=ids).update(told_at=timezone.now())


def answer_text(request: CreditRequest) -> str:
    """The answer, for the person who asked."""
    note = f" {request.note}" if request.note else ""
    if request.state == State.GRANTED:
        asked = "" if request.answer_amount == request.amount else f" of the {credits_text(request.amount)} that you asked for"
        return f"{request.answered_by} granted you {credits_text(request.answer_amount)} credits{asked}.{note}"
    return f"{request.answered_by} declined your request for {credits_text(request.amount)} credits.{note}"


def names_text(people: Collection[User], *, most: int = 3) -> str:
    """Some names as a sentence has them: "Maya, Ilya and Priya", or "Maya, Ilya, Priya and 4 more"."""
    names = [str(person) for person in people]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
