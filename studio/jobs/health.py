"""What each outcome says about the health of a connection: a table, and the few writes that follow from it.

| what happened                                   | what it says                                             |
|-------------------------------------------------|----------------------------------------------------------|
| it took the order                               | the connection works                                     |
| our key refused, our balance there used up      | the connection is ill, at once; admins must mend it      |
| never reached, or sent and not answered         | the connection is ill, after some in a row               |
| it failed, or its filter was down, or its result expired | that model is ill there, after some in a row    |
| our account there may not do it                 | nothing is ill; such orders are known not to succeed     |
| a clip                                          | both work                                                |
| the filter's or the brief's refusal, "not now"  | nothing                                                  |
"""

from datetime import datetime

from studio.jobs.alarms import raise_alarm
from studio.jobs.charging import charge_for_clip, expected_of
from studio.jobs.models import Attempt, Job
from studio.providers.contract import Cause, Phase, Report
from studio.routing import breaker, track
from studio.routing.prices import Rate

OF_CONNECTION = frozenset({Cause.WRONG_KEY, Cause.OUT_OF_BALANCE})
OF_MODEL = frozenset({Cause.PROVIDER_FAILED, Cause.EXPIRED})
UNSUCCESSFUL = OF_MODEL | {Cause.NOT_PERMITTED}
ASSUMED = 0.9  # of the time until our first look: what was over by then had been over for a while


def reached(attempt: Attempt) -> None:
    """It took the order."""
    breaker.well(attempt.connection, breaker.WHOLE)


def turned_down(attempt: Attempt, cause: Cause, message: str) -> None:
    """It said no to an order."""
    if cause in OF_CONNECTION:
        _needs_an_admin(attempt, cause, message)
    elif cause in OF_MODEL:  # such as a filter that is down, without which nothing is made
        breaker.ill(attempt.connection, attempt.job.model, cause=cause, message=message)
    if cause in UNSUCCESSFUL and attempt.sent_at:
        track.record(attempt.connection_id, attempt.kind, track.Sample(attempt.sent_at.timestamp(), track.FAILED))


def _needs_an_admin(attempt: Attempt, cause: Cause, message: str) -> None:
    if breaker.ill(attempt.connection, breaker.WHOLE, cause=cause, message=message):
        raise_alarm(attempt.connection_id)


def unreached(attempt: Attempt, message: str) -> None:
    """It was never reached."""
    breaker.ill(attempt.connection, breaker.WHOLE, cause="unreached", message=message)


def unanswered(attempt: Attempt, message: str) -> None:
    """It was sent an order and gave no answer that could be understood."""
    breaker.ill(attempt.connection, breaker.WHOLE, cause="unanswered", message=message)
    if attempt.sent_at:
        track.record(attempt.connection_id, attempt.kind, track.Sample(attempt.sent_at.timestamp(), track.DOUBT))


def over(attempt: Attempt, job: Job, report: Report, rate: Rate | None, *, now: datetime) -> None:
    """It ended at the provider: remember how, how long it took, and how the charge compares with what the price book said."""
    if report.phase is Phase.FAILED:
        _failed(attempt, job, report, now=now)
        return
    breaker.well(attempt.connection, breaker.WHOLE)
    breaker.well(attempt.connection, job.model)
    charge = charge_for_clip(report.usage, rate, **expected_of(attempt))
    ratio = charge.millicredits / attempt.quoted if attempt.price and attempt.quoted and not charge.is_estimate else None
    sample = track.Sample(now.timestamp(), track.DONE, seconds=took(attempt, job, now), ratio=ratio, price=attempt.price)
    track.record(attempt.connection_id, attempt.kind, sample)


def took(attempt: Attempt, job: Job, now: datetime) -> float | None:
    """Seconds from acceptance to the end, which lies between the last look that found it rendering and this one; exact where a callback told it."""
    if attempt.accepted_at is None:
        return None
    until_now = (now - attempt.accepted_at).total_seconds()
    if attempt.called_at is not None and (job.looked_at is None or attempt.called_at > job.looked_at):  # an earlier one was no end
        return min(until_now, max(0.0, (attempt.called_at - attempt.accepted_at).total_seconds()))
    if job.looked_at is None or job.looked_at < attempt.accepted_at:
        return until_now * ASSUMED
    return until_now - (now - job.looked_at).total_seconds() / 2


def _failed(attempt: Attempt, job: Job, report: Report, *, now: datetime) -> None:
    cause = report.cause or Cause.PROVIDER_FAILED
    if cause is Cause.MODERATED:
        track.record(attempt.connection_id, attempt.kind, track.Sample(now.timestamp(), track.MODERATED))
        return
    if cause in OF_CONNECTION:
        _needs_an_admin(attempt, cause, report.message)
    elif cause in OF_MODEL:
        breaker.ill(attempt.connection, job.model, cause=cause, message=report.message)
    if cause in UNSUCCESSFUL:
        track.record(attempt.connection_id, attempt.kind, track.Sample(now.timestamp(), track.FAILED))
