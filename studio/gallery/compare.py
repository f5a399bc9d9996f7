"""What is different between clips: the settings that were ordered, what came of them, what they cost, and the words of their prompts. Pure, but for `chosen`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from studio.credits.figures import credits_text
from studio.gallery.wall import saved_clips
from studio.jobs.cards import duration
from studio.jobs.models import Clip
from studio.jobs.wanted import uuid_of
from studio.projects.models import Project
from studio.prompts.diff import Fact, Part, compare
from studio.providers.contract import Operation

FEWEST, MOST = 2, 4  # clips beside each other
MOST_NAMED = 40  # keys that an address may hold before it is not read at all


@dataclass(frozen=True, slots=True)
class Value:
    """What one clip has for a fact; `is_other` where it is not what the first one has."""

    text: str
    is_other: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of every clip."""

    what: str
    values: list[Value]
    differs: bool


@dataclass(frozen=True, slots=True)
class Words:
    """How the prompt of one clip became the prompt of another; no parts where it is the same."""

    before: Clip
    after: Clip
    parts: list[Part]


def keys_of(texts: Sequence[str]) -> list[UUID] | None:
    """The clips that an address names, as `a,b` or one by one, each once and in its order; None where one of them is no key."""
    named = [text.strip() for given in texts for text in given.split(",") if text.strip()][:MOST_NAMED]
    keys = [uuid_of(text) for text in named]
    return None if None in keys else list(dict.fromkeys(key for key in keys if key))


def chosen(project: Project, keys: Sequence[UUID]) -> list[Clip] | None:
    """The saved clips of the project with these keys, in this order; None where one of them is not among them. Two queries."""
    clips = saved_clips(project).select_related("decision__person").prefetch_related("job__job_references")
    found = clips.in_bulk(list(keys))
    return [found[key] for key in keys] if len(found) == len(keys) else None


def takes_of(clips: Sequence[Clip]) -> dict[UUID, int]:
    """By attempt, how many clips its charge paid for. One query."""
    counted = Clip.objects.filter(attempt__in={clip.attempt_id for clip in clips}).order_by()
    return dict(counted.values_list("attempt").annotate(Count("pk")))


def rows(clips: Sequence[Clip]) -> list[Row]:
    """Every fact that at least one of them has, those that differ first."""
    takes = takes_of(clips)
    every = [*SETTINGS, *OUTCOMES, ("Price", lambda clip: _price(clip, takes.get(clip.attempt_id, 1)))]
    found = [(what, [read(clip) for clip in clips]) for what, read in every]
    told = [Row(what, [Value(text or "–", text != texts[0]) for text in texts], len(set(texts)) > 1) for what, texts in found if any(texts)]
    return sorted(told, key=lambda row: not row.differs)


def words(clips: Sequence[Clip]) -> list[Words]:
    """From the first prompt to each of the others."""
    first = clips[0]
    return [Words(first, other, [] if first.job.prompt == other.job.prompt else compare(first.job.prompt, other.job.prompt)) for other in clips[1:]]


def changes(before: Clip, after: Clip) -> list[Fact]:
    """The settings that differ between two clips, in words; the prompt alone is not told in full."""
    found = [Fact(what, read(before), read(after)) for what, read in SETTINGS]
    differing = [fact for fact in found if fact.before != fact.after]
    return differing if before.job.prompt == after.job.prompt else [Fact("Prompt", "", ""), *differing]


def _kind(clip: Clip) -> str:
    of = f" of {clip.job.source.code}" if clip.job.source else ""
    return {Operation.EDIT.value: f"Edit{of}", Operation.EXTEND.value: f"Extension{of}"}.get(clip.job.operation, "New clip")


def _made_in(clip: Clip) -> str:
    sent, saved = clip.attempt.sent_at, clip.saved_at
    return duration((saved - sent).total_seconds()) if sent and saved else ""


def _price(clip: Clip, takes: int) -> str:
    if clip.job.charged is None:
        return ""
    about = "about " if clip.job.charge_is_estimate else ""
    return f"{about}{credits_text(clip.job.charged)} credits" + (f" for {takes} clips" if takes > 1 else "")


Read = Callable[[Clip], str]
SETTINGS: tuple[tuple[str, Read], ...] = (
    ("Kind", _kind),
    ("Connection", lambda clip: clip.attempt.connection.label),
    ("Model", lambda clip: clip.job.model),
    ("Mode", lambda clip: clip.job.mode),
    ("Aspect ratio", lambda clip: clip.job.aspect_ratio),
    ("Duration", lambda clip: f"{clip.job.duration} s" if clip.job.duration else ""),
    ("Resolution", lambda clip: clip.job.resolution),
    ("Sound", lambda clip: "none" if clip.job.sound is False else ""),
)
OUTCOMES: tuple[tuple[str, Read], ...] = (
    ("Reference images", lambda clip: str(len(clip.job.job_references.all()))),
    ("Picture", lambda clip: f"{clip.width} × {clip.height}"),
    ("Length", lambda clip: f"{clip.milliseconds / 1000:.2f} s"),
    ("Made in", _made_in),
    ("By", lambda clip: str(clip.job.author)),
)
