"""What a person can do with chosen jobs, what each act does to their money, and doing it: to one job as to many.

Every act is one conditional move a job, so whoever is quicker (the worker, a team mate, another tab) wins, and what came of it is counted and said.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from studio.accounts.models import User
from studio.credits.figures import credits_text
from studio.jobs import actions, payers
from studio.jobs.board import may_take_back
from studio.jobs.lifecycle import UNSENT, State
from studio.jobs.models import Job
from studio.projects.door import Pass

MOST = 100  # jobs that one press may be about


@dataclass(frozen=True, slots=True)
class Kind:
    """One act: from which states it is possible, its words, and what is done. `money` is a sentence with {sum}; so is `done`, with {which} too.

    `spends`: what is held would be spent, so only the person who pays may do it; an owner of the project may do the others too.
    """

    name: str
    label: str
    icon: str
    states: frozenset[State]
    money: str
    done: str
    do: Callable[[Job, User], bool]
    spends: bool = False


KINDS = (
    Kind(
        "first",
        "First in line",
        "arrow-up",
        frozenset({State.QUEUED}),
        "Before your other orders, and nobody else’s turn. {sum} stay held.",
        "{which} is next of its author’s own. {sum} stay held.",
        lambda job, _: actions.put_first(job),
    ),
    Kind(
        "pause",
        "Pause",
        "pause",
        frozenset({State.QUEUED}),
        "Not sent until you go on. {sum} stay held.",
        "{which} is paused. {sum} stay held.",
        lambda job, by: actions.pause(job, by=by),
    ),
    Kind(
        "go_on",
        "Go on",
        "play",
        frozenset({State.PAUSED}),
        "Back in line. {sum} stay held.",
        "{which} is in line again. {sum} stay held.",
        lambda job, by: actions.go_on(job, by=by),
        spends=True,
    ),
    Kind(
        "cancel",
        "Cancel",
        "x",
        UNSENT,
        "Not sent yet, so {sum} come back.",
        "{which} is cancelled. {sum} came back.",
        lambda job, by: actions.cancel(job, by=by),
    ),
)


@dataclass(frozen=True, slots=True)
class Act:
    """An act that is possible for some of the chosen jobs: for which, and what it does to their money."""

    kind: Kind
    jobs: Sequence[Job]

    @property
    def money(self) -> str:
        """What it does to the money, in a sentence."""
        return self.kind.money.format(sum=sum_of(self.jobs))

    @property
    def asks(self) -> str:
        """What is asked before it is done to many and cannot be undone; empty for the rest."""
        return f"Cancel {which(self.jobs)}? {self.money}" if self.kind.name == "cancel" and len(self.jobs) > 1 else ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be done with the chosen jobs, and why nothing can be done with the rest."""

    jobs: Sequence[Job]
    acts: Sequence[Act]
    rest: str


def chosen(entry: Pass, numbers: Collection[int]) -> list[Job]:
    """The jobs of this project with these numbers, in their order. One query."""
    found = Job.objects.filter(project=entry.project, number__in=sorted(set(numbers))[:MOST])
    return list(found.select_related("project", "author", "connection").order_by("number"))


def offer(entry: Pass, jobs: Sequence[Job]) -> Offer:
    """What this person can do with these jobs."""
    mine = [job for job in jobs if may_take_back(job, entry)]
    theirs = _paid_by_others(mine, entry)
    possible = [Act(kind, [job for job in mine if job.state in kind.states and not (kind.spends and job in theirs)]) for kind in KINDS]
    return Offer(
        jobs, [act for act in possible if act.jobs], " ".join([*_rest(jobs, mine), *_not_spent([job for job in theirs if job.state == State.PAUSED])])
    )


def _paid_by_others(jobs: Sequence[Job], entry: Pass) -> list[Job]:
    """Those whose held credits are not this person's. One query, none for no job."""
    pays = payers.payers_of(jobs)
    return [job for job in jobs if pays[job.pk] != entry.user.pk]


def _not_spent(theirs: Sequence[Job]) -> Iterable[str]:
    """Why nobody but the person who pays may go on with these."""
    if theirs:
        yield f"{which(theirs)}: only the person whose credits are held can go on with {'it' if len(theirs) == 1 else 'them'}. You can cancel."


def _rest(jobs: Sequence[Job], mine: Sequence[Job]) -> Iterable[str]:
    """Why nothing can be done with some of them."""
    if len(jobs) == MOST:
        yield f"At most {MOST} at a time."
    if foreign := [job for job in jobs if job not in mine and job.state in UNSENT]:
        yield f"{which(foreign)}: only the author or an owner of the project decides."
    if sent := [job for job in jobs if job.is_live and job.state not in UNSENT]:
        yield f"{which(sent)} {_was(sent)} sent already and cannot be taken back. {sum_of(sent)} stay held and are spent if a clip is made."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act: the jobs as they are now, a sentence, and its tone."""

    jobs: Sequence[Job]
    words: str
    tone: str


def act(entry: Pass, kind: Kind, jobs: Sequence[Job]) -> Outcome:
    """Do it to each of these jobs that it is still possible for; what came of it is said with its money."""
    mine = [job for job in jobs if may_take_back(job, entry)]
    theirs = {job.pk for job in _paid_by_others(mine, entry)} if kind.spends else set()
    won = {
        job.pk for job in reversed(mine) if job.pk not in theirs and kind.do(job, entry.user)
    }  # reversed: of several that are put first, the oldest is the last one put there
    now = chosen(entry, [job.number for job in jobs])
    done, late = [job for job in now if job.pk in won], [job for job in now if job.pk not in won]
    unpaid = [job for job in late if job.pk in theirs and job.state in kind.states]
    said = [_done(kind, done)] if done else []
    said += [*_not_spent(unpaid), *_late([job for job in late if job not in unpaid], {job.pk for job in mine})]
    return Outcome(now, " ".join(said), "success" if not late else "warning")


def _done(kind: Kind, done: Sequence[Job]) -> str:
    sentence = kind.done.format(which=which(done), sum=sum_of(done))
    return sentence if len(done) == 1 else sentence.replace(" is ", " are ", 1).replace("its author’s own", "their author’s own")


def _late(late: Sequence[Job], mine: Collection[object]) -> Iterable[str]:
    """Why it was not done to these."""
    for job in late:
        if job.pk not in mine:
            yield f"{job.code}: only its author or an owner of the project decides."
        elif job.state == State.CANCELLED:
            yield f"{job.code} was cancelled already."
        elif job.state in UNSENT:
            yield f"{job.code} is {'paused' if job.state == State.PAUSED else 'in line'} already."
        elif job.is_live:
            yield f"{job.code} was sent already and cannot be taken back. {sum_of([job])} stay held and are spent if a clip is made."
        else:
            yield f"{job.code} is over."


def which(jobs: Sequence[Job]) -> str:
    """One by its code, several by their number."""
    return jobs[0].code if len(jobs) == 1 else f"{len(jobs)} orders"


def sum_of(jobs: Sequence[Job]) -> str:
    """What is held for these, in words: 168 credits."""
    figure = credits_text(sum(job.estimate for job in jobs))
    return f"{figure} {'credit' if figure == '1' else 'credits'}"


def _was(jobs: Sequence[Job]) -> str:
    return "was" if len(jobs) == 1 else "were"
