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

# A whole render at speed 1: six seconds for the usual clip (8 s, 720p), twelve for the longest (30 s, 1080p), give or take 10 %.
LEAST = timedelta(seconds=4.4)
PER_SECOND = timedelta(seconds=0.2)
BY_RESOLUTION = {"480p": 0.85, "720p": 1.0, "1080p": 1.15}
QUEUED_UNTIL = 0.15
JUMPS = ((0.95, 94), (0.90, 56), (0.85, 18))
REGRET = 0.5  # of its whole time after which a success is taken back


class Stage(StrEnum):
    """Where a job stands, in the sandbox's words; each provider's file has the table of its own words."""

    QUEUED = "queued"
    RUNNING = "running"
    STRANGE = "strange"  # running, under a status word that no document knows
    DONE = "done"
    FAILED = "failed"
    MODERATED = "moderated"
    EXPIRED = "expired"  # made, and not available any more


ENDS = {Kind.MODERATION_RESULT: Stage.MODERATED, Kind.FAILURE: Stage.FAILED, Kind.EXPIRED: Stage.EXPIRED}


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage and the provider's own progress, 0 to 100."""

    stage: Stage
    progress: int

    @property
    def is_final(self) -> bool:
        """Whether it stays so; only a success that is taken back does not."""
        return self.stage in {Stage.DONE, Stage.FAILED, Stage.MODERATED, Stage.EXPIRED}


def making(remote_id: str, *, seconds: int, resolution: str, speed: float) -> timedelta:
    """How long a job takes: longer for a longer clip and for more pixels, always the same for one id, divided by the speed."""
    share = int(hashlib.sha256(remote_id.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return (LEAST + PER_SECOND * seconds) * BY_RESOLUTION[resolution] * (0.9 + 0.2 * share) / speed


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
    if job.has(Kind.TAKEN_BACK) and now - max(job.ends_at, job.rendered_at or job.ends_at) > job.making * REGRET:
        return Standing(Stage.FAILED, 0)
    end = next((stage for kind, stage in ENDS.items() if job.has(kind)), Stage.DONE)
    return Standing(end, 0 if end == Stage.FAILED else 100)
