"""Every order of orders, sweeps, saves, faults, callbacks, cancels, held-back jobs, retries, verdicts, pauses, time and dead workers, against what must hold after
each step.

Two connections, so that a policy has somewhere else to go: one speaks as xAI does, one as AceData, which calls back and has a list. Both are played
over real HTTP and lie as they are told. Looked for: a second submission of one attempt, books that do not add up, a hold without a live attempt, two
live attempts of one job, a job that nobody will look at again.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from itertools import count
from unittest import mock
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import Count, QuerySet
from django.utils import timezone
from hypothesis import settings as bounded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pytest_django.fixtures import Settings

from studio.credits import ledger
from studio.credits.models import Hold
from studio.jobs import actions, alerts, doubt, sweeping
from studio.jobs.alerts import Choice
from studio.jobs.charging import MOST_CLIPS, UNBELIEVABLE
from studio.jobs.checks import verify_holds
from studio.jobs.hands import Outcome
from studio.jobs.lifecycle import FINAL, State
from studio.jobs.line import in_turn
from studio.jobs.models import Attempt, Clip, Job, Policy
from studio.jobs.rescue import rescue
from studio.jobs.saving import save
from studio.jobs.sending import Ticket, submitted
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.providers.wire import Answer
from studio.routing.models import Breaker, Connection, PriceRule
from studio.routing.prices import dearest
from tests.conftest import person
from tests.jobs.conftest import BRIEF, pass_time
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply, attempt_in
from tests.long_run import LONG, SEQUENCES
from tests.stress.killing import Killed, Killer, lose_connections, lose_database
from tests.stress.test_kills import FILES, MODELS, told

SUBMITS = {
    "lost": VANISH,
    "cut short": Reply(body={"request_id": "cut"}, short_by=4),
    "broken": Reply(500, {"error": "upstream"}),
    "a page": Reply(200, b"<html>hello</html>"),
    "refused": Reply(400, {"code": "invalid-argument", "error": "No"}),
    "charged and refused": Reply(400, {"error": "rejected by content moderation", "usage": {"cost_in_usd_ticks": 200_000_000}}),
    "not now": Reply(429, {"error": "Too many requests"}, headers={"Retry-After": "20"}),
    "the same id": Reply(body={"request_id": "always-the-same"}),
    "the last one": Reply(body={"request_id": "remote-last"}, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}),
}
LOOKS = {
    "pending": PENDING,
    "silent": VANISH,
    "broken": Reply(503, b"busy"),
    "a page": Reply(200, b"<html>"),
    "unknown word": Reply(body={"status": "marinating"}),
    "failed": Reply(body={"status": "failed", "error": {"code": "internal_error", "message": "Sorry"}, "usage": {"cost_in_usd_ticks": 1}}),
    "moderated": Reply(body={"status": "done", "video": {"respect_moderation": False}, "usage": {"cost_in_usd_ticks": 300_000_000}}),
    "not now": Reply(429, {}, headers={"Retry-After": "40"}),
}
DOWNLOADS = {
    "not there yet": Reply(404, b"gone"),
    "cut short": Reply(body=b"0" * 1_000, short_by=10),
    "no film": Reply(200, b"not a film" * 50),
    "broken": Reply(500, b""),
}
USAGES = st.sampled_from([None, 0, 500_000_000, 2_000_000_000, -5, "12", 10**19]) | st.integers(0, 10**20)
PRICES = st.sampled_from([0, 1, 5_000, 10**6]) | st.integers(0, 10**8)  # millicredits of a clip
TO_BE_MET: list[tuple[set[str], int]] = [
    ({"done", "failed", "in_doubt", "killed"}, 4),
    ({"pause", "go on", "first"}, 1),
    ({"tried again", "called right", "called forged", "tried elsewhere", "release"}, 3),
    ({"late answer", "late beside another attempt", "fetched late", "settled"}, 3),
]
VERDICTS = {"release": doubt.release, "write_off": doubt.write_off}
WHERE = st.integers(0, 1)
POLICY = st.sampled_from([Policy.HAND, Policy.CHEAPEST, Policy.ORDERED])
WRONGS = [(where, reply) for where, replies in (("submit", SUBMITS), ("look", LOOKS), ("download", DOWNLOADS)) for reply in replies.values()]


class EveryOrder(RuleBasedStateMachine):
    """Alice and Bob order, each clip with a prompt of its own; Bob has little to spend. Dave gives verdicts."""

    played: PlayedProvider  # set by the test: Hypothesis makes the machines
    reached: Counter[str]
    machines = count(1)

    def __init__(self) -> None:
        super().__init__()
        number = next(self.machines)
        self.people = [person(f"{name}{number}@example.org") for name in ("alice", "bob")]
        self.dave = person(f"dave{number}@example.org", role="credit_manager")
        self.project = Project.objects.create(code=f"T{number}", name="Tidewater")
        for one in self.people:
            self.project.memberships.create(user=one, role="maker")
        Connection.objects.update(enabled=False)  # those of earlier machines are nowhere to go
        self.connections = [self.connected(provider, number) for provider in ("xai", "acedata")]
        self.stalled: list[tuple[Ticket, Outcome]] = []
        for user, amount in zip(self.people, (1_000_000, 30_000), strict=True):
            ledger.grant(user, amount, key=user.email, reason="to spend", actor=None)
        self.heal()

    def connected(self, provider: str, number: int) -> Connection:
        connection = Connection(provider=provider, label=f"{provider} {number}", base_url=self.played.address, requests_per_minute=600)
        connection.jobs_at_once = 3
        connection.set_key("a-secret-key-0001")
        connection.save()
        return connection

    @property
    def jobs(self) -> QuerySet[Job]:
        return Job.objects.filter(project=self.project)

    @property
    def attempts(self) -> QuerySet[Attempt]:
        return Attempt.objects.filter(job__project=self.project)

    def order(self, who: int, jobs: int, where: int = 0, policy: str = Policy.HAND) -> None:
        """What cannot be paid, or done at a connection that is off, is refused and leaves nothing behind."""
        connection = Connection.objects.get(pk=self.connections[where].pk)
        for _ in range(jobs):
            brief = replace(BRIEF, prompt=str(uuid4()), model=MODELS[connection.provider])
            what = actions.Order(connection=connection, brief=brief, policy=policy)
            try:
                actions.order(author=self.people[who], project=self.project, what=what, order_key=uuid4())
            except (ledger.Insufficient, actions.CannotDo) as refusal:
                self.reached[type(refusal).__name__] += 1

    @rule(who=st.integers(0, 1), jobs=st.integers(1, 3), where=WHERE, policy=POLICY)
    def people_order(self, who: int, jobs: int, where: int, policy: str) -> None:
        self.order(who, jobs, where, policy)

    @rule(wrong=st.sampled_from(WRONGS), times=st.integers(1, 4), where=WHERE, policy=POLICY, early=st.booleans())
    def work(self, wrong: tuple[str, Reply], times: int, where: int, policy: str, early: bool) -> None:
        """An order, and one round of the worker at providers that go wrong in one way; with `early` a callback comes before the answer."""
        where_wrong, reply = wrong
        self.order(0, 1, where, policy)
        self.heal()
        scripts = {"submit": self.played.on_submit, "look": self.played.on_look, "download": self.played.on_download}
        scripts[where_wrong] += [reply] * times
        self.played.before_answering = self.called_early if early else None
        for _ in range(2):
            self.pass_time(100)
            self.sweep_and_save()

    @rule(wrong=st.sampled_from([("look", LOOKS["failed"]), ("submit", SUBMITS["refused"])]), where=WHERE)
    def fail_and_go_elsewhere(self, wrong: tuple[str, Reply], where: int) -> None:
        self.work(wrong, 1, where, Policy.CHEAPEST, early=False)

    @rule(wrong=st.sampled_from(WRONGS), line=st.integers(1, 700), usage=USAGES, where=WHERE)
    def die_at_work(self, wrong: tuple[str, Reply], line: int, usage: object, where: int) -> None:
        """The worker dies at the n-th line of its code."""
        with Killer(line, files=FILES):
            try:
                self.work(wrong, 1, where, Policy.CHEAPEST, early=False)
            except Killed:
                self.reached["killed"] += 1
                lose_database()
                lose_connections()
        self.played.usage = usage

    def sweep_and_save(self) -> None:
        for connection in self.connections:
            sweep(connection.pk)
        for job in self.jobs.filter(state=State.SAVING):
            save(str(job.pk))

    def called_early(self, remote_id: str, body: dict[str, object]) -> None:
        """From the provider's thread: the end is told before the beginning."""
        address = str(body.get("callback_url") or "")
        if address:
            self.reached["called early"] += told(address, {"task_id": remote_id}) == HTTPStatus.NO_CONTENT
            connections.close_all()

    @rule(wrong=st.sampled_from([None, *SUBMITS.values()]), where=WHERE, policy=POLICY)
    def stall_while_sending(self, wrong: Reply | None, where: int, policy: str) -> None:
        """A sender sleeps with the answer in its hands until its lease has run out."""
        self.order(0, 1, where, policy)
        self.heal()
        self.played.on_submit += [wrong] if wrong else []
        with mock.patch.object(sweeping, "submitted", lambda ticket, outcome: self.stalled.append((ticket, outcome))):
            self.sweep_and_save()
        self.pass_time(1_000)
        self.sweep_and_save()

    @rule(which=st.integers(0, 5), twice=st.booleans())
    def wake(self, which: int, twice: bool) -> None:
        """A sender that slept writes its answer down, perhaps twice; meanwhile anything may have happened to its job."""
        if not self.stalled:
            self.stall_while_sending(None, which % 2, Policy.HAND)
        for job in self.jobs.select_related("project").filter(pk__in=[ticket.job.pk for ticket, _ in self.stalled], state=State.IN_DOUBT)[:1]:
            doubt.release(job, by=self.dave, reason="nobody knows")
            self.retry(0, 0)
        for ticket, outcome in self.stalled[which % max(1, len(self.stalled)) :][:1]:
            follower = self.attempts.filter(job=ticket.job, ended_at=None).exclude(pk=ticket.attempt.pk).values().first()
            submitted(ticket, outcome)
            if twice:
                submitted(ticket, outcome)
            if follower:
                assert self.attempts.filter(pk=follower["id"]).values().get() == follower
            self.reached["late answer"] += 1
            self.reached["late beside another attempt"] += follower is not None

    @rule()
    def fetch_late(self) -> None:
        """What was taken on after its attempt had ended is fetched."""
        for attempt in self.attempts.filter(rescue_due__isnull=False, ended_at__isnull=False):
            Attempt.objects.filter(pk=attempt.pk).update(rescue_due=timezone.now(), rescue_until=None)
            rescue(str(attempt.pk))
            saved = Clip.objects.filter(attempt=attempt, saved_at__isnull=False).exists()
            self.reached["fetched late"] += saved and attempt.outcome == State.FAILED

    @rule(where=WHERE, fixed=PRICES)
    def price(self, where: int, fixed: int) -> None:
        """An admin changes what a clip costs there; 0 says that it is free."""
        source, day = {"source": "a contract", "fixed": fixed}, date(2026, 11, 1)
        PriceRule.objects.update_or_create(connection=self.connections[where], provider=self.connections[where].provider, as_of=day, defaults=source)

    @rule(which=st.integers(0, 3), choice=st.sampled_from(Choice), amount=PRICES)
    def settle(self, which: int, choice: Choice, amount: int) -> None:
        """An admin settles an alert, as it stands or otherwise."""
        for attempt in alerts.open_alerts().filter(job__project=self.project).select_related("job__project")[which : which + 1]:
            try:
                alerts.settle(attempt, choice, by=self.dave, reason="their invoice", amount=amount)
                self.reached["settled"] += 1
            except alerts.CannotSettle:
                self.reached["not settled"] += 1

    @rule(which=st.integers(0, 9), what=st.sampled_from(["right", "forged", "nothing"]), times=st.integers(1, 3))
    def call(self, which: int, what: str, times: int) -> None:
        """A callback with its token: in time, late, again and again, with the right id, another one's or none."""
        self.order(0, 1, 1)
        self.sweep_and_save()
        calling = [(remote_id, made) for remote_id, made in self.played.made.items() if made.body.get("callback_url")]
        for remote_id, made in calling[-10:][which : which + 1]:
            named = {"right": remote_id, "forged": next(iter(self.played.made)), "nothing": ""}[what]
            address = str(made.body["callback_url"])
            assert {told(address, {"task_id": named, "data": {"video_url": "https://evil.example/x.mp4"}}) for _ in range(times)} == {204}
            assert told(address[:-3] + "x/", {}) == HTTPStatus.NOT_FOUND
            self.reached[f"called {what}"] += 1
            self.sweep_and_save()

    @rule(which=st.integers(0, 5), who=st.integers(0, 1))
    def cancel(self, which: int, who: int) -> None:
        for job in self.jobs.select_related("project").order_by("-number")[which : which + 1]:
            actions.cancel(job, by=self.people[who])

    @rule(which=st.integers(0, 1), who=st.integers(0, 1), act=st.sampled_from(["pause", "go on", "first", "cancel"]), where=WHERE)
    def hold_back(self, which: int, who: int, act: str, where: int) -> None:
        """A person holds an order back, goes on with one, or puts one first; what was sent meanwhile is not touched."""
        self.order(who, 2, where)
        before = self.turns(where)
        doing: dict[str, Callable[[Job], bool]] = {
            "pause": lambda job: actions.pause(job, by=self.people[who]),
            "go on": lambda job: actions.go_on(job, by=self.people[who]),
            "first": actions.put_first,
            "cancel": lambda job: actions.cancel(job, by=self.people[who]),
        }
        if act == "go on":
            self.hold_back_newest(who)
        wanted = [State.PAUSED] if act == "go on" else [State.QUEUED, State.PAUSED, State.RENDERING]
        for job in self.jobs.select_related("project").filter(state__in=wanted).order_by("-number")[which : which + 2]:
            state, held = job.state, self.held_for(job)
            won = doing[act](job)
            job.refresh_from_db()
            assert won == (state in {"pause": {"queued"}, "go on": {"paused"}, "first": {"queued"}, "cancel": {"queued", "paused"}}[act])
            assert won or job.state == state
            assert self.held_for(job) == (0 if won and act == "cancel" else held)
            self.reached[act] += won
        if act == "first":
            assert self.turns(where) == before

    def hold_back_newest(self, who: int) -> None:
        for job in self.jobs.select_related("project").filter(state=State.QUEUED).order_by("-number")[:2]:
            self.reached["pause"] += actions.pause(job, by=self.people[who])

    def turns(self, where: int) -> list[int]:
        """Whose turns are coming at a connection."""
        return [job.author_id for job in in_turn(Job.objects.filter(connection=self.connections[where]))]

    def held_for(self, job: Job) -> int:
        open_ones = Hold.objects.filter(reference__in=map(str, self.attempts.filter(job=job).values_list("pk", flat=True)), state=Hold.State.OPEN)
        return sum(open_ones.values_list("amount", flat=True))

    @rule(which=st.integers(0, 3), who=st.integers(0, 1))
    def retry(self, which: int, who: int) -> None:
        if not self.jobs.filter(state=State.FAILED).exists():
            self.work(("submit", SUBMITS["refused"]), 1, 0, Policy.HAND, early=False)
        failed = self.jobs.select_related("project", "connection", "author").filter(state=State.FAILED)
        for job in failed.order_by("-number")[which : which + 1]:
            try:
                self.reached["tried again"] += actions.retry(job, by=self.people[who])
            except (ledger.Insufficient, actions.CannotDo) as refusal:
                self.reached[type(refusal).__name__] += 1

    @rule(verdict=st.sampled_from(["release", "write_off", "name"]))
    def give_a_verdict(self, verdict: str) -> None:
        """On the oldest doubt; whoever gives an id gives the right one, if anything was made."""
        if not self.jobs.filter(state=State.IN_DOUBT).exists():
            self.work(("submit", SUBMITS["lost"]), 1, 0, Policy.HAND, early=False)
        for job in self.jobs.select_related("project").filter(state=State.IN_DOUBT).order_by("number")[:1]:
            attempt = str(self.attempts.get(job=job, ended_at=None).pk)
            made = [remote_id for remote_id, one in self.played.made.items() if attempt_in(one.body) == attempt]
            try:
                if verdict == "name":
                    doubt.name(job, made[0] if made else "never-seen", by=self.dave, reason="the console shows it")
                else:
                    VERDICTS[verdict](job, by=self.dave, reason="nobody knows")
            except doubt.CannotResolve:
                verdict = "no verdict"
            self.reached[verdict] += 1

    @rule(who=st.integers(0, 1), where=WHERE)
    def pause_for_a_round(self, who: int, where: int) -> None:
        paused = Connection.objects.filter(pk=self.connections[where].pk)
        paused.update(enabled=False)
        self.order(who, 1, where)
        self.pass_time(100)
        self.sweep_and_save()
        paused.update(enabled=True)

    @rule(seconds=st.sampled_from([1, 60, 4_000]))
    def pass_time(self, seconds: float) -> None:
        """For the provider as well: its list says when things were made."""
        pass_time(seconds)
        for made in self.played.made.values():
            made.at -= seconds

    @invariant()
    def everything_holds(self) -> None:
        self.no_attempt_was_sent_again_unless_it_was_turned_away_for_now()
        self.the_books_are_right()
        self.each_attempt_costs_what_its_hold_was_settled_with_and_a_job_what_its_attempts_cost()
        self.no_figure_is_charged_beyond_belief_unless_an_admin_said_so()
        self.a_job_has_one_live_attempt_while_it_lives_and_then_none()
        self.every_job_has_ended_or_is_in_doubt_or_held_back_or_will_be_looked_at()
        self.what_is_held_back_was_not_sent()
        self.what_is_done_is_ours()

    def no_attempt_was_sent_again_unless_it_was_turned_away_for_now(self) -> None:
        assert all(reply is SUBMITS["not now"] for replies in self.played.answered.values() for reply in replies[:-1])

    def the_books_are_right(self) -> None:
        assert ledger.verify() == []
        assert verify_holds() == []

    def each_attempt_costs_what_its_hold_was_settled_with_and_a_job_what_its_attempts_cost(self) -> None:
        settled = {hold.reference: hold.charged + hold.corrected for hold in Hold.objects.filter(account__user__in=self.people)}
        assert {str(one.pk): one.charged or 0 for one in self.attempts} == settled
        for job in self.jobs.filter(state__in=FINAL):
            assert job.charged == sum(one.charged or 0 for one in self.attempts.filter(job=job))

    def no_figure_is_charged_beyond_belief_unless_an_admin_said_so(self) -> None:
        for one in self.attempts.filter(charged__isnull=False, alert_settled_at=None):
            assert one.charged is not None
            assert one.charged <= max(MOST_CLIPS * dearest(), one.estimate)
            assert one.charged <= max(UNBELIEVABLE * one.estimate, one.estimate) or not one.price or not one.estimate
            assert one.outcome != State.DONE or one.charged or not one.estimate

    def a_job_has_one_live_attempt_while_it_lives_and_then_none(self) -> None:
        living = Counter(self.attempts.filter(ended_at=None).values_list("job", flat=True))
        assert living == Counter(self.jobs.exclude(state__in=FINAL).values_list("pk", flat=True))

    def every_job_has_ended_or_is_in_doubt_or_held_back_or_will_be_looked_at(self) -> None:
        assert not self.jobs.exclude(state__in=[*FINAL, State.IN_DOUBT, State.PAUSED]).filter(due=None).exists()
        assert not self.jobs.filter(state__in=[*FINAL, State.PAUSED]).exclude(due=None).exists()

    def what_is_held_back_was_not_sent(self) -> None:
        assert not self.attempts.filter(job__state=State.PAUSED, ended_at=None).exclude(sent_at=None).exists()

    def what_is_done_is_ours(self) -> None:
        assert not Clip.objects.filter(attempt__in=self.attempts.filter(outcome=State.DONE), saved_at=None).exists()
        assert not self.jobs.filter(state=State.DONE).exclude(clips__saved_at__isnull=False).exists()

    def heal(self) -> None:
        """All goes well from now on."""
        for script in (self.played.on_submit, self.played.on_look, self.played.on_download):
            script.clear()
        self.played.usage = 500_000_000
        self.played.before_answering = None

    def teardown(self) -> None:
        """Left alone, every job ends or is in doubt; what the list shows is not, nothing is held but for doubt, and what was made is ours."""
        self.heal()
        for ticket, outcome in self.stalled:
            submitted(ticket, outcome)
        for job in self.jobs.select_related("project").filter(state=State.PAUSED):
            assert actions.go_on(job, by=self.dave)
        for _ in range(60):
            if not self.jobs.exclude(state__in=[*FINAL, State.IN_DOUBT]).exists() and not self.found_by_nobody():
                break
            self.pass_time(1_000)
            self.sweep_and_save()
        for _ in range(8):
            self.fetch_late()
        self.nothing_that_was_taken_on_late_is_lost()
        self.reached.update(self.jobs.values_list("state", flat=True))
        self.reached["second attempts"] += self.attempts.count() - self.jobs.count()
        elsewhere = self.attempts.values("job").annotate(places=Count("connection", distinct=True)).filter(places=2)
        self.reached["tried elsewhere"] += elsewhere.count()
        self.reached["breakers that counted"] += Breaker.objects.filter(connection__in=self.connections).exclude(last_error="").count()
        assert not self.jobs.exclude(state__in=[*FINAL, State.IN_DOUBT]).exists()
        assert not self.found_by_nobody()
        doubted = self.attempts.filter(job__state=State.IN_DOUBT, ended_at=None).values_list("pk", flat=True)
        held = Hold.objects.filter(account__user__in=self.people, state=Hold.State.OPEN).values_list("reference", flat=True)
        assert set(held) == {str(pk) for pk in doubted}

    def nothing_that_was_taken_on_late_is_lost(self) -> None:
        """Whoever woke with an id brought a clip, or an alert."""
        for ticket, outcome in self.stalled:
            if isinstance(outcome, Answer) and outcome.report.remote_id in self.played.made:
                kept = Attempt.objects.get(pk=ticket.attempt.pk)
                assert Clip.objects.filter(attempt=kept, saved_at__isnull=False).exists() or kept.alert or kept.outcome == State.FAILED

    def found_by_nobody(self) -> set[str]:
        """Attempts in doubt that the list shows."""
        lost = self.attempts.filter(job__state=State.IN_DOUBT, ended_at=None, remote_id=None, connection=self.connections[1])
        return {str(pk) for pk in lost.values_list("pk", flat=True)} & {attempt_in(made.body) for made in self.played.made.values()}


FAILED_LOOK = ("look", LOOKS["failed"])
WALK: list[Callable[[EveryOrder], None]] = [
    lambda machine: machine.work(FAILED_LOOK, 1, 0, Policy.HAND, early=False),
    lambda machine: machine.retry(0, 0),
    lambda machine: machine.call(0, "right", 2),
    lambda machine: machine.call(0, "forged", 1),
    lambda machine: machine.fail_and_go_elsewhere(FAILED_LOOK, 0),
    lambda machine: machine.die_at_work(FAILED_LOOK, 100, 0, 0),
    lambda machine: machine.hold_back(0, 0, "pause", 0),
    lambda machine: machine.hold_back(0, 0, "go on", 1),
    lambda machine: machine.stall_while_sending(None, 0, Policy.HAND),
    lambda machine: machine.wake(0, twice=True),
    lambda machine: machine.fetch_late(),
    lambda machine: machine.settle(0, Choice.ESTIMATED, 0),
    lambda machine: machine.give_a_verdict("release"),
    lambda machine: machine.work(("submit", SUBMITS["lost"]), 1, 0, Policy.HAND, early=False),
]


# A worker that dies leaves coroutines that nobody awaits; here they are seen, because the test itself lives on.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.django_db(transaction=True)
def test_every_order_of_events_keeps_the_money_and_loses_no_job(played: PlayedProvider, settings: Settings):
    """One sequence that reaches each kind for certain, then random ones; the long run asks that those alone reach each."""
    settings.PUBLIC_URL = "https://studio.example.org"
    EveryOrder.played = played
    EveryOrder.reached = Counter()
    if not LONG:
        walk(EveryOrder())
    run_state_machine_as_test(EveryOrder, settings=bounded(max_examples=SEQUENCES, stateful_step_count=16))
    print(dict(EveryOrder.reached))  # noqa: T201 - what it reached is the point
    assert not unseen((+EveryOrder.reached).keys())


def walk(machine: EveryOrder) -> None:
    """The chosen sequence; the same must hold after each step."""
    for step in WALK:
        step(machine)
        machine.everything_holds()
    machine.teardown()


def unseen(reached: Collection[str]) -> list[set[str]]:
    """The kinds of which too few were met: of each so many, and which of them is up to the dice."""
    return [kinds for kinds, least in TO_BE_MET if len(kinds.intersection(reached)) < least]
