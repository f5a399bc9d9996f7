"""What would make a connection possible for a brief that it cannot do: the one change, and the price then. Only ever shown: nothing is switched for anybody.

Pure. A change is tried like the brief itself, so what is offered here is what the composer says once somebody makes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log

from studio.providers.contract import RESOLUTIONS, Brief, Capability, Operation
from studio.providers.fitting import resolutions_for
from studio.routing.choice import NO_TRACKS, Option, Usual, option, usual_mode
from studio.routing.models import PriceRule
from studio.routing.track import Tracks


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a brief with another value. `words` say it after "possible": "at 10 s", "in 720p". `value` is what a form's field takes, if one can."""

    field: str
    value: str
    words: str
    brief: Brief


@dataclass(frozen=True, slots=True)
class Opening:
    """The changes that would do, nearly always one, and what the connection would make of the brief then."""

    changes: tuple[Change, ...]
    option: Option

    @property
    def words(self) -> str:
        """The changes in words: "at 10 s", or "at 10 s and in 720p"."""
        return " and ".join(change.words for change in self.changes)

    @property
    def values(self) -> dict[str, str]:
        """What a form would have to hold, by field; empty where a press cannot do it, as nobody else can shorten a prompt."""
        return {change.field: change.value for change in self.changes} if all(change.value for change in self.changes) else {}


def opening(
    brief: Brief,
    shut: Option,
    *,
    rules: Sequence[PriceRule],
    tracks: Tracks = NO_TRACKS,
    usual: Usual | None = None,
) -> Opening | None:
    """The change that makes `shut` possible; all that its reasons ask for where no single one does; None where nothing does."""

    def tried(wanted: Brief, *changes: Change) -> Opening | None:
        found = option(wanted, shut.connection, rules=rules, tracks=tracks, usual=usual)
        return Opening(changes, found) if found.possible else None

    one = next(filter(None, (tried(change.brief, change) for change in _changes(brief, shut))), None)
    if one or len(shut.reasons) == 1:
        return one
    wanted = brief
    made: list[Change] = []
    for name in shut.reasons:
        change = next(iter(_of_field(name, wanted, shut.can)), None)
        if change is None:
            return None
        wanted = change.brief
        made.append(change)
    return tried(wanted, *made)


def _changes(brief: Brief, shut: Option) -> Iterator[Change]:
    """What to try, the smallest change first: the fields that stand in the way, then another model of the same connection."""
    for name in shut.reasons:
        yield from _of_field(name, brief, shut.can)
    for can in shut.models:
        if can != shut.can:
            yield Change("model", can.model, f"with {can.label}", replace(brief, model=can.model))


def _of_field(name: str, brief: Brief, can: Capability) -> Iterator[Change]:
    """The values of one field that may do, nearest first."""
    match name:
        case "duration":
            yield from (Change(name, str(to), f"at {to} s", replace(brief, duration=to)) for to in _durations(brief, can))
        case "resolution" if can.resolutions:
            best = min(resolutions_for(can, brief), key=lambda one: (abs(_rank(one) - _rank(brief.resolution)), _rank(one)))
            yield Change(name, best, f"in {best}", replace(brief, resolution=best))
        case "aspect_ratio" if can.aspect_ratios:
            best = min(can.aspect_ratios, key=lambda one: abs(_width(one) - _width(brief.aspect_ratio)))
            yield Change(name, best, f"as {best}", replace(brief, aspect_ratio=best))
        case "mode" if can.modes:
            yield Change(name, usual_mode(can), f"in the mode {usual_mode(can)}", replace(brief, mode=usual_mode(can)))
        case "images":
            yield from _fewer_or_more_images(brief, can)
        case "prompt" if can.prompt_limit:
            yield Change(name, "", f"with at most {can.prompt_limit:,} characters", replace(brief, prompt=brief.prompt[: can.prompt_limit]))
        case "sound":
            yield Change("silent", "off", "with sound", replace(brief, sound=None))


def _durations(brief: Brief, can: Capability) -> list[int]:
    """The nearest length that the model makes, or adds; and the longest one with several images."""
    offered = can.extends if brief.operation is Operation.EXTEND else can.durations
    if offered is None:
        return []
    shortest, longest = offered
    if can.longest_with_references and len(brief.images) > 1:
        longest = min(longest, can.longest_with_references)
    return [max(shortest, min(brief.duration or 0, longest))]


def _fewer_or_more_images(brief: Brief, can: Capability) -> Iterator[Change]:
    """As many reference images as the model takes, by leaving out the last ones or adding; or those alone that it can fetch."""
    fewest, most = can.images
    wanted = max(fewest, min(len(brief.images), most))
    if wanted != len(brief.images):
        images = (*brief.images, *brief.images[:1] * wanted, *("https://studio.invalid/",) * wanted)[:wanted]
        yield Change("images", "", _with_images(wanted), replace(brief, images=images))
    fetched = tuple(image for image in brief.images if image.startswith("https://"))
    if fewest <= len(fetched) <= most and fetched != brief.images:
        yield Change("images", "", _with_images(len(fetched)), replace(brief, images=fetched))


def _with_images(count: int) -> str:
    """What is said of a number of reference images."""
    return "without reference images" if not count else f"with {count} reference image{'s' if count > 1 else ''}"


def _rank(resolution: str) -> int:
    return RESOLUTIONS.index(resolution) if resolution in RESOLUTIONS else 0


def _width(ratio: str) -> float:
    """How wide a ratio is, so that 16:9 and 9:16 are equally far from 1:1."""
    width, _, height = ratio.partition(":")
    known = width.isdecimal() and height.isdecimal() and int(width) and int(height)
    return log(int(width) / int(height)) if known else 0.0
