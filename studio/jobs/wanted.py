"""A brief in the making: as somebody types it, out of an earlier shot, out of their last order, or about a clip that is to be changed.

Nothing in it is checked; that is the form's part. What a project does not have (images, clips, shots) is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.http import QueryDict

from studio.jobs.models import Clip, Job, Policy, Reference
from studio.jobs.prompting import VALUE, combinations, many_of, values_of, version_of
from studio.jobs.references import MOST_VIDEO_BYTES
from studio.plain_text import lines, one_line
from studio.projects.door import Pass
from studio.prompts.models import PromptVersion
from studio.providers.contract import Brief, Operation
from studio.providers.fitting import takes_clip
from studio.providers.registry import capabilities_of
from studio.routing import track
from studio.routing.choice import STORED, enabled
from studio.routing.models import Connection

MOST_REFERENCES = 20  # what one form may carry; each model says how many it takes
LONGEST = 3600  # seconds
LONGEST_PROMPT = 100_000  # characters; ten times what anybody may order


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants, as typed. `references` are kept images in order, `address` one that is being typed.

    `source` is the clip that is to be edited or extended, as `operation` says; `parent` the shot whose brief this began with.
    `version` is the library's text that it began with, and `values` what was typed for the variables of `prompt`. As a matrix, `many` has several for
    each, and `combinations` says how many prompts they make; `takes` clips are wanted of each.
    """

    prompt: str = ""
    connection: int = 0
    model: str = ""
    mode: str = ""
    aspect_ratio: str = "16:9"
    duration: int | None = 8
    resolution: str = "720p"
    silent: bool = False
    references: tuple[Reference, ...] = ()
    address: str = ""
    operation: Operation = Operation.GENERATE
    source: Clip | None = None
    parent: Job | None = None
    policy: str = Policy.HAND
    version: PromptVersion | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    matrix: bool = False
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    combinations: int = 1
    takes: int = 1

    @property
    def count(self) -> int:
        """How many clips are wanted."""
        return self.takes * self.combinations

    def brief(self) -> Brief:
        """The same as a brief; images and a clip that we keep are marked as such. Without its clip, an edit stays one, and nobody can do it."""
        clip = None if self.operation is Operation.GENERATE else self.source
        return Brief(
            prompt=self.prompt,
            aspect_ratio=self.aspect_ratio,
            duration=self.duration,
            resolution=self.resolution,
            model=self.model,
            mode=self.mode,
            images=tuple(reference.url or STORED for reference in self.references),
            operation=self.operation,
            video=STORED if clip else "",
            video_seconds=clip.milliseconds / 1000 if clip else 0.0,
            sound=False if self.silent else None,
        )


def of_query(entry: Pass, query: QueryDict) -> Wanted:
    """What the composer's own fields say, leniently. One query each for references, clip, shot and the library's text, where they are named."""
    policy, matrix = query.get("policy", ""), bool(query.get("matrix"))
    return Wanted(
        prompt=lines(query.get("prompt", "")),
        connection=_number(query, "connection", digits=9) or 0,
        model=_text(query, "model")[:80],
        mode=_text(query, "mode")[:40],
        aspect_ratio=_text(query, "aspect_ratio")[:8],
        duration=_seconds(query),
        resolution=_text(query, "resolution")[:8],
        silent=bool(query.get("silent")),
        references=references_of(entry, query.getlist("references")),
        address=_text(query, "address")[:2000],
        operation=operation_of(query.get("operation", "")),
        source=clip_of(entry, query.get("source", "")),
        parent=shot_of(entry, _number(query, "parent", digits=9)),
        policy=policy if policy in Policy.values else Policy.HAND.value,
        version=version_of(entry.user, query.get("prompt_version", "")),
        values=values_of(query),
        matrix=matrix,
        many=many_of(query) if matrix else {},
        combinations=_combinations(query) if matrix else 1,
        takes=_takes(query),
    )


def count_in(query: QueryDict) -> int:
    """How many clips the composer's fields want. No query, and nothing is built."""
    return _takes(query) * (_combinations(query) if query.get("matrix") else 1)


def as_fields(wanted: Wanted) -> QueryDict:
    """The composer's fields with this brief in them, as `of_query` reads them."""
    fields = QueryDict(mutable=True)
    plain = ("prompt", "connection", "model", "mode", "aspect_ratio", "resolution", "policy", "takes")
    fields.update({name: str(getattr(wanted, name)) for name in plain})
    fields.update({f"{VALUE}{name}": value for name, value in wanted.values.items()})
    fields.setlist("references", [str(reference.pk) for reference in wanted.references])
    told = {
        "duration": wanted.duration,
        "silent": "1" if wanted.silent else None,
        "operation": wanted.operation.value,
        "source": wanted.source.pk if wanted.source else None,
        "parent": wanted.parent.number if wanted.parent else None,
        "prompt_version": wanted.version.pk if wanted.version else None,
    }
    fields.update({name: str(value) for name, value in told.items() if value is not None})
    return fields


def _takes(query: QueryDict) -> int:
    return max(1, _number(query, "takes", digits=9) or 1)


def _combinations(query: QueryDict) -> int:
    """As the prompt and its values say; the bar asks without both, and says what the server had counted."""
    prompt = lines(query.get("prompt", ""))
    return combinations(prompt, many_of(query)) if prompt else max(1, _number(query, "combinations", digits=18) or 1)


def with_length(wanted: Wanted, length: str) -> Wanted:
    """The same with a stand-in for a prompt of so many characters: what can be done and for how much hangs on its length, never on its words."""
    known = length.isascii() and length.isdecimal() and len(length) <= len(str(LONGEST_PROMPT))
    return replace(wanted, prompt="x" * min(int(length), LONGEST_PROMPT)) if known and not wanted.prompt else wanted


def _text(query: QueryDict, name: str) -> str:
    """A field of one line, without NUL: PostgreSQL takes none, not even to look for it."""
    return one_line(query.get(name, ""))


def _number(query: QueryDict, name: str, *, digits: int) -> int | None:
    given = query.get(name, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= digits else None


def _seconds(query: QueryDict) -> int | None:
    given = _number(query, "duration", digits=5)
    return None if given is None else min(given, LONGEST)


def operation_of(text: str) -> Operation:
    """The operation of that name; a new clip for any other word."""
    return Operation(text) if text in set(Operation) else Operation.GENERATE


def references_of(entry: Pass, keys: Sequence[str]) -> tuple[Reference, ...]:
    """The reference images of this project with these ids, in the given order; unknown ones are left out. One query, none without ids."""
    known = [key for key in map(uuid_of, keys[:MOST_REFERENCES]) if key is not None]
    found = Reference.objects.filter(project=entry.project).in_bulk(known) if known else {}
    return tuple(found[key] for key in known if key in found)


def clip_of(entry: Pass, key: str) -> Clip | None:
    """The clip of this project with that id, which people have. One query, none without an id."""
    known = uuid_of(key)
    clips = Clip.objects.present().filter(project=entry.project).select_related("job__project")
    return clips.filter(pk=known).first() if known else None


def shot_of(entry: Pass, number: int | None) -> Job | None:
    """The job of this project with that number. One query, none without a number."""
    return Job.objects.filter(project=entry.project, number=number).select_related("project").first() if number else None


def uuid_of(text: str) -> UUID | None:
    """The id that a text is; None if it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def of_job(entry: Pass, number: int) -> Wanted | None:
    """The brief of a job of this project, to order it again, changed or not; None if there is no such job. Three queries."""
    related = ("connection", "project", "source__job__project")
    job = Job.objects.filter(project=entry.project, number=number).select_related(*related).first()
    if job is None:
        return None
    places = job.job_references.select_related("reference")
    return replace(
        _settings_of(job),
        prompt=job.prompt,
        references=tuple(place.reference for place in places),
        operation=Operation(job.operation),
        source=job.source if job.source and job.source.is_present else None,
        silent=job.sound is False,
        parent=job,
    )


def of_last(entry: Pass) -> Wanted:
    """The settings of the person's last job here without its prompt, or sensible first ones. Two queries."""
    job = Job.objects.filter(project=entry.project, author=entry.user).select_related("connection").order_by("-number").first()
    return _settings_of(job) if job else Wanted()


def of_clip(entry: Pass, operation: Operation, key: str) -> Wanted | None:
    """To edit or extend a saved clip of this project: where it was made if that is possible there, else where it is; None if there is no such clip.

    The clip's own words are no part of it: what is to be done with it is still to be said. Four queries.
    """
    clip = clip_of(entry, key)
    if clip is None:
        return None
    home = next((row for row in enabled() if row.pk == clip.job.connection_id and _can_change(row, operation)), None)
    return replace(of_last(entry), operation=operation, source=clip, model="", mode="", connection=home.pk if home else 0)


def of_frame(entry: Pass, key: str) -> Wanted | None:
    """A new brief that goes on from a frame of a clip, in that clip's shape; None if this project has no such frame. Three queries."""
    known = uuid_of(key)
    frames = Reference.objects.filter(project=entry.project, clip__isnull=False).select_related("clip__job")
    frame = frames.filter(pk=known).first() if known else None
    if frame is None or frame.clip is None:
        return None
    begun = of_last(entry)
    return replace(begun, references=(frame,), aspect_ratio=frame.clip.job.aspect_ratio or begun.aspect_ratio)


def of_prompt(entry: Pass, version: PromptVersion, query: QueryDict) -> Wanted:
    """A text of the library, with the options that it starts with; all else as the composer that asks has it, or as in the person's last order."""
    begun = of_query(entry, query) if "connection" in query else of_last(entry)
    starts = {name: value for name in ("aspect_ratio", "duration", "resolution") if (value := getattr(version, name))}
    return replace(begun, **starts, prompt=version.text, silent=version.silent or begun.silent, version=version, values={}, parent=None)


def changes_of(clip: Clip) -> set[Operation]:
    """What can be done with a saved clip: those of edit and extend that a connection can do at its length. One query."""
    if clip.bytes > MOST_VIDEO_BYTES:
        return set()
    models = [can for row in enabled() for can in capabilities_of(row.provider, row.dialect)]
    return {
        operation for operation in (Operation.EDIT, Operation.EXTEND) if any(takes_clip(can, operation, clip.milliseconds / 1000) for can in models)
    }


def _can_change(connection: Connection, operation: Operation) -> bool:
    """Whether a model of this connection edits or extends clips."""
    models = capabilities_of(connection.provider, connection.dialect)
    return any((can.edits_up_to if operation is Operation.EDIT else can.extends) is not None for can in models)


def _settings_of(job: Job) -> Wanted:
    """A job's choices as its author made them, wherever its policy led it since; without prompt, images and clip. One query.

    Its connection only while it takes orders; options that its model did not have stay as usual.
    """
    usual = Wanted()
    first = job.attempts.select_related("connection").order_by("created_at").first()
    home, model = (first.connection, track.model_of(first.kind)) if first and first.kind else (job.connection, job.model)
    kept = {name: job.wish.get(name) or getattr(job, name) or getattr(usual, name) for name in ("aspect_ratio", "duration", "resolution", "mode")}
    return replace(usual, connection=home.pk if home.enabled else 0, model=model, policy=job.policy, **kept)
