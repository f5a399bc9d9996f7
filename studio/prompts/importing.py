"""Taking prompts in from a file: every row is judged, the good ones wait for their person's word, and are kept once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from studio.accounts.actions import CannotDo
from studio.accounts.models import AuditEvent, User
from studio.plain_text import one_line
from studio.projects.models import Project
from studio.prompts import carrying
from studio.prompts.actions import searched
from studio.prompts.carrying import Row
from studio.prompts.contents import Content, problems
from studio.prompts.door import LARGEST, projects_for
from studio.prompts.forms import tags_of
from studio.prompts.models import (
    LABEL_LENGTH,
    NAME_LENGTH,
    NOTE_LENGTH,
    Prompt,
    PromptImport,
    PromptLabel,
    PromptTag,
    PromptVersion,
    Scope,
    UndecidedFile,
)

AT_ONCE = 500  # rows written with one statement
YES, NO = {"yes", "true", "1", "x", "on"}, {"", "no", "false", "0", "none", "off"}
OPEN_WHERE = {"": Scope.PRIVATE, "private": Scope.PRIVATE, "only me": Scope.PRIVATE, "team": Scope.TEAM, "the team": Scope.TEAM}


class Wrong(ValueError):
    """A row cannot be taken. Its text is the reason, a sentence."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that is left out."""

    line: str
    reason: str


@dataclass(slots=True)
class Judged:
    """The prompts that can be kept, as tables that JSON can hold, and the rows that cannot."""

    prompts: list[dict[str, Any]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)

    @property
    def versions(self) -> int:
        """How many versions the prompts have together."""
        return sum(len(prompt["versions"]) for prompt in self.prompts)


def judge(rows: Iterable[Row], user: User) -> Judged:
    """The rows, sorted into good and bad; the good ones prompt by prompt, in the order of the file. One query."""
    codes = set(projects_for(user).values_list("code", flat=True))
    judged = Judged()
    groups: dict[object, dict[str, Any]] = {}
    for turn, row in enumerate(rows):
        try:
            version, facts = version_of(row), facts_of(row, codes)
        except Wrong as wrong:
            judged.bad.append(Bad(str(row["line"]), str(wrong)))
            continue
        key = str(row.get("id") or "").strip() or turn
        prompt = groups.get(key)
        if prompt is None:
            prompt = groups[key] = {**facts, "versions": []}
            judged.prompts.append(prompt)
        prompt["versions"].append(version)
    return judged


def version_of(row: Row) -> dict[str, Any]:
    """The version that a row says. Raises Wrong."""
    if row.get("wrong"):
        raise Wrong(str(row["wrong"]))
    defaults, choices = carrying.table(row.get("defaults")), carrying.table(row.get("choices"))
    if defaults is None or choices is None:
        raise Wrong('Its defaults or choices cannot be read; write them as JSON: {"subject": "a bottle"}.')
    content = Content(
        text=_text(row, "text"),
        defaults={name: str(value) for name, value in defaults.items()},
        choices={name: list(map(str, values)) if isinstance(values, list) else [str(values)] for name, values in choices.items()},
        aspect_ratio=_text(row, "aspect_ratio").strip(),
        duration=whole_of(row, "duration"),
        resolution=_text(row, "resolution").strip(),
        silent=flag_of(row, "silent"),
    ).tidied()
    if wrong := problems(content):
        raise Wrong(" ".join(sentence for sentences in wrong.values() for sentence in sentences))
    note = one_line(_text(row, "note"))
    if len(note) > NOTE_LENGTH:
        raise Wrong(f"Its note has {len(note)} characters; it can have {NOTE_LENGTH}.")
    labels = [one_line(label).casefold() for label in carrying.words(row.get("labels"))]
    if any(len(label) > LABEL_LENGTH for label in labels):
        raise Wrong(f"A label can have {LABEL_LENGTH} characters.")
    return {**asdict(content), "note": note, "labels": [label for label in labels if label]}


def facts_of(row: Row, codes: set[str]) -> dict[str, Any]:
    """What a row says about its prompt; without a name, the first words of its text. Raises Wrong."""
    name = one_line(_text(row, "name")) or one_line(_text(row, "text"))[:60].rstrip()
    if len(name) > NAME_LENGTH:
        raise Wrong(f"Its name has {len(name)} characters; it can have {NAME_LENGTH}.")
    try:
        tags = tags_of(",".join(carrying.words(row.get("tags"))))
    except ValidationError as error:
        raise Wrong(" ".join(error.messages)) from error
    where = _text(row, "where").strip()
    scope, code = OPEN_WHERE.get(where.casefold()), ""
    if scope is None:
        scope, code = Scope.PROJECT, where.upper()
        if code not in codes:
            raise Wrong(f"You cannot put prompts into “{where[:40]}”: write private, team, or the code of a project in which you make clips.")
    return {"name": name, "scope": str(scope), "project": code, "tags": tags, "archived": flag_of(row, "archived")}


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def whole_of(row: Row, name: str) -> int | None:
    """The whole number in a column; None where it is empty. Raises Wrong."""
    written = _text(row, name).strip()
    if not written:
        return None
    if not (written.isascii() and written.isdecimal() and len(written) <= 6):  # noqa: PLR2004 - digits beyond any length of a clip
        raise Wrong(f"“{written[:20]}” is no whole number of seconds.")
    return int(written)


def flag_of(row: Row, name: str) -> bool:
    """The yes or no in a column; no where it is empty. Raises Wrong."""
    written = _text(row, name).strip().casefold()
    if written not in YES | NO:
        raise Wrong(f"“{written[:20]}” is neither yes nor no, in {name}.")
    return written in YES


# ───────── kept ─────────


def wait(judged: Judged, name: str, *, person: User) -> PromptImport:
    """The good rows, put aside until their person confirms; what they had put aside before is dropped."""
    with transaction.atomic():
        PromptImport.objects.filter(person=person).delete()
        return PromptImport.objects.create(person=person, name=name[:200], rows=judged.prompts)


def keep(import_id: int, *, by: User) -> int:
    """How many prompts are in the library now; 0 if they were kept before, or replaced by another file.

    Raises CannotDo for a project in which the person makes nothing any more; then all still wait. A dozen statements for each 500 rows.
    """
    if import_id > LARGEST:
        return 0
    with transaction.atomic():
        waiting = PromptImport.objects.filter(pk=import_id, person=by).first()
        if waiting is None or PromptImport.objects.filter(pk=import_id, person=by).delete()[0] != 1:
            return 0
        UndecidedFile.objects.filter(person=by).delete()
        told: list[dict[str, Any]] = waiting.rows
        projects = {project.code: project for project in projects_for(by)}
        if lost := next((prompt["project"] for prompt in told if prompt["project"] and prompt["project"] not in projects), ""):
            raise CannotDo(f"You cannot put prompts into {lost} any more.")
        _write(told, projects, by=by)
        for where, group in groupby(sorted(told, key=_where), key=_where):
            if where != Scope.PRIVATE:
                AuditEvent.record("prompt.imported", waiting.name, actor=by, after={"seen_by": where, "prompts": len(list(group))})
    return len(told)


def _where(prompt: Mapping[str, Any]) -> str:
    return str(prompt["project"] or prompt["scope"])


def _write(told: Sequence[dict[str, Any]], projects: Mapping[str, Project], *, by: User) -> None:
    now = timezone.now()
    prompts = Prompt.objects.bulk_create(
        [
            Prompt(
                author=by, scope=prompt["scope"], project=projects.get(prompt["project"]), name=prompt["name"], latest=len(prompt["versions"]),
                search=searched(prompt["name"], prompt["tags"], prompt["versions"][-1]["text"]), created_at=now, updated_at=now,
                archived_at=now if prompt["archived"] else None,
            )
            for prompt in told
        ],
        batch_size=AT_ONCE,
    )  # fmt: skip
    pairs = list(zip(prompts, told, strict=True))
    PromptTag.objects.bulk_create([PromptTag(prompt=row, name=tag) for row, prompt in pairs for tag in prompt["tags"]], batch_size=AT_ONCE)
    labels: list[dict[str, PromptVersion]] = []
    versions: list[PromptVersion] = []
    for row, prompt in pairs:
        pointed: dict[str, PromptVersion] = {}
        for number, said in enumerate(prompt["versions"], 1):
            content = {name: value for name, value in said.items() if name != "labels"}
            version = PromptVersion(prompt=row, number=number, author=by, created_at=now, **content)
            versions.append(version)
            pointed |= dict.fromkeys(said["labels"], version)
        labels.append(pointed)
    PromptVersion.objects.bulk_create(versions, batch_size=AT_ONCE)
    PromptLabel.objects.bulk_create(
        [
            PromptLabel(prompt_id=version.prompt_id, version=version, name=name, moved_by=by, moved_at=now)
            for pointed in labels
            for name, version in pointed.items()
        ],
        batch_size=AT_ONCE,
    )
