"""When a batch stops, at its boundaries; and who may not order any more."""

import pytest

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.batch_models import Batch
from studio.jobs.batch_rules import Facts, broken
from studio.jobs.lifecycle import State
from studio.projects.actions import archive
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.batches import PLENTY, all_is_well, batch_of, carry_on, end, jobs_of, money

S, C = Batch.State, Batch.Cause


@pytest.mark.parametrize(
    ("failed", "done", "stops"),
    [(3, 3, False), (4, 3, True), (4, 0, False), (5, 0, True), (2, 3, False)],
    ids=["half is not more than half", "more than half", "four say nothing yet", "five that failed", "fewer than half"],
)
def test_too_many_failures_are_more_than_the_share_of_those_that_ended(failed: int, done: int, stops: bool):
    facts = Facts(by_state={State.FAILED: failed, State.DONE: done, State.RENDERING: 4})
    stop = broken(Batch(most_failed=50), facts)
    assert (stop is not None and stop[0] == C.FAILURES) == stops


@pytest.mark.parametrize(("kept", "stops"), [(1, False), (2, True), (3, True)])
def test_so_many_kept_clips_are_enough(kept: int, stops: bool):
    stop = broken(Batch(enough_kept=2), Facts(kept=kept))
    assert (stop is not None and stop[0] == C.KEPT) == stops


def test_in_an_archived_project_no_further_wave_is_ordered_and_nothing_more_is_held(alice: User, bob: User, tide: Project, xai: Connection):
    ledger.grant(alice, PLENTY, key="rich", reason="for batches", actor=None)
    batch = batch_of(alice, tide, xai, takes=4, wave=2)
    carry_on(batch)
    for job in jobs_of(batch):
        end(job)
    archive(tide, by=bob)
    carry_on(batch, times=2)
    assert (batch.state, batch.cause, batch.why) == (S.PAUSED, C.TROUBLE, "The project is archived.")
    assert (len(jobs_of(batch)), money(batch).held) == (2, 0)
    all_is_well(batch)
