"""Which connection comes next: the person's policy over what can do the brief, and what follows when an attempt verifiably failed."""

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction

from studio.credits.figures import credits_text
from studio.credits.ledger import CannotHold, Insufficient
from studio.jobs import batch_line
from studio.jobs.charging import Charge
from studio.jobs.lifecycle import State, may_move
from studio.jobs.models import Attempt, Cause, Clip, Job, Policy
from studio.jobs.moves import finish, try_again
from studio.jobs.timing import usual_in
from studio.providers.contract import Brief, Operation
from studio.routing import track
from studio.routing.breaker import WHOLE, open_ones
from studio.routing.choice import STORED, Option, enabled, options
from studio.routing.track import Tracks

# After these a policy may try another connection. Never after the filter's no: other words, not other doors.
ELSEWHERE = frozenset({Cause.PROVIDER_FAILED, Cause.OUT_OF_BALANCE, Cause.WRONG_KEY, Cause.EXPIRED, Cause.INPUT_REFUSED, Cause.NOT_PERMITTED})
UNTRIED = 0.5  # the success rate of a connection that nobody knows


def ranked(found: Sequence[Option], policy: str, tracks: Tracks) -> list[Option]:
    """The options that can do the brief, at a known price, best first by the policy. Ties go to the cheaper one."""
    able = [option for option in found if option.possible and option.has_price]

    def worth(option: Option) -> tuple[float, int, int]:
        price, place = option.millicredits, option.connection.position
        match policy:
            case Policy.FASTEST:
                return (option.usual_seconds, price, place)
            case Policy.RELIABLE:
                rate = track.success_rate(tracks.of(option.connection.pk, track.whole_kind(option.brief)))
                return (-(UNTRIED if rate is None else rate), price, place)
            case Policy.ORDERED:
                return (place, price, place)
            case _:
                return (price, place, place)

    return sorted(able, key=worth)


def elsewhere(job: Job) -> Option | None:
    """Where the job's policy would try it next: a connection that it has not tried, that is well, and real as the first was real. Five queries."""
    if job.policy == Policy.HAND:
        return None
    tried = set(Attempt.objects.filter(job=job).values_list("connection_id", flat=True))
    others = [row for row in enabled() if row.pk not in tried and row.sandbox == job.connection.sandbox]
    tracks = track.read({row.pk for row in others})
    ill = open_ones({row.pk for row in others})
    found = options(wish_of(job), others, tracks=tracks, usual=usual_in(tracks))
    return next(iter(ranked(healthy(found, ill), job.policy, tracks)), None)


def healthy(found: Iterable[Option], ill: Collection[tuple[int, str]]) -> list[Option]:
    """The options that no breaker has paused. `ill` holds connections with a model, or with WHOLE."""
    return [option for option in found if not {(option.connection.pk, WHOLE), (option.connection.pk, option.can.model)} & set(ill)]


def wish_of(job: Job) -> Brief:
    """What the person wanted, before it was fitted to a connection; without a model, which belongs to one."""
    references = [place.reference for place in job.job_references.select_related("reference")]
    wish = {name: job.wish.get(name, getattr(job, name)) for name in ("aspect_ratio", "duration", "resolution", "mode", "sound")}
    source: Clip | None = job.source
    return Brief(
        prompt=job.prompt,
        images=tuple(reference.url or STORED for reference in references),
        operation=Operation(job.operation),
        video=STORED if source else "",
        video_seconds=source.milliseconds / 1000 if source else 0.0,
        **wish,
    )


def give_up(attempt: Attempt, start: State, *, charge: Charge, cause: str, message: str) -> bool:
    """Whether this call ended an attempt that verifiably failed: another one follows where the policy has one, else the job has failed."""
    job = attempt.job
    if cause in ELSEWHERE and may_move(start, State.QUEUED) and (option := elsewhere(job)):
        try:
            with transaction.atomic():
                if won := try_again(job, start, option, payer=attempt.paid_by, attempt=attempt, charge=charge, cause=cause, message=message):
                    batch_line.follow(job)
                return won
        except CannotHold as lack:
            why = f"{credits_text(lack.missing)} credits are missing." if isinstance(lack, Insufficient) else str(lack)
            message = f"{message} {option.connection.label} was not tried: {why}".strip()
    return finish(job, start, State.FAILED, attempt=attempt, charge=charge, cause=cause, message=message)
