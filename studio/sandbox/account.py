"""What the played providers received and delivered, for whoever must prove that nothing was asked for twice and nothing was lost. Only reads.

A test in another process asks for it as one JSON text:

    manage.py shell -v 0 -c "from studio.sandbox import account; print(account.as_json())"

    {"submissions": [{"provider", "at", "ending", "status", "remote_id", "names"}, …], "delivered": {remote id: videos, …}}

A client names an attempt in the callback URL, in `user`, or where a provider has neither (GrokImagine) in the prompt.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from studio.sandbox.models import BARREN, Kind, RemoteJob, TurnedAway

NAMING = ("hook_url", "callback_url", "user", "prompt")  # the fields of a request that can name an attempt


class Ending(StrEnum):
    """What came of one submission that arrived. The first two made a job, which is paid; the others made nothing."""

    ACCEPTED = "accepted"  # and answered
    LOST = "lost"  # accepted, and the answer got lost
    REFUSED = "refused"  # answered with something else than an id
    RESET = "reset"  # the connection was dropped before anything was made


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission that arrived. `status` is that of the answer as it was sent, 0 where there was none; `remote_id` is empty when nothing was made."""

    provider: str
    at: datetime
    ending: Ending
    status: int
    remote_id: str
    names: tuple[str, ...]

    @property
    def is_paid(self) -> bool:
        """Whether a job was made."""
        return self.ending in {Ending.ACCEPTED, Ending.LOST}


def submissions(*, naming: str = "") -> list[Submission]:
    """Every submission that arrived, oldest first; with `naming` those that carry this text in a field that can name an attempt. Two queries."""
    jobs = RemoteJob.objects.values_list("provider", "created_at", "answer_fault", "remote_id", "request")
    made = [
        Submission(provider, at, Ending.LOST if met == Kind.LOST_ANSWER else Ending.ACCEPTED, 200, remote_id, _names(request))
        for provider, at, met, remote_id, request in jobs
    ]
    away = TurnedAway.objects.values_list("provider", "at", "kind", "status", "request")
    not_made = [
        Submission(provider, at, Ending.RESET if met == Kind.RESET else Ending.REFUSED, status, "", _names(request))
        for provider, at, met, status, request in away
    ]
    named = [one for one in made + not_made if not naming or any(naming in name for name in one.names)]
    return sorted(named, key=lambda one: one.at)


def _names(request: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(value for name in NAMING if isinstance(value := request.get(name), str) and value)


def delivered(job: RemoteJob) -> int:
    """How many of a job's videos can be downloaded whole once it is through. A success that is taken back leaves its videos where they are."""
    return 0 if job.outcome_fault in BARREN or job.link_fault not in {"", Kind.STORAGE_ERROR} else job.takes


def deliveries() -> dict[str, int]:
    """The same for every job, by its id. One query."""
    return {job.remote_id: delivered(job) for job in RemoteJob.objects.only("remote_id", "outcome_fault", "link_fault", "takes")}


def as_json() -> str:
    """All of it as one JSON text; times are ISO 8601."""
    return json.dumps({"submissions": [asdict(one) for one in submissions()], "delivered": deliveries()}, default=datetime.isoformat)
