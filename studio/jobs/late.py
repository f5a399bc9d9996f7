"""Answers that come too late: the attempt that they are for has ended, and its job may live by another one.

They change nothing of the job. Each stays on its own attempt, with an alert (alerts.py). What was made after all is fetched by
rescue.py, at no charge.

| the late answer           | what follows                                                        |
|---------------------------|---------------------------------------------------------------------|
| taken on, with an id      | the id is kept and watched; its clips are fetched                   |
| the same, by the known id | nothing: that is what was known                                     |
| the same, by another id   | an alert that names it, where the try has its clip already          |
| refused                   | kept, with what it says was charged, where the try has no clip      |
| not now, or never reached | kept: nothing was made                                              |
| no answer that tells      | nothing: that is what was known                                     |
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from studio.jobs.hands import Outcome
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, alerted, reported
from studio.jobs.moves import add_alert
from studio.providers.contract import NotNow, Phase, ProviderError, Refused, Report
from studio.providers.wire import Answer

log = logging.getLogger(__name__)
FIRST_LOOK = timedelta(minutes=1)  # after a late acceptance
BY_A_PERSON = (Cause.NEVER_MADE, Cause.WRITTEN_OFF)  # ends that say nothing of what the provider did


def answered(attempt: Attempt, outcome: Outcome, *, now: datetime) -> None:
    """Keep an answer to a submission that the attempt did not wait for. Written twice, or for another submission, it changes nothing."""
    match outcome:
        case Answer(report=report, raw=raw):
            _taken_on(attempt, report, raw, now=now)
        case Refused() as error:
            said = f"After this try had ended, the provider answered that it refused the order: {error.message}"
            known = {} if _has_clips(attempt) else {"answer": error.answer, **reported(error.usage)}
            add_alert(_unanswered(attempt), said, answered_at=now, **known)
        case NotNow() as error:
            said = f"After this try had ended, the provider answered that it had not taken the order: {error.message}"
            known = {} if _has_clips(attempt) else {"answer": error.answer}
            add_alert(_unanswered(attempt), said, answered_at=now, **known)
        case ProviderError() as error:
            known = {} if _has_clips(attempt) else {"answer": error.answer}
            _unanswered(attempt).update(answered_at=now, **known)


def watch(attempt: Attempt, *, since: datetime) -> bool:
    """Whether an attempt that a person ended without knowing what the provider did is asked about from now on: by its id there, a proposed one, or a name."""
    later = Q(rescue_due=None) | Q(rescue_due__gt=since + FIRST_LOOK)
    ended = Attempt.objects.filter(later, pk=attempt.pk, ended_at__isnull=False, cause__in=BY_A_PERSON, clips=None)
    return ended.exclude(remote_id=None, proposed_id="", stored_as="").update(rescue_due=since + FIRST_LOOK, rescue_tries=0, rescue_said="") == 1


def _taken_on(attempt: Attempt, report: Report, raw: str, *, now: datetime) -> None:
    """The provider took it on after all, and will be paid for it by the house."""
    as_known = Q(remote_id=report.remote_id) & ~Q(cause__in=BY_A_PERSON) | Q(remote_id=None, outcome=State.DONE)  # without an id: by its copy
    if _unanswered(attempt).filter(as_known).update(answered_at=now):
        return
    if _has_clips(attempt) and not _unanswered(attempt).filter(Q(remote_id=report.remote_id) | Q(remote_id=None)).exists():
        add_alert(_unanswered(attempt), second(report.remote_id), answered_at=now)
        return
    said = f"After this try had ended, the provider answered that it took the order on as {report.remote_id[:80]}. What it makes is fetched at no charge."
    fields = {"answered_at": now, "answer": raw, "accepted_at": now, "rescue_due": now + FIRST_LOOK, "rescue_tries": 0, **alerted(said)}
    if report.phase is Phase.SUCCEEDED:
        fields["rescue_due"] = now
    try:
        with transaction.atomic():
            kept = _unanswered(attempt).update(remote_id=report.remote_id, **fields)
    except IntegrityError:
        said = f"After this try had ended, the provider answered with an id that belongs to another order: {report.remote_id[:80]}"
        kept = _unanswered(attempt).update(answered_at=now, answer=raw, **alerted(said))
    if kept:
        log.warning("attempt %s: %s", attempt.pk, said)


def second(remote_id: str) -> str:
    """The alert for an order that was taken on by another id than the one whose clip its attempt has."""
    return f"The provider answered that it took the order on as {remote_id[:80]}, and its clip came by another id. Look there for a second clip."


def _has_clips(attempt: Attempt) -> bool:
    """Whether the provider named a clip of this attempt, so that what it said of that is the newer word."""
    return Clip.objects.filter(attempt=attempt).exists()


def _unanswered(attempt: Attempt) -> "QuerySet[Attempt]":
    """The attempt's row if it has ended without an answer to this very submission."""
    return Attempt.objects.filter(pk=attempt.pk, callback_token_hash=attempt.callback_token_hash, answered_at=None, ended_at__isnull=False)
