"""Why the ledger did nothing, sorted by what to do next. All amounts in millicredits.

LedgerError
├── CannotHold          too little is left of something: tell the person what and until when
│   ├── Insufficient    of the credits: ask for a grant
│   ├── OverBudget      of the project's budget: wait, or have it raised or waived
│   └── OverCap         of the person's cap: wait, or have it raised or waived
├── Conflict            this key or reference already moved something else: a mistake of the caller's
└── NothingHeld         there is no hold of this reference: a mistake of the caller's
"""

from datetime import date

from studio.credits.figures import credits_text


class LedgerError(Exception):
    """The base of the tree above. Nothing was moved."""


class CannotHold(LedgerError):
    """Too little is left; the text is for the person.

    `whole_again` is the day on which it is whole again by itself, if there is one; `is_own` tells that the person set this limit for themselves.
    """

    def __init__(self, text: str, *, needed: int, left: int, whole_again: date | None = None, is_own: bool = False) -> None:
        """Keep the figures beside the text."""
        super().__init__(text)
        self.needed = needed
        self.left = left
        self.whole_again = whole_again
        self.is_own = is_own


class Insufficient(CannotHold):
    """There is not enough: `needed` was asked for, `free` (and `left`) can be spent now, `missing` would have to be granted first."""

    def __init__(self, *, needed: int, free: int, missing: int) -> None:
        """Say it in credits, and keep the figures."""
        text = f"This needs {credits_text(needed)} credits; {credits_text(free)} can be spent. {credits_text(missing)} are missing."
        super().__init__(text, needed=needed, left=free)
        self.free = free
        self.missing = missing


class OverBudget(CannotHold):
    """The project's hard budget leaves too little."""


class OverCap(CannotHold):
    """The person's cap leaves too little: of credits a day in millicredits, or of jobs at once, where `needed` is 1 and `left` 0."""


class Conflict(LedgerError):
    """The same key or reference came with other content."""


class NothingHeld(LedgerError):
    """No hold has this reference."""
