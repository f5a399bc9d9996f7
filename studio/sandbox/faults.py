"""Which fault happens next. A counted fault is taken by one conditional UPDATE, so a fault of three happens three times however many ask at once.

Faults come from the admin's page, or from the setting SANDBOX_FAULTS, for example `xai:429*3, any:truncated, comet:5xx@check*2`:
provider or `any`, a kind, optionally `@submit` or `@check`, optionally `*` and how often. Those of the setting become rows the first time that a
request meets that text; they are spent once, and the page switches them on again.
"""

import re
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, Q

from studio.sandbox.models import Fault, Kind, Moment, Played

# What one accepted job can meet: at most one of each line.
OUTCOMES = (Kind.FAILURE, Kind.MODERATION_RESULT, Kind.NEVER, Kind.UNKNOWN_STATUS)
LINKS = (Kind.EXPIRED_LINK, Kind.TRUNCATED)
CALLBACKS = (Kind.CALLBACK_LATE, Kind.CALLBACK_DOUBLED, Kind.CALLBACK_MISSING)

_SPEC = re.compile(r"(?P<provider>\w+):(?P<kind>\w+)(?:@(?P<moment>\w+))?(?:\*(?P<left>\d+))?")


def read_setting(text: str) -> list[Fault]:
    """The faults that a setting asks for, unsaved. Raises ImproperlyConfigured with the part that is wrong."""
    return [_read(part.strip(), text) for part in text.split(",") if part.strip()]


def _read(part: str, text: str) -> Fault:
    """One part of the setting."""
    match = _SPEC.fullmatch(part)
    if match is None or match["provider"] not in {*Played.values, "any"} or match["kind"] not in Kind.values:
        kinds = ", ".join(Kind.values)
        raise ImproperlyConfigured(
            f"STUDIO_SANDBOX_FAULTS holds {part!r}; a part looks like xai:429*3. Providers: any, {', '.join(Played)}. Kinds: {kinds}."
        )
    moment = match["moment"] or ""
    if moment not in Moment.values:
        raise ImproperlyConfigured(f"STUDIO_SANDBOX_FAULTS holds {part!r}; after @ stands submit or check.")
    provider = "" if match["provider"] == "any" else match["provider"]
    return Fault(provider=provider, kind=match["kind"], moment=moment, left=int(match["left"]) if match["left"] else None, origin=text[:200])


def _know_the_setting() -> None:
    """Make rows of the setting's faults, once for one text."""
    text = settings.SANDBOX_FAULTS
    if text and not Fault.objects.filter(origin=text[:200]).exists():
        Fault.objects.bulk_create(read_setting(text), ignore_conflicts=True)


def take(provider: str, kinds: Sequence[Kind], *, moment: Moment = Moment.SUBMIT) -> Kind | None:
    """The fault of one of these kinds that happens to this request, counted down; None when all is well."""
    _know_the_setting()
    waiting = Fault.objects.filter(
        Q(left=None) | Q(left__gt=0), on=True, kind__in=kinds, provider__in=["", provider], moment__in=[Moment.ANY, moment]
    )
    for fault in waiting:
        if fault.left is None:
            return Kind(fault.kind)
        if Fault.objects.filter(pk=fault.pk, on=True, left__gt=0).update(left=F("left") - 1):
            return Kind(fault.kind)
    return None
