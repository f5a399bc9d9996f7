"""Orders one short clip through connections, as a person would, and waits for what comes of it."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from studio.accounts.models import User
from studio.credits.figures import credits_text
from studio.credits.ledger import LedgerError
from studio.jobs.actions import CannotDo, Order, order
from studio.jobs.lifecycle import State, is_final
from studio.jobs.models import Attempt, Job
from studio.projects.models import Project
from studio.providers.contract import Brief, Capability
from studio.providers.registry import capabilities_of
from studio.routing.models import Connection

PROMPT = "A paper boat on a still pond at dawn, slow push in, soft mist"
PAUSE = 0.5  # seconds between looks at the database


@dataclass(frozen=True, slots=True)
class Trial:
    """One connection's clip: the job as it stands, or why there is none. `seconds` is how long it took, None while it runs."""

    connection: Connection
    job: Job | None
    trouble: str = ""
    seconds: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.job is None or is_final(State(self.job.state)) or self.job.state == State.IN_DOUBT

    @property
    def is_good(self) -> bool:
        """Whether the clip is ours."""
        return self.job is not None and self.job.state == State.DONE


def shortest(can: Capability) -> Brief:
    """The smallest brief that this model takes without a reference image."""
    ratio = "16:9" if "16:9" in can.aspect_ratios else next(iter(can.aspect_ratios), "")
    return Brief(
        prompt=PROMPT,
        aspect_ratio=ratio,
        duration=can.durations[0] if can.durations else None,
        resolution=next(iter(can.resolutions), ""),
        model=can.model,
        mode=next(iter(can.modes), ""),
    )


def start(connection: Connection, *, author: User, project: Project) -> Trial:
    """A trial with its job ordered, or with what stood in the way."""
    can = next((can for can in capabilities_of(connection.provider, connection.dialect) if can.images[0] == 0), None)
    if can is None:
        return Trial(connection, None, "no model of it works without a reference image")
    try:
        return Trial(
            connection, order(author=author, project=project, what=Order(connection=connection, brief=shortest(can)), order_key=uuid.uuid4())
        )
    except (CannotDo, LedgerError) as error:
        return Trial(connection, None, str(error))


def until(trouble: Callable[[], str], *, seconds: float, sleep: Callable[[float], None] = time.sleep) -> str:
    """An empty string as soon as there is no trouble; what it still is when the time is up."""
    began = time.monotonic()
    while (words := trouble()) and time.monotonic() - began < seconds:
        sleep(PAUSE)
    return words


def watch(trials: Sequence[Trial], *, seconds: float, sleep: Callable[[float], None] = time.sleep) -> list[Trial]:
    """The trials when all are over, or when the time is."""
    began = time.monotonic()
    standing = list(trials)
    while True:
        past = time.monotonic() - began
        standing = [trial if trial.is_over and trial.seconds is not None else looked(trial, past) for trial in standing]
        if all(trial.is_over for trial in standing) or past > seconds:
            return standing
        sleep(PAUSE)


def looked(trial: Trial, past: float) -> Trial:
    """The trial as it stands now, `past` seconds after its order."""
    if trial.job is None:
        return trial
    job = Job.objects.select_related("project", "connection").get(pk=trial.job.pk)
    fresh = Trial(trial.connection, job)
    return Trial(trial.connection, job, job.message, past) if fresh.is_over else fresh


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """Lines for a terminal: connection, shot code, state, seconds, reported usage, charge, and what went wrong."""
    yield f"{'connection':28} {'clip':10} {'state':10} {'seconds':>8}  {'reported usage':30} {'charge':>12}"
    for trial in trials:
        code, state = (trial.job.code, trial.job.state) if trial.job else ("–", "refused")
        took = f"{trial.seconds:.1f}" if trial.seconds is not None else "–"
        line = f"{trial.connection.label:28} {code:10} {state:10} {took:>8}  {_usage(trial.job):30} {_charge(trial.job):>12}"
        yield line + (f"  {trial.trouble}" if trial.trouble else "")


def _usage(job: Job | None) -> str:
    attempt = Attempt.objects.filter(job=job).order_by("-created_at").first() if job else None
    return f"{attempt.usage_amount} {attempt.usage_unit}" if attempt and attempt.usage_amount else "none reported"


def _charge(job: Job | None) -> str:
    if job is None or job.charged is None:
        return "–"
    return f"{credits_text(job.charged)}{' est.' if job.charge_is_estimate else ''}"
