"""The states of a job and the moves between them. Pure: no database, no clock.

paused                                               held back by a person: it keeps its hold and is not sent until somebody goes on with it
  ↕
queued ──> sending ──> rendering ──> saving ──> done
  ^  │        │  │          │           │
  ├──┘ not now┘  │          │           │
  ├──────────────┼──────────┘           │        back to queued: turned away for now, or another try after a verified failure
  │              └─> in_doubt           │        in_doubt: sent, no answer. Never sent again by itself.
  │                     │   │           │
  ├──> cancelled <──────┴───┼───────────┤
  └──> failed    <──────────┴───────────┘
         ├──> queued                             only when a person tries it again
         └──> done                               when its clip, which could not be saved, is ours after all
"""

from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    PAUSED = "paused"
    SENDING = "sending"
    RENDERING = "rendering"
    SAVING = "saving"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_DOUBT = "in_doubt"


S = State
MOVES: dict[State, frozenset[State]] = {
    S.QUEUED: frozenset({S.SENDING, S.PAUSED, S.CANCELLED, S.FAILED}),
    S.PAUSED: frozenset({S.QUEUED, S.CANCELLED}),
    S.SENDING: frozenset({S.QUEUED, S.RENDERING, S.SAVING, S.IN_DOUBT, S.FAILED}),
    S.RENDERING: frozenset({S.QUEUED, S.SAVING, S.FAILED, S.IN_DOUBT, S.CANCELLED}),
    S.SAVING: frozenset({S.DONE, S.FAILED}),
    S.IN_DOUBT: frozenset({S.RENDERING, S.SAVING, S.FAILED, S.CANCELLED}),
    S.DONE: frozenset(),
    S.FAILED: frozenset({S.QUEUED, S.DONE}),
    S.CANCELLED: frozenset(),
}
FINAL = frozenset({S.DONE, S.FAILED, S.CANCELLED})  # nothing happens by itself any more, and nothing is held
LIVE = frozenset(State) - FINAL
UNSENT = frozenset({S.QUEUED, S.PAUSED})  # a person may still take it back, and nothing is lost
WATCHED = frozenset({S.QUEUED, S.SENDING, S.RENDERING, S.IN_DOUBT})  # states in which a sweep has something to do when `due` comes


def may_move(start: State, end: State) -> bool:
    """Whether the table allows this move."""
    return end in MOVES[start]


def is_final(state: State) -> bool:
    """Whether nothing follows by itself."""
    return state in FINAL
