"""Which fault happens next. A request reads the faults once (`Waiting`), however many questions it then asks of them.

Faults come from the admin's page, or from the setting SANDBOX_FAULTS, for example `xai:429*3, any:truncated, comet:5xx@check*2, xai:lost_answer~0.05`:
provider or `any`, a kind, optionally `@submit`, `@check` or `@download`, optionally `*` and how often, optionally `~` and the share of requests that meet it.
Those of the setting become rows the first time that a request meets that text; they are spent once, and the page switches them on again.

A counted fault is taken by one conditional UPDATE, so a fault of three happens three times however many ask at once. A chance is rolled by a die of
that fault's own in each process, seeded by the part `seed:7` of the setting (`0` without it): one web process that is asked the same requests in the
same order has the same faults again. Several processes roll the same numbers each for itself, so there only the share can be repeated, not which
request is met. A roll that all processes share was turned down: it would write a row for every request.
"""

import random
import re
from collections.abc import Container, Sequence
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from studio.sandbox.models import Fault, Kind, Moment, Played

# What one accepted job can meet: at most one of each line.
OUTCOMES = (Kind.FAILURE, Kind.MODERATION_RESULT, Kind.NEVER, Kind.UNKNOWN_STATUS, Kind.EXPIRED, Kind.TAKEN_BACK, Kind.USAGE_ABSURD)
ANSWERS = (Kind.LOST_ANSWER, Kind.SLOW_ANSWER)
LINKS = (Kind.EXPIRED_LINK, Kind.TRUNCATED, Kind.PRIVATE_LINK, Kind.STORAGE_ERROR)
CALLBACKS = (Kind.CALLBACK_LATE, Kind.CALLBACK_DOUBLED, Kind.CALLBACK_MISSING, Kind.CALLBACK_FORGED)

# Faults that not every provider has the words for.
ONLY_AT: dict[str, Container[str]] = {
    Kind.QUEUE_FULL: {Played.TTAPI},
    Kind.EXPIRED: {Played.COMET, Played.XAI},
    Kind.STORAGE_ERROR: {Played.XAI},
    Kind.USAGE_ABSURD: {Played.TTAPI, Played.GROKIMAGINE, Played.COMET, Played.XAI},
}

_SPEC = re.compile(r"(?P<provider>\w+):(?P<kind>\w+)(?:@(?P<moment>\w+))?(?:\*(?P<left>\d+))?(?:~(?P<share>\d*\.?\d+))?")
_SEED = re.compile(r"seed:(\w+)")


def read_setting(text: str) -> list[Fault]:
    """The faults that a setting asks for, unsaved. Raises ImproperlyConfigured with the part that is wrong."""
    parts = [part.strip() for part in text.split(",")]
    return [_read(part, text) for part in parts if part and not _SEED.fullmatch(part)]


def seed_in(text: str) -> str:
    """The seed that a setting names, or `0`."""
    return next((match[1] for part in text.split(",") if (match := _SEED.fullmatch(part.strip()))), "0")


def _read(part: str, text: str) -> Fault:
    """One part of the setting."""
    match = _SPEC.fullmatch(part)
    if match is None or match["provider"] not in {*Played.values, "any"} or match["kind"] not in Kind.values:
        kinds = ", ".join(Kind.values)
        raise ImproperlyConfigured(
            f"STUDIO_SANDBOX_FAULTS holds {part!r}; a part looks like xai:429*3 or xai:429~0.05. Providers: any, {', '.join(Played)}. Kinds: {kinds}."
        )
    moment = match["moment"] or ""
    if moment not in Moment.values:
        raise ImproperlyConfigured(f"STUDIO_SANDBOX_FAULTS holds {part!r}; after @ stands submit, check or download.")
    share = float(match["share"]) if match["share"] else None
    if share is not None and not 0 < share <= 1:
        raise ImproperlyConfigured(f"STUDIO_SANDBOX_FAULTS holds {part!r}; after ~ stands a share above 0 and at most 1.")
    provider = "" if match["provider"] == "any" else match["provider"]
    left = int(match["left"]) if match["left"] else None
    return Fault(provider=provider, kind=match["kind"], moment=moment, left=left, share=share, origin=text[:200])


def _rows() -> list[Fault]:
    """Every fault there is. One query; the first request that meets a text of the setting also makes its rows."""
    text = settings.SANDBOX_FAULTS
    rows = list(Fault.objects.all())
    if text and not any(row.origin == text[:200] for row in rows):
        Fault.objects.bulk_create(read_setting(text), ignore_conflicts=True)
        rows = list(Fault.objects.all())
    return rows


class Waiting:
    """The faults that one request can meet."""

    def __init__(self, provider: str, moment: Moment) -> None:
        """Read them. One query."""
        self._rows = [row for row in _rows() if row.on and row.left != 0 and _can_meet(row, provider, moment)]

    def take(self, kinds: Sequence[Kind]) -> Kind | None:
        """The fault of one of these kinds that happens to this request, counted down; None when all is well. No query unless one is counted."""
        return next((Kind(row.kind) for row in self._rows if row.kind in kinds and _happens(row)), None)


def _can_meet(fault: Fault, provider: str, moment: Moment) -> bool:
    """Whether a fault concerns this provider and this request."""
    here = fault.provider in {"", provider} and provider in ONLY_AT.get(fault.kind, Played.values)
    return here and (fault.moment == moment or (fault.moment == Moment.ANY and moment != Moment.DOWNLOAD))


def _happens(fault: Fault) -> bool:
    """Whether it happens to this request: by chance first, then by count."""
    if fault.share is not None and die(seed_in(settings.SANDBOX_FAULTS), f"{fault} {fault.moment}").random() >= fault.share:
        return False
    return fault.left is None or bool(Fault.objects.filter(pk=fault.pk, on=True, left__gt=0).update(left=F("left") - 1))


@cache
def die(seed: str, name: str) -> random.Random:
    """The die of one fault in this process."""
    return random.Random(f"{seed} {name}")  # noqa: S311 - a fault that can be repeated is the point
