"""What people do with prompts: write one, change it, point labels at versions, say whose it is. Each is one transaction.

CannotDo          say its sentence beside the button
├── Overtaken     somebody saved a version meanwhile: show it, and let the person decide
└── Unchanged     there is nothing to save
"""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from studio.accounts.actions import CannotDo
from studio.accounts.models import AuditEvent, User
from studio.projects.door import makes_in
from studio.projects.models import Project
from studio.prompts.contents import Content, content_of
from studio.prompts.models import Prompt, PromptLabel, PromptTag, PromptVersion, Scope


class Overtaken(CannotDo):
    """`newest` was saved after the person began to write."""

    def __init__(self, newest: PromptVersion) -> None:
        """Say who it was."""
        super().__init__(f"{newest.author} saved version {newest.number} while you were writing. Nothing of yours is lost: compare, then save again.")
        self.newest = newest


class Unchanged(CannotDo):
    """The newest version says the same already."""


def start(content: Content, *, name: str, by: User, tags: Sequence[str] = (), scope: str = Scope.PRIVATE, project: Project | None = None) -> Prompt:
    """The new prompt with its first version. Raises CannotDo for a project in which the person makes nothing."""
    _refuse_foreign(scope, project, by=by)
    with transaction.atomic():
        prompt = Prompt.objects.create(name=name, author=by, scope=scope, project=project, latest=1)
        PromptVersion.objects.create(prompt=prompt, number=1, author=by, note="", **content.as_kept())
        _tag(prompt, tags)
        index(prompt)
        if scope != Scope.PRIVATE:
            AuditEvent.record("prompt.shared", name, actor=by, after={"seen_by": whose(scope, project)})
    return prompt


def revise(prompt: Prompt, content: Content, *, base: int, note: str, by: User) -> PromptVersion:
    """The new version, on top of version `base`. The same content again, as of a second click, is the version that has it already.

    Raises Overtaken if there is a newer one than `base`, Unchanged if it says what `base` says.
    """
    newest = newest_of(prompt)
    if content_of(newest) == content:
        if newest.author == by and newest.number > base:
            return newest
        raise Unchanged("Nothing is different from the newest version.")
    with transaction.atomic():
        now = timezone.now()
        if Prompt.objects.filter(pk=prompt.pk, latest=base).update(latest=base + 1, updated_at=now) != 1:
            raise Overtaken(newest_of(prompt))
        version = PromptVersion.objects.create(prompt=prompt, number=base + 1, author=by, note=note, created_at=now, **content.as_kept())
        index(prompt)
    prompt.refresh_from_db(fields=["latest", "updated_at", "search"])
    return version


def restore(version: PromptVersion, *, base: int, by: User) -> PromptVersion:
    """A new version that says what this one said. Raises as `revise`."""
    return revise(version.prompt, content_of(version), base=base, note=f"Version {version.number} again", by=by)


def newest_of(prompt: Prompt) -> PromptVersion:
    """Its newest version. One query."""
    return PromptVersion.objects.select_related("author").filter(prompt=prompt).order_by("-number")[0]


def move_label(version: PromptVersion, name: str, *, by: User) -> bool:
    """Whether the label points at this version only now; it leaves any other version of the prompt."""
    with transaction.atomic():
        Prompt.objects.select_for_update().get(pk=version.prompt_id)
        label = PromptLabel.objects.select_related("version").filter(prompt=version.prompt_id, name=name).first()
        if label and label.version_id == version.pk:
            return False
        before = {"version": label.version.number} if label else None
        PromptLabel.objects.update_or_create(
            prompt_id=version.prompt_id, name=name, defaults={"version": version, "moved_by": by, "moved_at": timezone.now()}
        )
        _record_label(version.prompt, name, by=by, before=before, after={"version": version.number})
    return True


def take_label_off(prompt: Prompt, name: str, *, by: User) -> bool:
    """Whether the label was there and points nowhere now."""
    with transaction.atomic():
        label = PromptLabel.objects.select_related("version").filter(prompt=prompt, name=name).first()
        gone = PromptLabel.objects.filter(prompt=prompt, name=name).delete()[0] == 1
        if gone and label:
            _record_label(prompt, name, by=by, before={"version": label.version.number}, after=None)
    return gone


def _record_label(prompt: Prompt, name: str, *, by: User, before: object, after: object) -> None:
    """What everybody uses was pointed elsewhere. A person's own prompts are their own business."""
    if prompt.scope != Scope.PRIVATE:
        AuditEvent.record("prompt.label", f"{prompt.name}, {name}", actor=by, before=before, after=after)


def describe(prompt: Prompt, *, name: str, tags: Sequence[str]) -> bool:
    """Whether the name or the tags are others now."""
    with transaction.atomic():
        kept = Prompt.objects.select_for_update().get(pk=prompt.pk)
        if kept.name == name and sorted(kept.tags.values_list("name", flat=True)) == sorted(tags):
            return False
        Prompt.objects.filter(pk=prompt.pk).update(name=name, updated_at=timezone.now())
        kept.tags.all().delete()
        _tag(kept, tags)
        index(kept)
    prompt.refresh_from_db()
    return True


def share(prompt: Prompt, *, scope: str, project: Project | None, by: User) -> bool:
    """Whether others see it from now on. Raises CannotDo for a project in which the person makes nothing, or to hide what is somebody else's."""
    if (prompt.scope, prompt.project_id) == (scope, project.pk if project else None):
        return False
    if scope == Scope.PRIVATE and prompt.author != by:
        raise CannotDo(f"Only {prompt.author} can take it back for themselves.")
    _refuse_foreign(scope, project, by=by)
    before = {"seen_by": whose(prompt.scope, prompt.project)}
    with transaction.atomic():
        won = Prompt.objects.filter(pk=prompt.pk, scope=prompt.scope, project=prompt.project_id, author=prompt.author_id).update(
            scope=scope, project=project
        )
        if won:
            AuditEvent.record("prompt.shared", prompt.name, actor=by, before=before, after={"seen_by": whose(scope, project)})
    if not won:
        raise CannotDo("Somebody changed whose this prompt is meanwhile. Look at it again.")
    prompt.refresh_from_db()
    return True


def hand_over(prompt: Prompt, to: User, *, by: User) -> bool:
    """Whether it is another person's now. Raises CannotDo for a private prompt, and for somebody who cannot keep it."""
    if prompt.scope == Scope.PRIVATE:
        raise CannotDo("A prompt that only you see cannot change hands. Share it with a project or the team first.")
    if not to.is_active:
        raise CannotDo(f"{to} cannot sign in, so the prompt stays where it is.")
    if prompt.project and not makes_in(to, prompt.project):
        raise CannotDo(f"{to} makes nothing in {prompt.project}. Make them a maker of it first.")
    if to == prompt.author:
        return False
    with transaction.atomic():
        won = Prompt.objects.filter(pk=prompt.pk, author=prompt.author_id, scope=prompt.scope, project=prompt.project_id).update(author=to)
        if won:
            AuditEvent.record("prompt.handed_over", prompt.name, actor=by, before={"author": prompt.author.email}, after={"author": to.email})
    if not won:
        raise CannotDo("Somebody changed whose this prompt is meanwhile. Look at it again.")
    prompt.refresh_from_db()
    return True


def archive(prompt: Prompt, *, by: User) -> bool:
    """Whether it was put away now: out of the lists, nothing deleted."""
    return _put(prompt, by=by, action="prompt.archived", away=True)


def bring_back(prompt: Prompt, *, by: User) -> bool:
    """Whether it came back into the lists now."""
    return _put(prompt, by=by, action="prompt.brought_back", away=False)


def _put(prompt: Prompt, *, by: User, action: str, away: bool) -> bool:
    with transaction.atomic():
        found = Prompt.objects.filter(pk=prompt.pk, archived_at__isnull=away)
        changed = found.update(archived_at=timezone.now() if away else None) == 1
        if changed and prompt.scope != Scope.PRIVATE:
            AuditEvent.record(action, prompt.name, actor=by)
    return changed


def whose(scope: str, project: Project | None) -> str:
    """Who sees such a prompt, for the record: "TIDE", or "the team"."""
    return project.code if project else {Scope.TEAM.value: "the team", Scope.PRIVATE.value: "its author"}[str(scope)]


def _refuse_foreign(scope: str, project: Project | None, *, by: User) -> None:
    if scope != Scope.PROJECT:
        return
    if project is None or project.archived_at or not makes_in(by, project):
        raise CannotDo("You can put prompts into projects of which you are an owner or a maker.")


def _tag(prompt: Prompt, tags: Sequence[str]) -> None:
    PromptTag.objects.bulk_create(PromptTag(prompt=prompt, name=name) for name in dict.fromkeys(tags))


def index(prompt: Prompt) -> None:
    """Write down anew what searches look through. Call it while the prompt's row is locked by a change of yours."""
    name = Prompt.objects.values_list("name", flat=True).get(pk=prompt.pk)
    text = PromptVersion.objects.filter(prompt=prompt, number=F("prompt__latest")).values_list("text", flat=True)[0]
    Prompt.objects.filter(pk=prompt.pk).update(search=searched(name, prompt.tags.values_list("name", flat=True), text))


def searched(name: str, tags: Iterable[str], text: str) -> str:
    """What searches look through: name, tags and text."""
    return "\n".join((name, *tags, text))
