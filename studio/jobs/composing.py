"""Composes what the composer shows: asks connections, prices, tracks, breakers, the account and its limits about a brief in the making.

Orders and holds nothing, and knows no form, no request and no template: what stands where and in which words is composer.py's part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.utils import timezone

from studio.credits import allowances, ledger
from studio.credits.errors import CannotHold, Insufficient
from studio.credits.foresight import Foresight, foresee
from studio.credits.requests import managers, names_text, open_of
from studio.jobs.composer import FIELDS, Composer, counted
from studio.jobs.models import Policy
from studio.jobs.pricing import Shortage, shortage_of
from studio.jobs.routes import healthy, ranked
from studio.jobs.timing import usual_in
from studio.jobs.waiting import name_of, paused_text
from studio.jobs.wanted import Wanted
from studio.projects.door import Pass
from studio.routing import track
from studio.routing.breaker import WHOLE, open_ones
from studio.routing.choice import Option, enabled, options
from studio.routing.models import Breaker, Connection
from studio.routing.openings import opening
from studio.routing.prices import rules_for
from studio.routing.track import Tracks

MOST_NAMED = 20  # who can help; the sentence names three of them, and how many more


def compose(entry: Pass, wanted: Wanted, *, connections: Sequence[Connection] | None = None) -> Composer:
    """The composer for this brief in the making: what stands in the way is said at once, except for what was not typed yet.

    Queries: one each for connections, tracks, breakers, price rules, the account, caps, budget and tallies; where credits are missing what was asked for
    and the next allowance, where a limit stops it waivers and who can help.
    """
    connections = enabled() if connections is None else connections
    keys = {connection.pk for connection in connections}
    tracks, breakers, rules = track.read(keys), open_ones(keys), rules_for(connections)
    found = options(wanted.brief(), connections, rules=rules, tracks=tracks, usual=usual_in(tracks))
    ways = {one.connection.pk: opening(wanted.brief(), one, rules=rules, tracks=tracks, usual=usual_in(tracks)) for one in found if not one.possible}
    chosen = next((option for option in found if option.connection.pk == wanted.connection), None) or _first(found, wanted)
    reasons = {FIELDS.get(name, name): [sentence] for name, sentence in (chosen.reasons if chosen else {}).items()}
    others = [option for option in found if chosen and option is not chosen and option.connection.sandbox == chosen.connection.sandbox]
    following = next(iter(ranked(healthy(others, breakers), wanted.policy, tracks)), None)
    account = ledger.account_of(entry.user)
    count = counted(wanted)
    short = shortage_of(account, chosen, count=count)
    limits = foresee(entry.user, account, count * chosen.millicredits, project=entry.project) if chosen and chosen.possible else Foresight()
    is_stopped = bool(short) or (limits.stop is not None and not limits.passes)
    return Composer(
        project=entry.project.name,
        wanted=wanted,
        options=_sorted(found, wanted.policy, tracks),
        chosen=chosen,
        openings={key: way for key, way in ways.items() if way},
        paused=_paused(found, breakers),
        following=following,
        errors=reasons,
        short=short,
        asked=open_of(entry.user) if short else None,
        soon=allowances.next_text(account) if short else "",
        left=account.free - count * chosen.millicredits if chosen and chosen.possible and chosen.has_price and not is_stopped else None,
        limits=limits,
        helpers=_helpers(limits),
    )


def _helpers(limits: Foresight) -> str:
    """Who can lift what stops an order, by name; nobody where nothing does, or where the person set it themselves. One query."""
    if limits.stop is None or limits.passes or limits.stop.is_own:
        return ""
    return names_text(list(managers()[:MOST_NAMED]))


def _paused(found: Sequence[Option], breakers: Mapping[tuple[int, str], Breaker]) -> dict[int, str]:
    """By connection, why an order there would wait for now."""
    rows = {
        option.connection: breakers.get((option.connection.pk, WHOLE)) or breakers.get((option.connection.pk, option.can.model)) for option in found
    }
    now = timezone.now()
    return {connection.pk: paused_text(name_of(connection), row, now=now) for connection, row in rows.items() if row}


def _sorted(found: Sequence[Option], policy: str, tracks: Tracks) -> list[Option]:
    """The options as the policy ranks them, and below them those that cannot do the brief; in the house's order where a person decides."""
    if policy == Policy.HAND:
        return list(found)
    best = ranked(found, policy, tracks)
    return [*best, *(option for option in found if option not in best)]


def _first(found: Sequence[Option], wanted: Wanted) -> Option | None:
    """For somebody who chose no connection yet: the cheapest that can do the brief. A chosen one that is gone is not replaced silently."""
    if wanted.connection or not found:
        return None
    able = [option for option in found if option.possible and option.has_price]
    return min(able, key=lambda option: option.millicredits, default=found[0])


def with_errors(composer: Composer, errors: Mapping[str, list[str]], *, order_key: UUID | None = None, lack: CannotHold | None = None) -> Composer:
    """The same composer with what a form found wrong, or with what was lacking when it was ordered."""
    found = replace(composer, errors=dict(errors), order_key=order_key or composer.order_key)
    if lack is None:
        return found
    if isinstance(lack, Insufficient):
        return replace(found, short=Shortage(lack.needed, lack.free, lack.missing), left=None)
    limits = replace(found.limits, stop=lack, passes=False)
    return replace(found, limits=limits, helpers=_helpers(limits), left=None)
