"""What a look found, and what follows from it: over, still rendering, no answer, or silent for too long."""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Case, DateTimeField, Value, When
from django.utils import timezone

from studio.jobs import doubt
from studio.jobs.hands import Outcome, breathe
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job
from studio.jobs.moves import live, move, note, open_alert, put_off
from studio.jobs.sending import LONGEST_REST, MOST_TRIES, ended, rest
from studio.jobs.timing import looks_of, usual_of
from studio.jobs.watching import after_trouble, is_overdue, next_look
from studio.providers.contract import NotNow, Phase, ProviderError, Report
from studio.providers.wire import Answer

log = logging.getLogger(__name__)
NOTABLE_TRIES = 3  # looks in a row without an answer before the card says so
LOOKS_AT_AN_END = 4  # at a job that seems to be over, some 15 s: its word and its clip may come one after the other
UNFORESEEN = timedelta(seconds=30)
MANY = 50  # rows that one statement puts off: more would keep others from writing for too long


@dataclass(slots=True)
class Later:
    """Jobs whose look found nothing new, put off together: one statement for fifty instead of fifty. One that is never written comes due by itself."""

    dues: dict[Attempt, datetime] = field(default_factory=dict)
    count: int = 0  # ever added

    def add(self, attempt: Attempt, due: datetime) -> None:
        """Look at its job again then."""
        self.dues[attempt] = due
        self.count += 1

    def write_when_many(self) -> None:
        """Write them down if they are worth a statement."""
        if len(self.dues) >= MANY:
            self.write()

    def write(self) -> None:
        """Write them down. Only jobs that still render by these attempts are put off."""
        while self.dues:
            some = {attempt: self.dues.pop(attempt) for attempt in list(self.dues)[:MANY]}
            when = [When(pk=attempt.job_id, then=Value(due, output_field=DateTimeField())) for attempt, due in some.items()]
            mine = Attempt.objects.filter(pk__in=[attempt.pk for attempt in some], ended_at=None)
            jobs = Job.objects.filter(pk__in=mine.values("job"), state=State.RENDERING)
            jobs.update(due=Case(*when, output_field=DateTimeField()), looked_at=timezone.now(), tries=0)
            breathe()


def looked(attempt: Attempt, outcome: Outcome, *, later: Later, worth: float = 1.0) -> None:
    """Write down what one look found: a report with its raw answer, or whatever was raised. `worth` is how many looks one request buys."""
    job, now = attempt.job, timezone.now()
    if job.state == State.IN_DOUBT:
        doubt.looked(attempt, outcome, now=now)
        return
    match outcome:
        case Answer(report=Report(phase=Phase.SUCCEEDED | Phase.FAILED) as report, raw=raw):
            ended(attempt, report, raw, start=State.RENDERING, now=now)
            return
        case Answer(report=Report(seems_over=True) as report, raw=raw):
            _seems_over(attempt, report, raw, now=now)
            return
        case Answer(report=report, raw=raw):
            _still_rendering(attempt, report, raw, later=later, worth=worth, now=now)
        case ProviderError() as error:
            _no_answer(attempt, error, now=now)
        case error:
            _log_unforeseen(attempt, error)
            put_off(job, State.RENDERING, due=now + UNFORESEEN, attempt=attempt)
    _doubt_if_overdue(attempt, now)


def looked_at_many(attempts: Sequence[Attempt], outcome: Outcome, *, later: Later, worth: float) -> None:
    """The same for one answer about many. A job that it does not speak of was not answered."""
    silent = NotNow("The provider's answer did not speak of this job.")
    for attempt in attempts:
        found = outcome.get(attempt.remote_id or "", silent) if isinstance(outcome, dict) else outcome
        looked(attempt, found, later=later, worth=worth)


def cannot_ask(attempt: Attempt, why: str, *, until: datetime, now: datetime) -> None:
    """Nobody can be asked at present: the card says why."""
    job = attempt.job
    if job.state == State.IN_DOUBT:
        put_off(job, State.IN_DOUBT, due=until, attempt=attempt)
        return
    note(job, State.RENDERING, attempt=attempt, due=until, message=why)
    _doubt_if_overdue(attempt, now)


def _still_rendering(attempt: Attempt, report: Report, raw: str, *, later: Later, worth: float, now: datetime) -> None:
    job = attempt.job
    ages = looks_of(attempt, worth=worth)
    due = now + timedelta(seconds=next_look(_age(attempt, now), ages, chance=random.random()))  # noqa: S311 - jitter
    if report.alert:
        log.warning("attempt %s: %s", attempt.pk, report.alert)
        open_alert(attempt, report.alert, answer=raw)
    if (job.progress, job.message) != (report.progress, ""):
        fields = {"progress": report.progress, "message": "", "cause": "", "due": due, "looked_at": now, "tries": 0}
        note(job, State.RENDERING, attempt=attempt, **fields)
    else:
        later.add(attempt, due)


def _seems_over(attempt: Attempt, report: Report, raw: str, *, now: datetime) -> None:
    """It says that it is over and names no clip, or names one and says that it runs: a few looks more, and then the clip is taken, or it is in doubt."""
    job, tries = attempt.job, min(MOST_TRIES, attempt.job.tries + 1)
    log.warning("attempt %s: %s", attempt.pk, report.alert)
    open_alert(attempt, report.alert, answer=raw)
    if tries < LOOKS_AT_AN_END:
        soon = now + timedelta(seconds=after_trouble(tries, chance=random.random()))  # noqa: S311 - jitter
        fields = {"progress": report.progress, "message": report.alert[:500], "due": soon, "looked_at": now, "tries": tries}
        note(job, State.RENDERING, attempt=attempt, **fields)
    elif report.videos:
        ended(attempt, report.taken_as_made(), raw, start=State.RENDERING, now=now)
    else:
        due, why = doubt.next_due(attempt, now), report.alert
        move(job, State.RENDERING, State.IN_DOUBT, attempt=attempt, cause=Cause.NO_CLIP_NAMED, message=why, due=due, tries=0)


def _no_answer(attempt: Attempt, error: ProviderError, *, now: datetime) -> None:
    job = attempt.job
    tries = min(MOST_TRIES, job.tries + 1)
    wait = after_trouble(tries, chance=random.random())  # noqa: S311 - jitter
    if isinstance(error, NotNow) and error.retry_after is not None:
        asked = min(LONGEST_REST, error.retry_after)
        wait = max(wait, asked)
        rest(job.connection_id, until=now + timedelta(seconds=asked))
    due = now + timedelta(seconds=wait)
    if tries == NOTABLE_TRIES:
        live(attempt).update(answer=error.answer)
        message = f"We are waiting for the provider to answer: {error.message}"[:500]
        note(job, State.RENDERING, attempt=attempt, due=due, tries=tries, message=message)
    else:
        put_off(job, State.RENDERING, due=due, attempt=attempt, tries=tries)


def _doubt_if_overdue(attempt: Attempt, now: datetime) -> None:
    age = _age(attempt, now)
    if is_overdue(age, usual_of(attempt)):
        message = f"No result after {round(age / 60)} min. The provider may still finish it."
        due = doubt.next_due(attempt, now)
        move(attempt.job, State.RENDERING, State.IN_DOUBT, attempt=attempt, cause=Cause.OVERDUE, message=message, due=due)


def _age(attempt: Attempt, now: datetime) -> float:
    """Seconds since the provider took it."""
    return (now - (attempt.accepted_at or now)).total_seconds()


def _log_unforeseen(attempt: Attempt, outcome: Outcome) -> None:
    error = outcome if isinstance(outcome, BaseException) else None
    log.error("attempt %s: unforeseen while looking", attempt.pk, exc_info=error)
