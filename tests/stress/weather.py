"""What goes wrong in the storm: every fault of the sandbox.

In a long storm each strikes a few times for sure at every provider that can have it, in a short one once at one of
them, and all of them by chance.
"""

import random

from studio.sandbox.faults import ONLY_AT
from studio.sandbox.models import Fault, Kind, Moment, Played

PLENTY = 1_000_000  # of a fault by chance: what is missing of it afterwards was met
TOLD_BACK = {Played.TTAPI, Played.ACEDATA}  # these call back

# The chance that a request meets it: a submission, unless a moment is named.
BY_CHANCE: tuple[tuple[Kind, Moment, float], ...] = (
    (Kind.LOST_ANSWER, Moment.SUBMIT, 0.04),
    (Kind.SLOW_ANSWER, Moment.SUBMIT, 0.01),
    (Kind.RESET, Moment.SUBMIT, 0.01),
    (Kind.REFUSAL, Moment.SUBMIT, 0.02),
    (Kind.MODERATION_SUBMIT, Moment.SUBMIT, 0.02),
    (Kind.BALANCE, Moment.SUBMIT, 0.003),
    (Kind.RATE_LIMIT, Moment.SUBMIT, 0.01),
    (Kind.QUEUE_FULL, Moment.SUBMIT, 0.01),
    (Kind.SERVER_ERROR, Moment.SUBMIT, 0.01),
    (Kind.HTML, Moment.SUBMIT, 0.01),
    (Kind.FAILURE, Moment.SUBMIT, 0.03),
    (Kind.MODERATION_RESULT, Moment.SUBMIT, 0.02),
    (Kind.NEVER, Moment.SUBMIT, 0.005),
    (Kind.UNKNOWN_STATUS, Moment.SUBMIT, 0.03),
    (Kind.EXPIRED, Moment.SUBMIT, 0.01),
    (Kind.TAKEN_BACK, Moment.SUBMIT, 0.03),
    (Kind.USAGE_ABSURD, Moment.SUBMIT, 0.03),
    (Kind.EXPIRED_LINK, Moment.SUBMIT, 0.01),
    (Kind.TRUNCATED, Moment.SUBMIT, 0.01),
    (Kind.PRIVATE_LINK, Moment.SUBMIT, 0.005),
    (Kind.STORAGE_ERROR, Moment.SUBMIT, 0.03),
    (Kind.CALLBACK_LATE, Moment.SUBMIT, 0.05),
    (Kind.CALLBACK_DOUBLED, Moment.SUBMIT, 0.05),
    (Kind.CALLBACK_MISSING, Moment.SUBMIT, 0.05),
    (Kind.CALLBACK_FORGED, Moment.SUBMIT, 0.05),
    (Kind.WRONG_ID, Moment.CHECK, 0.01),
    (Kind.RATE_LIMIT, Moment.CHECK, 0.003),
    (Kind.SERVER_ERROR, Moment.CHECK, 0.02),
    (Kind.HTML, Moment.CHECK, 0.02),
    (Kind.RESET, Moment.CHECK, 0.02),
    (Kind.SERVER_ERROR, Moment.DOWNLOAD, 0.03),
    (Kind.RESET, Moment.DOWNLOAD, 0.03),
    (Kind.TRUNCATED, Moment.DOWNLOAD, 0.03),
)
NOT_AT: dict[str, set[str]] = {
    # xAI's answers name no job. CometAPI's older envelope names the gateway's own id and not the one that was asked about, so nobody can tell.
    Kind.WRONG_ID: {Played.XAI, Played.COMET},
    **{kind: set(Played.values) - TOLD_BACK for kind in (Kind.CALLBACK_LATE, Kind.CALLBACK_DOUBLED, Kind.CALLBACK_MISSING, Kind.CALLBACK_FORGED)},
}


def sure(times: int, *, seed: int) -> list[Fault]:
    """Every kind so many times at every provider and every moment that can have it; with 0 times once at one provider, which the seed chooses."""
    moments = sorted({(kind, moment) for kind, moment, _ in BY_CHANCE})
    chance = random.Random(seed)
    return [
        Fault(provider=provider, kind=kind, moment=moment, left=times or 1)
        for kind, moment in moments
        for provider in (_having(kind) if times else [chance.choice(_having(kind))])
    ]


def chances() -> list[Fault]:
    """Every kind by chance, at every provider that can have it. `origin` keeps them apart from the sure ones."""
    return [
        Fault(provider=provider, kind=kind, moment=moment, share=share, left=PLENTY, origin="by chance")
        for kind, moment, share in BY_CHANCE
        for provider in _having(kind)
    ]


def _having(kind: Kind) -> list[str]:
    return [provider for provider in Played.values if provider in ONLY_AT.get(kind, Played.values) and provider not in NOT_AT.get(kind, ())]
