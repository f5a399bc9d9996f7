"""`manage.py smoke` orders as a person would, waits, and tells what came of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from studio.accounts.models import User
from studio.control import smoke
from studio.credits import ledger
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Heartbeat, Job
from studio.projects.models import Project
from studio.providers.fitting import why_not
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection
from tests.control.conftest import Command, refused

Finish = Callable[[float], None]


@pytest.fixture
def funded(ada: User) -> User:
    """Ada, the admin, with 1,000 credits."""
    ledger.grant(ada, 1_000_000, key="fixture", reason="for the test", actor=None)
    return ada


def ending(state: State, **fields: object) -> Finish:
    """What happens while smoke waits: every job ends like this."""

    def pause(seconds: float) -> None:
        Job.objects.update(state=state, **fields)
        Attempt.objects.update(usage_amount="500000000", usage_unit="cost_in_usd_ticks")

    return pause


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_shortest_brief_is_one_that_its_model_can_do(provider: str):
    for can in PROVIDERS[provider].capabilities:
        if can.images[0] == 0:
            assert why_not(can, smoke.shortest(can)) == {}


def test_a_clip_that_is_done_is_good_and_its_line_has_usage_and_charge(funded: User, tide: Project, xai: Connection):
    trial = smoke.start(xai, author=funded, project=tide)

    ended = smoke.watch([trial], seconds=5, sleep=ending(State.DONE, charged=5_000))

    assert ended[0].is_good
    line = list(smoke.table(ended))[1]
    for part in ("xAI sandbox", "TIDE-001", "done", "500000000 cost_in_usd_ticks", " 5"):
        assert part in line


def test_a_clip_that_fails_is_not_good_and_says_why(funded: User, tide: Project, xai: Connection):
    trial = smoke.start(xai, author=funded, project=tide)

    ended = smoke.watch(
        [trial], seconds=5, sleep=ending(State.FAILED, message="The provider could not make it", charged=1_000, charge_is_estimate=True)
    )

    assert not ended[0].is_good
    assert "1 est.  The provider could not make it" in list(smoke.table(ended))[1]


def test_waiting_ends_at_its_deadline(funded: User, tide: Project, xai: Connection):
    trial = smoke.start(xai, author=funded, project=tide)

    ended = smoke.watch([trial], seconds=-1)

    assert [trial.is_good for trial in ended] == [False]
    assert "queued" in list(smoke.table(ended))[1]


def test_an_order_that_is_refused_is_a_line_of_its_own(ada: User, tide: Project, xai: Connection):
    trials = smoke.watch([smoke.start(xai, author=ada, project=tide)], seconds=5)

    assert not trials[0].is_good
    assert "are missing" in list(smoke.table(trials))[1]


def test_the_command_prints_the_table_and_names_what_is_not_done(command: Command, working: Heartbeat, ada: User, tide: Project, xai: Connection):
    with refused("Not done: xAI sandbox."):
        command("smoke", "--seconds", "0")


def test_without_a_worker_nothing_is_ordered(command: Command, working: Heartbeat, funded: User, tide: Project, xai: Connection):
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=1))

    with refused("No worker was heard of for 15 s. Start one: make run, or manage.py work."):
        command("smoke", "--seconds", "0")

    assert not Job.objects.exists()


def test_a_worker_that_is_just_being_started_is_waited_for():
    answers = ["silent", "silent", ""]
    pauses: list[float] = []

    assert smoke.until(lambda: answers.pop(0), seconds=60, sleep=pauses.append) == ""
    assert len(pauses) == 2
    assert smoke.until(lambda: "silent", seconds=0) == "silent"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--connection", "Nope"), "No connection 'Nope' is on. On are: xAI sandbox."),
        (("--email", "nobody@example.org"), "Nobody active has the e-mail address nobody@example.org."),
        (("--project", "NONE"), "There is no project NONE."),
    ],
)
def test_what_does_not_exist_is_said(
    words: tuple[str, ...], complaint: str, command: Command, working: Heartbeat, funded: User, tide: Project, xai: Connection
):
    with refused(complaint):
        command("smoke", *words)


def test_on_an_empty_installation_it_says_what_is_missing(command: Command, xai: Connection):
    with refused("There is no admin yet. Run manage.py setup."):
        command("smoke")


def test_without_a_project_it_says_so(command: Command, ada: User, xai: Connection):
    with refused("There is no project yet."):
        command("smoke")
