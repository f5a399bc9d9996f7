"""Whose turn it is when one person has ordered much: the place at which another one's first job goes out."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import hands
from studio.jobs.actions import Order, order
from studio.jobs.worker import sweep
from studio.projects.models import Project
from tests.bench.conftest import connect
from tests.bench.served import Served
from tests.jobs.conftest import BRIEF

QUEUED = 500


@pytest.mark.django_db
def test_the_place_of_a_first_job_behind_a_long_queue(
    served: Served, alice: User, bob: User, tide: Project, settings: Settings, say: Callable[[str], None]
):
    settings.ALLOW_PRIVATE_HOSTS = frozenset({served.host})
    hands.let_go()
    connection = connect(served, "fair", jobs_at_once=4)
    for person, jobs in ((alice, QUEUED), (bob, 1)):
        ledger.grant(person, 10**9, key=person.email, reason="for the benchmark", actor=None)
        for _ in range(jobs):
            order(author=person, project=tide, what=Order(connection=connection, brief=replace(BRIEF, prompt=person.name)), order_key=uuid4())
    sweep(connection.pk)
    hands.let_go()
    sent = served.seen("fair").submitted
    place = sent.index(bob.name) + 1
    say(f"\n\nFairness: {alice.name} has {QUEUED} jobs queued, then {bob.name} orders one: it goes out as number {place} of {QUEUED + 1}")
    assert place <= 2
