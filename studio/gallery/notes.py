"""Notes: a clip's or a project's comments as CSV, for an edit suite or a spreadsheet. One query, read in parts while it is sent."""

from collections.abc import Iterator
from datetime import UTC

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from studio.gallery.models import Comment
from studio.gallery.standing import decision_of
from studio.gallery.timecodes import timecode

COLUMNS = ["project", "clip", "timecode", "seconds", "author", "text", "reply", "resolved", "decision", "said"]
PART = 500  # comments in memory at once


def rows(comments: QuerySet[Comment]) -> Iterator[list[object]]:
    """A line for each of these comments that was not removed: by clip, then by time in it; answers follow what they answer, with its time.

    `seconds` has three decimals; both times are empty for what is about a whole clip. `said` is UTC.
    """
    found = comments.filter(removed_at=None).select_related("clip__job__project", "clip__decision", "author", "reply_to")
    for comment in _in_order(found).iterator(chunk_size=PART):
        yield _cells(comment)


def _in_order(comments: QuerySet[Comment]) -> QuerySet[Comment]:
    """As the viewing room has them, clip by clip."""
    told = comments.annotate(
        top_at=Coalesce("reply_to__milliseconds", "milliseconds"),
        top_said=Coalesce("reply_to__created_at", "created_at"),
        top=Coalesce("reply_to_id", "id"),
    )
    answers_last = F("reply_to_id").asc(nulls_first=True)
    return told.order_by(
        "clip__job__number", "clip__position", "clip_id", F("top_at").asc(nulls_last=True), "top_said", "top", answers_last, "created_at", "pk"
    )


def _cells(comment: Comment) -> list[object]:
    above = comment.reply_to or comment
    at, decision = above.milliseconds, decision_of(comment.clip)
    return [
        comment.clip.job.project.code,
        comment.clip.code,
        timecode(at, comment.clip.frame_rate) if at is not None else "",
        f"{at / 1000:.3f}" if at is not None else "",
        comment.speaker,
        comment.text,
        "yes" if comment.reply_to_id else "no",
        "yes" if above.resolved_at else "no",
        decision.verdict if decision else "",
        comment.created_at.astimezone(UTC).isoformat(timespec="seconds"),
    ]
