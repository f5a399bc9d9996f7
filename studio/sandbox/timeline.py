"""Where a played job stands at a given time: pure, computed from the row and the clock, so that nothing runs in between.

The shape is that of a recorded live run at xAI (10 August 2026), scaled: progress stays at 1 for about 85 % of the time, then jumps.

    0 ───────── 0.15 ─────────────────────── 0.85 ── 0.90 ── 0.95 ── 1
      queued          running, progress 1       18      56      94    done, once its file is drawn
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from studio.sandbox.models import Kind, RemoteJob

USUAL = timedelta(seconds=6)  # a whole render at speed 1
QUEUED_UNTIL = 0.15
JUMPS = ((0.95, 94), (0.90, 56), (0.85, 18))


class Stage(StrEnum):
    """Where a job stands, in the sandbox's words; each provider's file has the table of its own words."""

    QUEUED = "queued"
    RUNNING = "running"
    STRANGE = "strange"  # running, under a status word that no document knows
    DONE = "done"
    FAILED = "failed"
    MODERATED = "moderated"


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage and the provider's own progress, 0 to 100."""

    stage: Stage
    progress: int

    @property
    def is_final(self) -> bool:
        """Whether it stays so."""
        return self.stage in {Stage.DONE, Stage.FAILED, Stage.MODERATED}


def making(remote_id: str, speed: float) -> timedelta:
    """How long this job takes: six seconds give or take 10 %, always the same for one id, divided by the speed."""
    share = int(hashlib.sha256(remote_id.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return USUAL * (0.9 + 0.2 * share) / speed


def standing(job: RemoteJob, now: datetime) -> Standing:
    """Where the job stands at `now` (aware, UTC)."""
    passed = (now - job.created_at) / job.making
    if passed < QUEUED_UNTIL:
        return Standing(Stage.QUEUED, 0)
    if job.has(Kind.NEVER):
        return Standing(Stage.RUNNING, 1)
    if passed < 1 or (job.makes_videos and job.rendered_at is None):
        running = Stage.STRANGE if job.has(Kind.UNKNOWN_STATUS) else Stage.RUNNING
        return Standing(running, next((progress for share, progress in JUMPS if passed >= share), 1))
    if job.has(Kind.MODERATION_RESULT):
        return Standing(Stage.MODERATED, 100)
    if job.has(Kind.FAILURE):
        return Standing(Stage.FAILED, 0)
    return Standing(Stage.DONE, 100)
