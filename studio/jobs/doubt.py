"""Submissions in doubt: sent, and nobody knows whether anything was made. How each comes out of it.

    a callback that carries the attempt's token      proposes an id; the provider must confirm it when asked with our own key
    the provider's own list, where it has one        shows the order with our callback address, or with its very brief
    the provider's file store, where it has one      holds the clip under the name that only this attempt has (stored.py)
    a late end, where the id was known               looked for ever more seldom, for a week
    a person                                         it was never made: release · here is its id: attach · write it off

Nothing in doubt is ever sent again by itself, and its hold stays until it is known what became of it.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.jobs import health, late, watching
from studio.jobs.hands import Outcome
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job, alerted
from studio.jobs.moves import finish, live, lock, move, note
from studio.jobs.sending import TIDY_FIRST, brief_of_job, ended, token_hash
from studio.providers.contract import Found, Listing, Lists, NotNow, Phase, ProviderError, Report, StoredFile, StoresFiles
from studio.providers.wire import Answer, Wire

log = logging.getLogger(__name__)
BEFORE, AFTER = timedelta(minutes=1), timedelta(minutes=3)  # of its sending: when a provider may have written it down
NEAR = timedelta(seconds=15)  # of its sending: when it probably did, asked about first
FOUND = "Found in the provider’s file store under its own name. No usage is known, so the estimate is charged."
LONGEST_ID = 200


class CannotResolve(Exception):
    """A person's verdict could not be carried out. Its text says why."""


def next_due(attempt: Attempt, now: datetime) -> datetime | None:
    """When to look at a doubtful attempt again, which its card says; None when only a person or a callback can say more."""
    age = (now - (attempt.sent_at or now)).total_seconds()
    wait = watching.in_doubt(age, chance=random.random())  # noqa: S311 - jitter
    return now + timedelta(seconds=wait) if wait is not None else None


def looked(attempt: Attempt, outcome: Outcome, *, now: datetime) -> None:
    """Write down what a look at a doubtful attempt found."""
    job = attempt.job
    match outcome:
        case Answer(report=report, raw=raw) if attempt.remote_id is None:
            _proposal_answered(attempt, report, raw, now=now)
            return
        case Answer(report=Report(phase=Phase.SUCCEEDED | Phase.FAILED) as report, raw=raw):
            if ended(attempt, report, raw, start=State.IN_DOUBT, now=now):
                return
        case Answer(report=Report(seems_over=True, videos=[_, *_]) as report, raw=raw):
            if ended(attempt, report.taken_as_made(), raw, start=State.IN_DOUBT, now=now):
                return
        case Answer() | ProviderError():
            pass
        case error:
            log.error("attempt %s: unforeseen in doubt", attempt.pk, exc_info=error if isinstance(error, BaseException) else None)
    note(job, State.IN_DOUBT, attempt=attempt, due=next_due(attempt, now))


def _proposal_answered(attempt: Attempt, report: Report, raw: str, *, now: datetime) -> None:
    """The provider knows the id that a callback proposed. It is ours unless the answer names another order's callback address."""
    if not is_ours(attempt, report):
        alert = f"A callback proposed {attempt.proposed_id[:80]}, which belongs to another order."
        live(attempt).update(proposed_id="", answer=raw, **alerted(alert))
        note(attempt.job, State.IN_DOUBT, attempt=attempt, due=next_due(attempt, now))
        return
    if not attach(attempt, attempt.proposed_id, now=now):
        note(attempt.job, State.IN_DOUBT, attempt=attempt, due=next_due(attempt, now))
        return
    if report.phase in {Phase.SUCCEEDED, Phase.FAILED}:
        ended(attempt, report, raw, start=State.RENDERING, now=now)


def is_ours(attempt: Attempt, report: Report) -> bool:
    """Whether an answer about a proposed id may be about this attempt: it does not name another order's callback address."""
    return not report.callback_url or token_hash(_token_in(report.callback_url)) == attempt.callback_token_hash


def attach(attempt: Attempt, remote_id: str, *, now: datetime) -> bool:
    """Whether this doubtful attempt is now known to be the provider's `remote_id`, and is watched as such from now on."""
    try:
        with transaction.atomic():
            lock(attempt.job)
            known = {"remote_id": remote_id, "accepted_at": attempt.sent_at or now, "proposed_id": ""}
            if live(attempt).filter(remote_id=None).update(**known, **alerted("")) != 1:
                return False
            if not move(attempt.job, State.IN_DOUBT, State.RENDERING, attempt=attempt, due=now, tries=0, looked_at=None):
                transaction.set_rollback(True)
                return False
    except IntegrityError:  # another attempt has this id
        alert = f"{remote_id[:80]} belongs to another order."
        live(attempt).update(proposed_id="", **alerted(alert))
        return False
    attempt.remote_id, attempt.accepted_at = remote_id, attempt.sent_at or now
    return True


def without_id(attempt: Attempt) -> None:
    """A job that renders and has no id cannot be asked about: it is in doubt, whatever led there."""
    message = "It was accepted, and its id at the provider was lost."
    fields: dict[str, Any] = {"cause": Cause.UNANSWERED, "message": message, "due": timezone.now()}
    if attempt.job.state == State.RENDERING and move(attempt.job, State.RENDERING, State.IN_DOUBT, attempt=attempt, **fields):
        log.error("attempt %s: rendering without an id", attempt.pk)
        attempt.job.state = State.IN_DOUBT


async def search(wire: Wire, provider: Lists, attempt: Attempt) -> Listing:
    """The call that looks for a lost submission in the provider's own list, from the moment of its sending outward."""
    sent, brief = attempt.sent_at or attempt.created_at, brief_of_job(attempt.job)
    near = await wire.find(provider, brief, since=sent - NEAR, until=sent + NEAR)
    if any(_is_called_ours(attempt, one) for one in near.found):
        return near
    whole = await wire.find(provider, brief, since=sent - BEFORE, until=sent + AFTER)
    return replace(whole, requests=near.requests + whole.requests)


async def search_file(wire: Wire, provider: StoresFiles, attempt: Attempt) -> Listing:
    """The call that looks for the clip of a lost submission in the provider's file store, where it would have a name of its own."""
    sent = attempt.sent_at or attempt.created_at
    return await wire.find_file(provider, attempt.stored_as, since=sent - BEFORE)


def searched_file(attempt: Attempt, outcome: Outcome) -> None:
    """Write down what the file store showed. A file is a proof; none is only a hint, because storing can fail and what was refused has none."""
    now = timezone.now()
    if isinstance(outcome, Listing):
        if outcome.file and _found(attempt, outcome.file, now=now):
            return
        if not outcome.file:
            words = f"At {now:%H:%M} UTC the provider’s file store held no clip of it{_as_far_as(outcome)}. That is a hint and no proof."
            live(attempt).update(**alerted(words))
    elif not isinstance(outcome, NotNow):
        log.warning("attempt %s: the provider's file store could not be read: %s", attempt.pk, outcome)
    note(attempt.job, State.IN_DOUBT, attempt=attempt, due=next_due(attempt, now))


def _found(attempt: Attempt, file: StoredFile, *, now: datetime) -> bool:
    """Whether this call took a doubtful attempt out of doubt: the provider has the file that only this submission can have made."""
    fields: dict[str, Any] = {"stored_id": file.file_id, "stored_due": now + TIDY_FIRST, "made_at": now, "accepted_at": attempt.sent_at or now}
    saving: dict[str, Any] = {"due": now, "lease_until": None, "progress": None, "tries": 0}
    with transaction.atomic():
        if not move(attempt.job, State.IN_DOUBT, State.SAVING, attempt=attempt, message=FOUND, **saving):
            return False
        if live(attempt).filter(remote_id=None).update(**fields, proposed_id="", **alerted("")) != 1:
            transaction.set_rollback(True)
            return False
        clip = Clip(job=attempt.job, attempt=attempt, project_id=attempt.job.project_id, position=0)
        Clip.objects.bulk_create([clip], ignore_conflicts=True)
    health.reached(attempt)
    return True


def searched(attempt: Attempt, outcome: Outcome) -> None:
    """Write down what the list showed."""
    now = timezone.now()
    if isinstance(outcome, Listing):
        chosen = _ours(attempt, outcome.found)
        if chosen and attach(attempt, chosen.remote_id, now=now):
            return
        if not chosen:
            live(attempt).update(**alerted(f"At {now:%H:%M} UTC the provider’s own list showed no such order{_as_far_as(outcome)}."))
    elif not isinstance(outcome, NotNow):
        log.warning("attempt %s: the provider's list could not be read: %s", attempt.pk, outcome)
    note(attempt.job, State.IN_DOUBT, attempt=attempt, due=next_due(attempt, now))


def _ours(attempt: Attempt, found: Sequence[Found]) -> Found | None:
    """The one that bears this attempt's callback address; else, of those that bear none and that no attempt has, the nearest in time.

    Orders with the very same brief are interchangeable: whichever of them gets which clip, each is paid once.
    """
    for one in found:
        if _is_called_ours(attempt, one):
            return one
    nameless = [one for one in found if not one.callback_url]
    taken = set(
        Attempt.objects.filter(connection=attempt.connection_id, remote_id__in=[one.remote_id for one in nameless]).values_list(
            "remote_id", flat=True
        )
    )
    sent = attempt.sent_at or attempt.created_at
    free = [one for one in nameless if one.remote_id not in taken]
    return min(free, key=lambda one: abs(one.created_at - sent), default=None)


def _is_called_ours(attempt: Attempt, found: Found) -> bool:
    return bool(found.callback_url) and token_hash(_token_in(found.callback_url)) == attempt.callback_token_hash


def _as_far_as(listing: Listing) -> str:
    """How much of the list was read, where that was not all of the time in question: nobody may take it for a proof then."""
    return "" if listing.is_whole else f" among the {listing.read:,} that were read; it has more, so this proves nothing"


def _token_in(callback_url: str) -> str:
    """The token in one of our callback addresses: its last part."""
    return callback_url.rstrip("/").rpartition("/")[2]


def leave_to_people(attempts: Sequence[Attempt]) -> None:
    """Nobody can be asked about these: they wait for a callback or a person."""
    for attempt in attempts:
        note(attempt.job, State.IN_DOUBT, attempt=attempt, due=None)


# --- what a person says -----------------------------------------------------------------------------------------------------------------------


# Each may name the `attempt` that the person saw: by the time they press, another one may be in doubt.


def release(job: Job, *, by: User, reason: str, attempt: Attempt | None = None) -> None:
    """It was never made: the job has failed, and what was held comes back. Raises CannotResolve."""
    _verdict(job, attempt, Cause.NEVER_MADE, by=by, reason=reason)


def write_off(job: Job, *, by: User, reason: str, attempt: Attempt | None = None) -> None:
    """It may have been made and paid, and is given up: the job has failed, what was held comes back, and the house pays. Raises CannotResolve."""
    _verdict(job, attempt, Cause.WRITTEN_OFF, by=by, reason=reason)


def name(job: Job, remote_id: str, *, by: User, reason: str, attempt: Attempt | None = None) -> None:
    """Here is its id at the provider: it is watched again, and ends as the provider says. Raises CannotResolve."""
    remote_id = remote_id.strip()
    if not remote_id or len(remote_id) > LONGEST_ID or not remote_id.isascii() or not remote_id.isprintable() or " " in remote_id:
        raise CannotResolve("This cannot be an id at a provider. It is one word, such as 4b2cd27e-0b0d-3dec-c31c-7572daf74bb3.")
    attempt = _in_doubt(job, attempt)
    if attempt.remote_id:
        raise CannotResolve(f"{job.code} has an id at the provider already: {attempt.remote_id}.")
    with transaction.atomic():
        if not attach(attempt, remote_id, now=timezone.now()):
            other = Attempt.objects.select_related("job__project").filter(connection=attempt.connection_id, remote_id=remote_id).first()
            whose = f"{other.job.code} has this id." if other else f"{job.code} is not in doubt any more."
            raise CannotResolve(whose)
        _record(job, "named", by=by, reason=reason, after={"state": State.RENDERING.value, "remote_id": remote_id})


def _verdict(job: Job, attempt: Attempt | None, cause: Cause, *, by: User, reason: str) -> None:
    attempt = _in_doubt(job, attempt)
    with transaction.atomic():
        if not finish(job, State.IN_DOUBT, State.FAILED, attempt=attempt, cause=cause, message=f"{by}: {reason}"):
            raise CannotResolve(f"{job.code} is not in doubt any more.")
        late.watch(attempt, since=timezone.now())
        _record(job, cause.value, by=by, reason=reason, after={"state": State.FAILED.value, "returned": attempt.estimate})


def _in_doubt(job: Job, attempt: Attempt | None) -> Attempt:
    """The attempt of this job that is in doubt, and no other than the one that was seen. Raises CannotResolve."""
    found = Attempt.objects.select_related("job__project", "connection").filter(job=job, ended_at=None, job__state=State.IN_DOUBT).first()
    if found is None or (attempt is not None and attempt.pk != found.pk):
        raise CannotResolve(f"{job.code} is not in doubt any more.")
    return found


def _record(job: Job, what: str, *, by: User, reason: str, after: dict[str, object]) -> None:
    before = {"state": State.IN_DOUBT.value, "held": job.estimate}
    AuditEvent.record(f"doubt.{what}", job.code, actor=by, before=before, after=after, reason=reason)
