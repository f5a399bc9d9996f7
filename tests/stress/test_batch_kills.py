"""A worker that dies at any line while it carries on a batch: every row becomes one clip all the same, and the books are right."""

from functools import partial

import pytest

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import actions, batch_actions, batch_ceiling, batch_line, batch_worker, moves
from studio.jobs.batch_models import Batch
from studio.jobs.lifecycle import State
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.batches import PLENTY, all_is_well, batch_of, carry_on, end, facts, jobs_of
from tests.stress.killing import PARTS, Line, chosen, files_of, traced, until_killed

FILES = files_of(actions, batch_actions, batch_ceiling, batch_line, batch_worker, moves, ledger)


@pytest.fixture
def rich(alice: User) -> User:
    ledger.grant(alice, 1_000 * PLENTY, key="rich", reason="for batches", actor=None)
    return alice


def life(batch: Batch, by: User) -> None:
    """A batch's whole story: waves, one failure, a pause, a stop, and what failed again."""
    carry_on(batch)
    for job, state in zip(jobs_of(batch, State.QUEUED), (State.DONE, State.FAILED), strict=False):
        end(job, state)
    carry_on(batch)
    batch_actions.pause(batch, by=by)
    carry_on(batch)
    batch_actions.go_on(batch)
    carry_on(batch)
    batch_actions.stop(batch, by=by)
    carry_on(batch)
    batch_actions.again(batch)
    carry_on(batch)


def finished(batch: Batch) -> None:
    """What the next worker does, until every row is done."""
    batch_actions.go_on(batch)
    for _ in range(12):
        batch_actions.again(batch)
        carry_on(batch)
        for job in jobs_of(batch, State.QUEUED):
            end(job)
        for job in jobs_of(batch, State.SENDING, State.RENDERING, State.SAVING):  # it died between two moves of the tests' own
            moves.finish(job, State(job.state), State.FAILED)
        if carry_on(batch).done == 4:
            return


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_wherever_a_worker_dies_every_row_becomes_one_clip_and_the_books_are_right(
    part: int, rich: User, tide: Project, xai: Connection, run_seed: int
):
    ran = {"a batch": traced(lambda: life(batch_of(rich, tide, xai, takes=4, wave=2), rich), files=FILES)}
    died = set[Line]()
    for _, place in chosen(ran, seed=run_seed, part=part):
        batch = batch_of(rich, tide, xai, takes=4, wave=2)
        died_at = until_killed(partial(life, batch, rich), place, files=FILES)
        batch.refresh_from_db()
        all_is_well(batch)
        finished(batch)
        assert (facts(batch).done, facts(batch).count) == (4, 4), died_at
        all_is_well(batch)
        died |= {died_at} if died_at else set()
    functions = {line.function for line in died}
    print(f"of {len(ran['a batch'])} lines that ran, died at {len(died)} different ones in {len(functions)} functions")  # noqa: T201 - the figure is the point
    assert len(died) > 5  # in each of the parts between which a long run divides its lines
