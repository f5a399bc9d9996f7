"""Pick, maybe, reject or undecide many clips at once: the same rules as for one (decisions.py), in one transaction and a fixed number of queries.

Clips are locked in the order of their projects, so that two people who decide about the same ones wait for each other instead of both giving up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery.decisions import DAY, Change, NoSuchPress, Stamp, State, decided, heard_of, told_of
from studio.gallery.models import Decision, ProjectDecision, Verdict
from studio.jobs.models import Clip
from studio.projects.door import Pass

SALT = "gallery.many"
MOST = 200  # clips at once


@dataclass(frozen=True, slots=True)
class Pressed:
    """What one press did: by clip, and how many of the wanted ones it left alone because the person may not decide there, or somebody decided since."""

    changes: dict[UUID, Change]
    left: int

    @property
    def changed(self) -> int:
        """How many clips are decided otherwise than before."""
        return sum(change.before != change.after for change in self.changes.values())


def decide_many(clips: Sequence[Clip], verdict: Verdict | None, *, passes: Mapping[int, Pass]) -> Pressed:
    """Give these clips this verdict, or none. Those where the person may not decide are left alone."""
    allowed = [clip for clip in clips if passes[clip.project_id].may_decide]
    if not allowed:
        return Pressed({}, len(clips))
    person = passes[allowed[0].project_id].user
    with transaction.atomic():
        now = timezone.now()
        before = _locked(allowed, person)
        after = {clip.pk: _after(before[clip.pk], verdict, now, passes[clip.project_id]) for clip in allowed}
        changes = {key: Change(before[key], after[key]) for key in after}
        _write(allowed, changes, person)
    return Pressed(changes, len(clips) - len(allowed))


def undo_many(words: str, *, person: User, passes: Mapping[int, Pass]) -> tuple[list[Clip], Pressed]:
    """Put back what a press of this person changed, but for what has been changed since. Raises NoSuchPress for words that are none of ours, or too old."""
    done = _read(words, person)
    clips = [clip for clip in Clip.objects.present().filter(pk__in=done, project__in=list(passes)) if passes[clip.project_id].may_decide]
    with transaction.atomic():
        now = _locked(clips, person)
        changes = {
            clip.pk: Change(now[clip.pk], done[clip.pk].before)
            for clip in clips
            if _is_untouched(now[clip.pk], done[clip.pk], passes[clip.project_id])
        }
        _write(clips, changes, person)
    return clips, Pressed(changes, len(done) - len(changes))


def undo_words(pressed: Pressed, *, person: User) -> str:
    """What undoes this press if it is sent back: signed, for this person alone. Empty where nothing was changed."""
    changes = {key: change for key, change in pressed.changes.items() if change.before != change.after}
    if not changes:
        return ""
    told = [[key.hex, *(told_of(stamp) for state in (it.before, it.after) for stamp in (state.own, state.project))] for key, it in changes.items()]
    return signing.dumps([person.pk, told], salt=SALT, compress=True)


def _after(before: State, verdict: Verdict | None, now: datetime, entry: Pass) -> State:
    if verdict is None:
        return State(None, None if entry.may_rule else before.project)
    return decided(before, Stamp(verdict, entry.user.pk, now), entry=entry)


def _is_untouched(now: State, done: Change, entry: Pass) -> bool:
    """Whether what the press left still stands, and the person may change it back."""
    return now == done.after and (done.before.project == done.after.project or entry.may_rule)


def _locked(clips: Sequence[Clip], person: User) -> dict[UUID, State]:
    """What stands now, under the clips' locks. Three queries."""
    keys = list(Clip.objects.select_for_update().filter(pk__in=[clip.pk for clip in clips]).order_by("project", "pk").values_list("pk", flat=True))
    own = {row.clip_id: Stamp.of(row) for row in Decision.objects.filter(clip__in=keys, person=person)}
    project = {row.clip_id: Stamp.of(row) for row in ProjectDecision.objects.filter(clip__in=keys)}
    return {key: State(own.get(key), project.get(key)) for key in keys}


def _write(clips: Sequence[Clip], changes: Mapping[UUID, Change], person: User) -> None:
    """Make the rows say what comes after. Four queries."""
    projects = {clip.pk: clip.project_id for clip in sorted(clips, key=lambda clip: (clip.project_id, clip.pk))}
    owns = {key: changes[key].after.own for key in projects if key in changes and changes[key].before.own != changes[key].after.own}
    rules = {key: changes[key].after.project for key in projects if key in changes and changes[key].before.project != changes[key].after.project}
    Decision.objects.filter(person=person, clip__in=[key for key, stamp in owns.items() if stamp is None]).delete()
    ProjectDecision.objects.filter(clip__in=[key for key, stamp in rules.items() if stamp is None]).delete()
    Decision.objects.bulk_create(
        [Decision(clip_id=key, person=person, verdict=stamp.verdict, decided_at=stamp.at) for key, stamp in owns.items() if stamp],
        update_conflicts=True, unique_fields=["clip", "person"], update_fields=["verdict", "decided_at"],
    )  # fmt: skip
    ProjectDecision.objects.bulk_create(
        [
            ProjectDecision(clip_id=key, project_id=projects[key], verdict=stamp.verdict, person_id=stamp.person, decided_at=stamp.at)
            for key, stamp in rules.items() if stamp
        ],
        update_conflicts=True, unique_fields=["clip"], update_fields=["verdict", "person", "decided_at"],
    )  # fmt: skip


def _read(words: str, person: User) -> dict[UUID, Change]:
    """The press that these words undo, by clip."""
    try:
        whose, told = signing.loads(words, salt=SALT, max_age=DAY)
    except signing.BadSignature as error:
        raise NoSuchPress from error
    if whose != person.pk:
        raise NoSuchPress
    changes = {}
    for key, *stamps in told:
        own, project, own_after, project_after = map(heard_of, stamps)
        changes[UUID(hex=key)] = Change(State(own, project), State(own_after, project_after))
    return changes
