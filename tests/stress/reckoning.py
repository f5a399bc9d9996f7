"""What must be true after the storm, asked of both sides: our rows and files, and what the played providers remember. Only reads.

Every rule yields a sentence for each thing that breaks it. Two sides are compared by names that both know: the attempt's id in the callback address
or in `user`, and the words of the prompt, which no two orders share.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

from django.db.models import Sum
from django.utils import timezone

from studio.credits import ledger
from studio.credits.models import Entry, Hold
from studio.jobs.charging import UNBELIEVABLE, rate_of
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import FINAL, State
from studio.jobs.models import Attempt, Cause, Clip, Heartbeat, Job, JobEvent
from studio.routing.prices import price
from studio.sandbox import account, copies, grokimagine, timeline, ttapi, xai
from studio.sandbox.files import folder
from studio.sandbox.models import Fault, Kind, Played, RemoteJob, TurnedAway
from tests.stress.weather import PLENTY

ATTEMPT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNSAVED = {Cause.EXPIRED, Cause.DOWNLOAD_FAILED}  # made, and its link or its file was no good
HONEST: dict[str, Callable[[RemoteJob], object]] = {  # the figure that each provider tells for a clip; AceData tells none
    Played.TTAPI: lambda job: ttapi.quota(job.seconds, job.resolution),
    Played.GROKIMAGINE: lambda _: grokimagine.CREDITS,
    Played.COMET: xai.charged,
    Played.XAI: xai.charged,
}

CHARGES_MODERATED = {Played.COMET, Played.XAI}


class Books:
    """Both sides, read once."""

    def __init__(self) -> None:
        self.jobs = {job.pk: job for job in Job.objects.select_related("connection", "author")}
        self.by_prompt = {job.prompt: job for job in self.jobs.values()}
        self.attempts = list(Attempt.objects.select_related("connection").order_by("created_at"))
        self.remote = {one.remote_id: one for one in RemoteJob.objects.all()}
        self.copies = {copies.name(one): one for one in self.remote.values() if one.makes_videos and copies.output(one).get("file_output")}
        self.by_remote_id = {(one.connection.provider, one.remote_id): one for one in self.attempts if one.remote_id}
        for one in self.attempts:  # found by the name of its copy, without the id that got lost
            is_found = one.outcome == State.DONE or one.stored_id  # whose clip could not be saved keeps the copy's id
            if is_found and not one.remote_id and one.stored_as in self.copies:
                self.by_remote_id[one.connection.provider, self.copies[one.stored_as].remote_id] = one
        self.paid = [one for one in account.submissions() if one.is_paid]
        self.clips: dict[object, list[Clip]] = defaultdict(list)
        for clip in Clip.objects.order_by("position"):
            self.clips[clip.attempt_id].append(clip)

    def job_of(self, attempt: Attempt) -> Job:
        return self.jobs[attempt.job_id]


def reckon(*, final: bool, sure: int) -> dict[str, object]:
    """Everything that is wrong, and the counts of what was met. `final` is when nothing may be in doubt any more, `sure` how often
    each sure fault was to strike.
    """
    books = Books()
    rules = [asked_once, watched_or_over, the_right_money, told_of, the_right_clips, nothing_lost, doubts_left, copies_left]
    wrong = [*ledger.verify(), *verify_holds(), *(sentence for rule in rules for sentence in rule(books))]
    if final:
        wrong += [f"{job.code} is still {job.state}" for job in books.jobs.values() if job.state not in FINAL]
        wrong += [f"{hold.reference}: still held" for hold in Hold.objects.filter(state=Hold.State.OPEN)]
    return {"wrong": wrong, "counts": counts(books, sure)}


def asked_once(books: Books) -> Iterator[str]:
    """No attempt reached a provider twice, and no job reached one more often than its attempts were sent."""
    named = Counter(name for one in books.paid for name in {found for text in one.names for found in ATTEMPT.findall(text)})
    known = {str(one.pk): one for one in books.attempts}
    for name, times in named.items():
        if times > 1:
            yield f"attempt {name} was accepted {times} times"
        if name not in known:
            yield f"a submission names attempt {name}, which nobody made"
    sent = Counter((one.job_id, one.connection.provider) for one in books.attempts if one.sent_at)
    accepted = Counter((books.by_prompt[prompt].pk, one.provider) for one in books.paid for prompt in one.names if prompt in books.by_prompt)
    for (job, provider), times in accepted.items():
        if times > sent[job, provider]:
            yield f"{books.jobs[job].code}: {provider} accepted it {times} times, and {sent[job, provider]} attempts were sent"


def watched_or_over(books: Books) -> Iterator[str]:
    """A job is over and waits for nothing, or is in doubt, or will be looked at; it has one live attempt exactly while it lives."""
    living = Counter(one.job_id for one in books.attempts if one.ended_at is None)
    for job in books.jobs.values():
        if job.state in FINAL and (job.due or job.lease_until):
            yield f"{job.code} is {job.state} and waits for something"
        if job.state not in {*FINAL, State.IN_DOUBT} and job.due is None:
            yield f"{job.code} is {job.state} and nobody will look at it"
        if living[job.pk] != (job.state not in FINAL):
            yield f"{job.code} is {job.state} with {living[job.pk]} live attempts"


def the_right_money(books: Books) -> Iterator[str]:
    """Each attempt was charged what its provider's figure is worth at its own rate, and the sums agree from the attempts up to the accounts."""
    holds = {hold.reference: hold for hold in Hold.objects.all()}
    by_job: Counter[object] = Counter()
    for one in books.attempts:
        hold = holds.get(str(one.pk))
        by_job[one.job_id] += one.charged or 0
        if hold is None or hold.amount != one.estimate or hold.charged != (one.charged or 0):
            yield f"attempt {one.pk}: its hold says {hold and (hold.amount, hold.charged)}, it says {one.estimate, one.charged}"
        if one.ended_at and one.charged != (due := _worth(books, one)):
            yield f"{books.job_of(one).code}: charged {one.charged}, and {one.usage_amount!r} {one.usage_unit} is worth {due}"
    for job in books.jobs.values():
        if job.state in FINAL and job.charged != by_job[job.pk]:
            yield f"{job.code}: charged {job.charged}, its attempts {by_job[job.pk]}"
    entries = Entry.objects.filter(kind=Entry.Kind.CHARGE).aggregate(amount=Sum("amount"), owed=Sum("owed"))
    if (entries["owed"] or 0) - (entries["amount"] or 0) != sum(by_job.values()):
        yield f"attempts were charged {sum(by_job.values())}, the accounts {entries}"


def _worth(books: Books, one: Attempt) -> int:
    """What this attempt had to cost, reckoned from what the sandbox told."""
    remote = books.remote.get(one.remote_id or "")
    if one.outcome != State.DONE:
        charges = one.cause == Cause.MODERATED and remote is not None and remote.provider in CHARGES_MODERATED and not remote.has(Kind.USAGE_ABSURD)
        if remote is None or not charges:
            return 0
        return _priced(one, str(xai.charged(remote)))
    honest = HONEST.get(one.connection.provider)
    if remote is None or honest is None or remote.has(Kind.USAGE_ABSURD):
        return one.estimate
    return _priced(one, str(honest(remote)))


def _priced(one: Attempt, figure: str) -> int:
    if one.rate_millicredits is None or one.rate_per_units is None:
        return one.estimate
    worth = int(Fraction(figure) * one.rate_millicredits / one.rate_per_units + Fraction(1, 2))
    return one.estimate if worth > UNBELIEVABLE * one.estimate else worth


def told_of(books: Books) -> Iterator[str]:
    """A figure that nobody should believe is put before an admin, for clips and for refusals that would cost something."""
    for one in books.attempts:
        remote = books.remote.get(one.remote_id or "")
        would_cost = one.outcome == State.DONE or one.cause == Cause.MODERATED
        if remote is None or not would_cost or not one.usage_unit or not remote.has(Kind.USAGE_ABSURD):
            continue
        is_free = one.outcome != State.DONE and price(one.usage_amount, rate_of(one)) == 0
        if one.ended_at and not one.alert and not is_free:
            yield f"{books.job_of(one).code}: {one.usage_amount!r} {one.usage_unit} was reported, and nobody was told"


def the_right_clips(books: Books) -> Iterator[str]:
    """A job that is done has every clip that its provider made for it, byte for byte; whatever is not done has none."""
    for one in books.attempts:
        job, clips = books.job_of(one), [clip for clip in books.clips[one.pk] if clip.saved_at]
        copy = books.copies.get(one.stored_as)
        remote = books.remote.get(one.remote_id) if one.remote_id else copy
        if remote is not None and (remote.provider, remote.prompt) != (one.connection.provider, job.prompt):
            yield f"{job.code}: it was given {remote}, which was asked for with other words"
        if one.outcome != State.DONE:
            if clips and not _came_late(one):
                yield f"{job.code}: {len(clips)} clips of an attempt that is {one.outcome or 'not over'}"
            continue
        if remote is None or not (account.delivered(remote) or copy):
            yield f"{job.code} is done, and its provider delivered nothing"
            continue
        made = [_digest((folder() / name).read_bytes()) for name in remote.file_names()]
        ours = [_digest(_stored(clip)) for clip in clips]
        if ours != made or [clip.sha256 for clip in clips] != made or [clip.bytes for clip in clips] != _sizes(remote):
            yield f"{job.code}: its {len(ours)} clips are not the {len(made)} that were delivered"


def _stored(clip: Clip) -> bytes:
    with clip.file.open() as file:
        return bytes(file.read())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sizes(remote: RemoteJob) -> list[int]:
    return [(folder() / name).stat().st_size for name in remote.file_names()]


def nothing_lost(books: Books) -> Iterator[str]:
    """Every film that a provider made belongs to an attempt that is done. The exceptions are told to a person, and cost them nothing:

    * a success that was taken back before we looked, or the other way round: the provider itself says both;
    * a download that failed to the last try: the card says so;
    * taken on after its attempt had ended: its clip was fetched at no charge, or an alert tells of it;
    * in doubt, as long as nobody has resolved it.
    """
    for remote in books.remote.values():
        one = books.by_remote_id.get((remote.provider, remote.remote_id))
        job = books.jobs[one.job_id] if one else books.by_prompt.get(remote.prompt)
        if job is None:
            yield f"{remote} was made for nobody"
        elif one is None:
            if not _is_doubted(books, job, remote.provider):
                yield f"{job.code} is {job.state}, and {remote} was made for it unknown to us"
        elif account.delivered(remote) and one.ended_at and one.outcome != State.DONE:
            excused = one.cause in UNSAVED or _came_late(one) or (remote.has(Kind.TAKEN_BACK) and one.cause == Cause.PROVIDER_FAILED)
            if not excused or one.charged:
                yield f"{job.code}: {remote} delivers, and its attempt {one.outcome} ({one.cause}), charged {one.charged}"


def _is_doubted(books: Books, job: Job, provider: str) -> bool:
    """Whether what is in doubt of this job is an order at that provider whose id nobody knows: another one excuses nothing."""
    living = (one for one in books.attempts if one.job_id == job.pk and one.ended_at is None and not one.remote_id)
    return job.state == State.IN_DOUBT and any(one.connection.provider == provider for one in living)


def _came_late(one: Attempt) -> bool:
    """Whether the provider's word came after its attempt had ended, and was not lost."""
    is_late = one.ended_at is not None and (one.answered_at or one.ended_at) >= one.ended_at and one.answered_at is not None
    return is_late and (bool(one.alert) or Clip.objects.filter(attempt=one, saved_at__isnull=False).exists())


def doubts_left(books: Books) -> Iterator[str]:
    """Nothing stays in doubt that could have been resolved without a person: what a list shows, what a callback named, what has ended."""
    unknown: dict[tuple[object, str], list[RemoteJob]] = defaultdict(list)
    for made in books.remote.values():
        if (made.provider, made.remote_id) not in books.by_remote_id and made.prompt in books.by_prompt:
            unknown[books.by_prompt[made.prompt].pk, made.provider].append(made)
    for one in books.attempts:
        job = books.job_of(one)
        if one.ended_at or job.state != State.IN_DOUBT:
            continue
        remote = books.remote.get(one.remote_id or "")
        if remote is not None and not remote.has(Kind.NEVER):
            yield f"{job.code} is in doubt, and {remote} has ended"
        lost = unknown[job.pk, one.connection.provider]
        if lost and one.connection.provider == Played.ACEDATA:
            yield f"{job.code} is in doubt, and AceData’s list shows {lost[0]}"
        if lost and one.called_at:
            yield f"{job.code} is in doubt, and a callback named {lost[0]}"


def copies_left(books: Books) -> Iterator[str]:
    """The same for what xAI’s Files hold now under the attempt's name. A copy of a clip that is ours is deleted, or somebody will see to it.

    A success that was taken back has taken its copy along.
    """
    for one in books.attempts:
        if one.outcome == State.DONE and one.stored_id and one.stored_due is None:
            yield f"{books.job_of(one).code}: nobody will delete its copy {one.stored_id}"
        copy = books.copies.get(one.stored_as)
        is_there = copy is not None and copy.file_deleted_at is None and timeline.standing(copy, timezone.now()).stage == timeline.Stage.DONE
        if is_there and not one.ended_at and books.job_of(one).state == State.IN_DOUBT:
            yield f"{books.job_of(one).code} is in doubt, and xAI’s Files hold what {copy} made"


def counts(books: Books, sure: int) -> dict[str, dict[str, int]]:
    """What the storm covered."""
    met = Counter(kind for one in books.remote.values() for kind in _faults(one))
    met.update(TurnedAway.objects.exclude(kind="").values_list("kind", flat=True))
    for fault in Fault.objects.filter(moment__in=["check", "download"]):
        met[f"{fault.kind}@{fault.moment}"] += (PLENTY if fault.share else sure or 1) - (fault.left or 0)
    doubted = set(JobEvent.objects.filter(state=State.IN_DOUBT).values_list("job", flat=True))
    found = JobEvent.objects.filter(job__in=doubted).order_by("job", "pk").values_list("job", "state", "cause")
    return {
        "faults met": dict(met),
        "jobs by end": dict(Counter(job.state for job in books.jobs.values())),
        "failures by cause": dict(Counter(job.cause for job in books.jobs.values() if job.state == State.FAILED)),
        "attempts by provider": dict(Counter(one.connection.provider for one in books.attempts)),
        "attempts by job": dict(Counter(str(times) for times in Counter(one.job_id for one in books.attempts).values())),
        "doubts by what came of them": after_doubt(list(found)),
        "calls heard": {"attempts": sum(one.called_at is not None for one in books.attempts)},
        "clips": {"saved": sum(clip.saved_at is not None for clips in books.clips.values() for clip in clips)},
        "restarts": dict(Heartbeat.objects.values_list("cluster", "restarts")),
    }


def after_doubt(events: list[tuple[object, str, str]]) -> dict[str, int]:
    """What followed each doubt of a job: the next state, with its cause where it failed."""
    after: Counter[str] = Counter()
    for (job, state, why), following in pairwise([*events, (None, "", "")]):
        if state != State.IN_DOUBT:
            continue
        same, end, cause = following
        after[f"{why} → {f'{end} {cause}'.strip() if same == job else 'still in doubt'}"] += 1
    return dict(after)


def _faults(one: RemoteJob) -> list[str]:
    return [kind for kind in (one.outcome_fault, one.answer_fault, one.link_fault, one.callback_fault) if kind]
