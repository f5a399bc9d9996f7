"""Pick, maybe, reject: the one writer of decisions.

    who presses           writes
    owner, reviewer       their own opinion and the project's decision (the last one counts, and says whose it is)
    maker                 their own opinion alone
    viewer                nothing: the door refuses them

A press says what it wants ("pick", "take this pick back"), never "the other way round", so pressing twice at once is pressing once. All of
it happens under the clip's row lock.
"""

from dataclasses import dataclass
from datetime import datetime

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery.models import Decision, ProjectDecision, Verdict
from studio.jobs.models import Clip
from studio.projects.door import REFUSALS, Pass

SALT = "gallery.decisions"
DAY = 24 * 3600  # seconds in which a press can be undone


class Overtaken(Exception):
    """Somebody decided in between: nothing was changed. Its text is a sentence for the person."""


class NoSuchPress(Exception):
    """The words that should undo a press are none of ours, or too old."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One decision: what, by whom (a person's id), when."""

    verdict: str
    person: int
    at: datetime

    @classmethod
    def of(cls, row: Decision | ProjectDecision | None) -> "Stamp | None":
        """The stamp of a row, where there is one."""
        return cls(row.verdict, row.person_id, row.decided_at) if row else None


@dataclass(frozen=True, slots=True)
class State:
    """What one person can change about a clip: their own opinion, and the project's decision."""

    own: Stamp | None = None
    project: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one press did. Equal sides: it was so already."""

    before: State
    after: State


def decide(clip: Clip, verdict: Verdict, *, entry: Pass) -> Change:
    """Give this verdict; for owners and reviewers it is the project's too. The same verdict by the same person again changes nothing."""
    with transaction.atomic():
        before = _locked(clip, entry.user)
        return _write(clip, entry.user, Change(before, decided(before, Stamp(verdict, entry.user.pk, timezone.now()), entry=entry)))


def decided(before: State, mine: Stamp, *, entry: Pass) -> State:
    """What stands after this verdict. What says the same already keeps its time."""
    own = before.own if before.own and before.own.verdict == mine.verdict else mine
    if not entry.may_rule:
        return State(own, before.project)
    stands = before.project and (before.project.verdict, before.project.person) == (mine.verdict, mine.person)
    return State(own, before.project if stands else mine)


def decide_if_open(clip: Clip, verdict: Verdict, *, entry: Pass) -> Change:
    """Give this verdict about a clip that was shown as undecided. Raises Overtaken where the project has decided since, unless it is the same."""
    with transaction.atomic():
        before = _locked(clip, entry.user)
        if before.project and before.project.verdict != verdict:
            said = Verdict(before.project.verdict).label.lower()
            raise Overtaken(f"{_name(before.project, entry.user)} decided in between: {clip.code} is {said}. Nothing was changed.")
        return decide(clip, verdict, entry=entry)


def take_back(clip: Clip, verdict: Verdict, *, entry: Pass) -> Change:
    """Undecide what was shown to the person as `verdict`. Raises Overtaken where the project has decided something else since."""
    with transaction.atomic():
        before = _locked(clip, entry.user)
        if entry.may_rule and before.project and before.project.verdict != verdict:
            raise Overtaken(f"{_name(before.project, entry.user)} decided otherwise in between. Nothing was taken back.")
        return _write(clip, entry.user, Change(before, State(None, None if entry.may_rule else before.project)))


def undo(clip: Clip, words: str, *, entry: Pass) -> Change:
    """Put back what a press of this person changed. Raises Overtaken where it has been changed since, NoSuchPress for words that are none of ours."""
    done = _read(words, clip, entry.user)
    if done.before.project != done.after.project and not entry.may_rule:
        raise PermissionDenied(REFUSALS["rule"])
    with transaction.atomic():
        now = _locked(clip, entry.user)
        own, project = now.own, now.project
        if done.before.own != done.after.own:
            own = _back(done.before.own, done.after.own, now.own, entry.user)
        if done.before.project != done.after.project:
            project = _back(done.before.project, done.after.project, now.project, entry.user)
        return _write(clip, entry.user, Change(now, State(own, project)))


def undo_words(clip: Clip, change: Change, *, person: User) -> str:
    """What undoes this press if it is sent back: signed, for this clip and this person alone."""
    told = [clip.pk.hex, person.pk, *(told_of(stamp) for state in (change.before, change.after) for stamp in (state.own, state.project))]
    return signing.dumps(told, salt=SALT, compress=True)


def _back(before: Stamp | None, after: Stamp | None, now: Stamp | None, person: User) -> Stamp | None:
    """What was there before, if what was put there still is; undoing twice is undoing once."""
    if now not in (before, after):
        raise Overtaken(
            f"{_name(now, person)} decided in between. Nothing was undone." if now else "It was taken back in between. Nothing was undone."
        )
    return before


def _locked(clip: Clip, person: User) -> State:
    """What stands now, under the clip's lock."""
    Clip.objects.select_for_update().only("pk").get(pk=clip.pk)
    own = Decision.objects.filter(clip=clip, person=person).first()
    return State(Stamp.of(own), Stamp.of(ProjectDecision.objects.filter(clip=clip).first()))


def _write(clip: Clip, person: User, change: Change) -> Change:
    """Make the rows say what comes after."""
    before, after = change.before, change.after
    if after.own != before.own:
        mine = Decision.objects.filter(clip=clip, person=person)
        if after.own is None:
            mine.delete()
        else:
            Decision.objects.update_or_create(clip=clip, person=person, defaults={"verdict": after.own.verdict, "decided_at": after.own.at})
    if after.project != before.project:
        if after.project is None:
            ProjectDecision.objects.filter(clip=clip).delete()
        else:
            row = {"verdict": after.project.verdict, "person_id": after.project.person, "decided_at": after.project.at, "project_id": clip.project_id}
            ProjectDecision.objects.update_or_create(clip=clip, defaults=row)
    return change


def _name(stamp: Stamp, person: User) -> str:
    """Who that was, said to this person."""
    return "You" if stamp.person == person.pk else str(User.objects.get(pk=stamp.person))


def told_of(stamp: Stamp | None) -> list[str | int] | None:
    """A stamp as undo words carry it."""
    return [stamp.verdict, stamp.person, stamp.at.isoformat()] if stamp else None


def heard_of(told: list[str | int] | None) -> Stamp | None:
    """The stamp that was told so."""
    return Stamp(str(told[0]), int(told[1]), datetime.fromisoformat(str(told[2]))) if told else None


def _read(words: str, clip: Clip, person: User) -> Change:
    """The press that these words undo; NoSuchPress where they are not ours, too old, or for another clip or person."""
    try:
        key, whose, *stamps = signing.loads(words, salt=SALT, max_age=DAY)
    except signing.BadSignature as error:
        raise NoSuchPress from error
    if (key, whose) != (clip.pk.hex, person.pk):
        raise NoSuchPress
    own, project, own_after, project_after = map(heard_of, stamps)
    return Change(State(own, project), State(own_after, project_after))
