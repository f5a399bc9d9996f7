"""The table of moves."""

from itertools import product

import pytest

from studio.jobs.lifecycle import FINAL, LIVE, MOVES, State, is_final, may_move


def test_nothing_follows_an_end_but_what_failed_may_be_tried_again_or_rescued():
    assert {State.DONE, State.FAILED, State.CANCELLED} == FINAL
    assert {(end, state) for end, state in product(FINAL, State) if may_move(end, state)} == {
        (State.FAILED, State.QUEUED),
        (State.FAILED, State.DONE),
    }


def test_every_state_can_be_reached_from_an_order():
    reached, edge = {State.QUEUED}, {State.QUEUED}
    while edge:
        edge = {onward for state in edge for onward in MOVES[state]} - reached
        reached |= edge
    assert reached == set(State)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_state_has_a_way_to_an_end(state: State):
    reached = {state}
    for _ in State:
        reached |= {onward for known in reached for onward in MOVES[known]}
    assert any(is_final(end) for end in reached)


def test_a_job_in_doubt_is_never_queued_or_sent_again():
    assert not may_move(State.IN_DOUBT, State.QUEUED)
    assert not may_move(State.IN_DOUBT, State.SENDING)
