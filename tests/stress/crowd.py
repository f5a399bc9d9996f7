"""The people of the storm, from inside the installation: they order, order twice with one key, cancel, try again; an admin switches and mends.

Everything goes through what the pages call (actions.py, breaker.py, doubt.py), on several threads at once.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

from django.db import OperationalError, close_old_connections

from studio.accounts.models import User
from studio.control.smoke import shortest
from studio.credits import ledger
from studio.jobs import actions, doubt
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job, Policy
from studio.projects.models import Membership, Project
from studio.providers.contract import Brief
from studio.providers.registry import capabilities_of
from studio.routing import breaker
from studio.routing.models import Connection
from studio.sandbox import account
from studio.sandbox.models import Fault
from tests.stress import weather
from tests.time_limits import eventually

PEOPLE = ("alice", "bob", "erin", "frank")
POOR = "frank"  # has little to spend
TWICE = 0.15  # of the orders come twice at once, with one key
HANDS = 4  # threads that order
UNSENT = 0.05  # of the orders may wait to be sent when the storm ends: what is sent afterwards meets no fault
LONGEST = 3  # times its planned length; after that it ends all the same
MOST_PRESSES = 5  # of 20 s each, the longest that SQLite waits for a lock
T = TypeVar("T")
ROOM = {"requests_per_minute": 60_000, "jobs_at_once": 20}


@dataclass
class Crowd:
    """Four people in two projects, and an admin. `did` counts what they did, `troubles` holds what nobody expected."""

    chance: random.Random
    did: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.admin = User.objects.filter(role=User.Role.ADMIN).earliest("pk")
        self.people = [User.objects.create_user(f"{name}@example.org", name=name.capitalize()) for name in PEOPLE]
        self.projects = [Project.objects.create(code=code, name=code.capitalize(), created_by=self.admin) for code in ("STORM", "GALE")]
        for user in self.people:
            for project in self.projects:
                Membership.objects.create(project=project, user=user, role=Membership.Role.MAKER)
            ledger.grant(user, 1_000_000 if user.name.lower() == POOR else 1_000_000_000, key=user.email, reason="for the storm", actor=None)
        Connection.objects.update(**ROOM)
        self.connections = list(Connection.objects.filter(sandbox=True))

    def order(self) -> None:
        """One order, or twice the same at once."""
        user, project, where = self.chance.choice(self.people), self.chance.choice(self.projects), self.chance.choice(self.connections)
        policy = self.chance.choice([Policy.HAND, *Policy])
        what = actions.Order(connection=where, brief=_brief(where), policy=policy)
        key = uuid4()
        if self.chance.random() >= TWICE:
            self._ordered(user, project, what, key)
            return
        with ThreadPoolExecutor(2) as both:
            made = list(both.map(lambda _: self._ordered(user, project, what, key), range(2)))
        self.did["ordered twice with one key"] += 1
        if len({job for job in made if job}) > 1:
            self.troubles.append(f"One key ordered two jobs: {made}")

    def _ordered(self, user: User, project: Project, what: actions.Order, key: UUID) -> str:
        try:
            job = self._patiently(partial(actions.order, author=user, project=project, what=what, order_key=key))
        except ledger.Insufficient:
            self.did["too little credit"] += 1
        except actions.CannotDo:
            self.did["connection was off"] += 1
        else:
            self.did["orders"] += 1
            return str(job.pk)
        return ""

    def _patiently(self, act: Callable[[], T]) -> T:
        """Press again while the page says that the database did not answer: a process that was stopped in a transaction locks it for all."""
        for _ in range(MOST_PRESSES):
            try:
                return act()
            except OperationalError:
                self.did["told that the database is busy"] += 1
        return act()

    def cancel(self) -> None:
        job = self._some(State.QUEUED)
        if job and self._patiently(partial(actions.cancel, job, by=job.author)):
            self.did["cancelled"] += 1

    def retry(self) -> None:
        job = self._some(State.FAILED)
        try:
            if job and self._patiently(partial(actions.retry, job, by=job.author)):
                self.did["tried again"] += 1
        except (ledger.Insufficient, actions.CannotDo):
            self.did["could not be tried again"] += 1

    def switch(self) -> None:
        """A connection is off for a moment."""
        one = self.chance.choice(self.connections)
        this = Connection.objects.filter(pk=one.pk)
        self._patiently(partial(this.update, enabled=False))
        self.over.wait(0.5)
        self._patiently(partial(this.update, enabled=True))
        self.did["switched off and on"] += 1

    def mend(self) -> None:
        """An admin sees to what is paused, as the connections' page does."""
        for one in self.connections:
            self.did["breakers closed by hand"] += self._patiently(partial(breaker.close_all, one))

    def _some(self, state: State) -> Job | None:
        jobs = Job.objects.select_related("project", "connection", "author").filter(state=state)
        return jobs.order_by("?").first()

    def meddle(self) -> None:
        """One thing that is not an order."""
        self.chance.choice([self.cancel, self.retry, self.retry, self.switch, self.mend, self.mend])()

    def kept_up(self, act: Callable[[], None], *, times: int, pause: float) -> None:
        """Do it so often, with pauses, on a thread of its own. What nobody foresaw is a trouble."""
        for _ in range(times):
            try:
                act()
            except Exception as error:  # noqa: BLE001 - whatever a person would have been shown
                self.troubles.append(f"{act.__name__}: {type(error).__name__}: {error}"[:300])
            if self.over.wait(pause * self.chance.uniform(0.5, 1.5)):
                break
        close_old_connections()


def warm_up() -> None:
    """One clip of each connection before anything goes wrong, so that the sandbox has drawn the films that all others are copies of."""
    admin, project = User.objects.filter(role=User.Role.ADMIN).earliest("pk"), Project.objects.earliest("pk")
    jobs = [
        actions.order(author=admin, project=project, what=actions.Order(connection=one, brief=_brief(one)), order_key=uuid4())
        for one in Connection.objects.filter(sandbox=True)
    ]
    eventually(lambda: not Job.objects.filter(pk__in=[job.pk for job in jobs]).exclude(state=State.DONE).exists(), within=60, every=0.2)


def storm(*, jobs: int, seconds: float, seed: int, sure: int) -> dict[str, object]:
    """Order so many jobs in about so many seconds, until they were sent; what was done, and what nobody expected."""
    Fault.objects.bulk_create([*weather.sure(sure, seed=seed), *weather.chances()])
    crowd = Crowd(random.Random(seed))
    pause = seconds * HANDS / jobs
    hands = [threading.Thread(target=crowd.kept_up, args=(crowd.order,), kwargs={"times": jobs // HANDS, "pause": pause}) for _ in range(HANDS)]
    meddler = threading.Thread(target=crowd.kept_up, args=(crowd.meddle,), kwargs={"times": 1_000_000, "pause": 0.3})
    began = time.monotonic()
    for thread in (*hands, meddler):
        thread.start()
    for thread in hands:
        thread.join()
    while time.monotonic() - began < LONGEST * seconds and Job.objects.filter(state=State.QUEUED).count() > jobs * UNSENT:
        crowd.over.wait(0.5)
    crowd.over.set()
    meddler.join()
    return {"did": dict(crowd.did), "troubles": crowd.troubles}


def calm() -> None:
    """The storm is over: nothing goes wrong on purpose any more."""
    Fault.objects.update(on=False)


def resolve() -> dict[str, int]:
    """An admin gives the verdict on everything that is in doubt, from what the provider's own console shows; how many of each."""
    admin = User.objects.filter(role=User.Role.ADMIN).earliest("pk")
    known = set(Attempt.objects.exclude(remote_id=None).values_list("remote_id", flat=True))
    verdicts: Counter[str] = Counter()
    for job in Job.objects.select_related("project", "connection").filter(state=State.IN_DOUBT):
        attempt = Attempt.objects.get(job=job, ended_at=None)
        made = [one.remote_id for one in account.submissions(naming=job.prompt) if one.is_paid and one.provider == job.connection.provider]
        lost = [one for one in made if one not in known]
        if attempt.remote_id:
            doubt.write_off(job, by=admin, reason="it renders for ever")
            verdicts["written off"] += 1
        elif lost:
            doubt.name(job, lost[0], by=admin, reason="the console shows it")
            known.add(lost[0])
            verdicts["named"] += 1
        else:
            doubt.release(job, by=admin, reason="the console shows no such order")
            verdicts["released"] += 1
    return dict(verdicts)


def _brief(connection: Connection) -> Brief:
    """The cheapest brief there, with words that no other order has."""
    able = [can for can in capabilities_of(connection.provider, connection.dialect) if can.images[0] == 0]
    least = min(able, key=lambda can: can.durations[0] if can.durations else 0)
    return replace(shortest(least), prompt=f"A paper boat in the storm, number {uuid4().hex}")
