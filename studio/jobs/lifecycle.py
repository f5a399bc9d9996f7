"""The states of a job and the moves between them. Pure: no database, no clock.

queued ──> sending ──> rendering ──> saving ──> done
  ^  │        │  │          │           │
  └──┘ not now┘  │          │           │
  │              └─> in_doubt           │        in_doubt: sent, no answer. Never sent again by itself.
  │                     │   │           │
  ├──> cancelled <──────┴───┼───────────┤
  └──> failed    <──────────┴───────────┘
"""

from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    SENDING = "sending"
    RENDERING = "rendering"
    SAVING = "saving"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_DOUBT = "in_doubt"


S = State
MOVES: dict[State, frozenset[State]] = {
    S.QUEUED: frozenset({S.SENDING, S.CANCELLED, S.FAILED}),
    S.SENDING: frozenset({S.QUEUED, S.RENDERING, S.SAVING, S.IN_DOUBT, S.FAILED}),
    S.RENDERING: frozenset({S.SAVING, S.FAILED, S.IN_DOUBT, S.CANCELLED}),
    S.SAVING: frozenset({S.DONE, S.FAILED}),
    S.IN_DOUBT: frozenset({S.RENDERING, S.SAVING, S.FAILED, S.CANCELLED}),
    S.DONE: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}
FINAL = frozenset(state for state, onward in MOVES.items() if not onward)
LIVE = frozenset(State) - FINAL
WATCHED = frozenset({S.QUEUED, S.SENDING, S.RENDERING})  # states in which a sweep has something to do when `due` comes


def may_move(start: State, end: State) -> bool:
    """Whether the table allows this move."""
    return end in MOVES[start]


def is_final(state: State) -> bool:
    """Whether nothing can follow."""
    return state in FINAL
