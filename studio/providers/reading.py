"""What all answers have in common: JSON whose figures stay as written, words fit to show and store, times to wait, errors by status.

Pure functions on values. Knows no provider: field names, status words and causes stand in the provider's own file.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TypeAlias, TypeVar
from urllib.parse import quote

import httpx

from studio import plain_text
from studio.providers import error_words
from studio.providers.contract import AboutAnother, Cause, NotNow, Phase, ProviderError, Refused, Report, Unanswered, Unreadable, Usage

Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | None"
T = TypeVar("T")

TOO_MANY_REQUESTS = 429
# Answers of the 4xx family that come from a proxy which may have passed the request on: a timeout, and nginx's "client closed request".
MAY_HAVE_ACTED = frozenset({408, 499})
LONGEST_WORDS = 400  # characters
LONGEST_ID = 200
LONGEST_FIGURE = 200
LONGEST_LINK = 4000
LARGEST_POWER = 30  # of ten: no amount of money is larger or finer
MOST_LINKS = 20  # no provider documents more than a few videos for one job; an answer could name a hundred thousand
LONGEST_WAIT = 24 * 3600.0  # seconds; what asks for more is a mistake or an attack
FIRST_EPOCH = 1e9  # a reset beyond this is a moment (Unix seconds), not a number of seconds to go


# Final words of gateways and resellers beside those of their documents; plain, as `phase_of` compares them. What says that a job runs is not here: an
# unknown word keeps it running anyway, and the operator hears of it.
SYNONYMS = {
    **dict.fromkeys(("success", "succeeded", "succeed", "successful", "done", "complete", "completed", "finished", "ready"), Phase.SUCCEEDED),
    **dict.fromkeys(("failed", "failure", "fail", "error", "errored", "cancelled", "canceled", "aborted", "rejected", "expired"), Phase.FAILED),
}


class Figure(str):
    """A JSON number exactly as it was written: 40.50 stays 40.50, and none is too large, too fine or not a number."""

    __slots__ = ()


ADDRESS_SIGNS = "!#$%&'()*+,/:;=?@[]~"  # with letters, digits and -._ these stand in an address as they are
VIDEO_FILE = re.compile(r"\.(?:mp4|mov|webm|m4v)\b", re.IGNORECASE)
OURS = re.compile(r"request|hook|callback|refer|image|input|source|poster|thumb|cover|prompt")  # fields that repeat what we sent, or show a still
ONE_AFTER_ANOTHER = json.JSONDecoder(parse_float=Figure, parse_int=Figure, parse_constant=Figure)
VISIBLE = re.compile(r"\S")


# --- values ---------------------------------------------------------------------------------------------------------------------------------


def fields(response: httpx.Response) -> dict[str, Json]:
    """The JSON object of an answer; an empty one for HTML, broken JSON, a list, null or nothing at all."""
    try:
        body: Json = json.loads(response.content, parse_float=Figure, parse_int=Figure, parse_constant=Figure)
    except (ValueError, RecursionError):  # not JSON, not text, or nested until the parser gives up
        return {}
    return inside(body)


def objects(response: httpx.Response) -> list[dict[str, Json]]:
    """All JSON objects of an answer in order: one, or several as x-ndjson writes them, one or more a line. What follows anything else is left."""
    words, found, at = response.content.decode("utf-8-sig", "replace"), [], 0
    try:
        while visible := VISIBLE.search(words, at):
            value, at = ONE_AFTER_ANOTHER.raw_decode(words, visible.start())
            found.append(inside(value))
    except (ValueError, RecursionError):
        pass
    return [value for value in found if value]


def last_fields(response: httpx.Response, *names: str) -> dict[str, Json]:
    """Of the objects of an answer the last that has one of these fields, looked for in this order; else the last one, else an empty one."""
    found = objects(response)
    having = (value for name in names for value in reversed(found) if value.get(name))
    return next(having, found[-1] if found else {})


def inside(value: Json) -> dict[str, Json]:
    """The value if it is an object, else an empty one: so a chain of fields never stumbles over a null."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """A list as it is, nothing as an empty list, and anything else as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Json, *, longest: int = LONGEST_WORDS) -> str:
    """A string or figure, fit for any database and at most `longest` characters; "" for everything else."""
    if not isinstance(value, str):
        return ""
    return storable(str(value)).strip()[:longest]


def storable(words: str) -> str:
    """The same words without what a database refuses (NUL, and halves of surrogate pairs, which JSON can carry) and a terminal would obey."""
    return plain_text.lines(words.encode("utf-8", "replace").decode())


def identifier(value: Json) -> str:
    """A remote id: any visible characters; "" for what cannot be one. A cut id would name another job, so a long one is none."""
    word = text(value, longest=LONGEST_ID + 1)
    return word if len(word) <= LONGEST_ID and re.fullmatch(r"[!-~]+", word) and word not in {".", ".."} else ""


def links(value: Json) -> tuple[str, ...]:
    """The web addresses in a string or a list of strings, in order; twenty at most, each of which will be downloaded.

    What an address may not hold as it is, such as a plain space, is percent-encoded, as a browser would.
    """
    found = filter(None, (_link(text(item, longest=LONGEST_LINK + 1)) for item in listed(value)))
    return tuple(islice(found, MOST_LINKS))


def _link(word: str) -> str:
    if len(word) > LONGEST_LINK or not re.fullmatch(r"https?://[^\s/?#]+([/?#][^\x00-\x1f\x7f]*)?", word, re.IGNORECASE):
        return ""
    whole = quote(word, safe=ADDRESS_SIGNS)
    return whole if len(whole) <= LONGEST_LINK else ""


def names_a_clip(value: Json, name: str = "") -> bool:
    """Whether a web address that looks like a clip stands anywhere in an answer, other than in what repeats our own request."""
    if isinstance(value, dict):
        return any(names_a_clip(inner, f"{name} {key}".casefold()) for key, inner in value.items())
    if isinstance(value, list):
        return any(names_a_clip(inner, name) for inner in value)
    return isinstance(value, str) and not OURS.search(name) and bool(_link(value)) and bool(VIDEO_FILE.search(value) or "video" in name)


def usage(value: Json, unit: str) -> Usage | None:
    """Reported usage, its figure exactly as written; None where there is no figure."""
    amount = text(value, longest=LONGEST_FIGURE + 1)
    return Usage(amount, unit) if 0 < len(amount) <= LONGEST_FIGURE else None


def figure(value: Json) -> Decimal | None:
    """An amount to reckon with, exactly as written; None for what is not a number, or is one that no amount is."""
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", value, re.ASCII):
        return None
    amount = Decimal(value)
    return amount if abs(amount.adjusted()) <= LARGEST_POWER else None


def moment(value: Json) -> datetime | None:
    """A time (UTC) out of Unix seconds, whole or with a fraction, or of ISO 8601 text, which is UTC unless it says otherwise; None for anything else."""
    seconds = figure(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(float(seconds), tz=UTC)
        told = datetime.fromisoformat(text(value))
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def percent(value: Json) -> int | None:
    """Progress from 0 to 100 out of 18, 18.5 or "18%"; None for anything else."""
    found = re.fullmatch(r"(\d{1,3})(?:\.\d+)? ?%?", text(value), re.ASCII)
    return int(found[1]) if found and int(found[1]) <= 100 else None  # noqa: PLR2004 - per cent


def cause_in(said: str, causes: Mapping[str, Cause]) -> Cause | None:
    """Why, as far as the provider's words tell: the filter's words first, then those of a provider's own table (lower case), then what all say."""
    lower = said.casefold()
    filtered = error_words.filter_said(said)
    return filtered or next((cause for words, cause in causes.items() if words in lower), None) or error_words.cause_in(said)


asks_to_wait = error_words.asks_to_wait


# --- times ----------------------------------------------------------------------------------------------------------------------------------


def retry_after(headers: httpx.Headers, *, now: float | None = None) -> float | None:
    """Seconds to wait before asking again, from Retry-After (seconds or a date) or else a rate limit's reset; None where neither says."""
    now = time.time() if now is None else now
    asked = headers.get("Retry-After", "")
    wait = _seconds(asked)
    if wait is None and asked:
        wait = _until(asked, now)
    return wait if wait is not None else reset_after(headers, now=now)


def reset_after(headers: httpx.Headers, *, now: float | None = None) -> float | None:
    """Seconds until a rate limit is whole again. grokimagineapi documents X-RateLimit-Reset without its unit: seconds to go, or Unix seconds."""
    now = time.time() if now is None else now
    value = headers.get("X-RateLimit-Reset") or headers.get("X-RateLimit-Reset-Requests") or ""
    try:
        moment = float(value)
    except ValueError:
        return None
    return _bounded(moment - now if moment >= FIRST_EPOCH else moment)


def requests_left(headers: httpx.Headers) -> int | None:
    """How many requests a rate limit still allows: X-RateLimit-Remaining (grokimagineapi) or X-RateLimit-Remaining-Requests (xAI)."""
    value = headers.get("X-RateLimit-Remaining") or headers.get("X-RateLimit-Remaining-Requests") or ""
    return int(value) if re.fullmatch(r"\d{1,9}", value, re.ASCII) else None


def _seconds(value: str) -> float | None:
    try:
        return _bounded(float(value))
    except ValueError:
        return None


def _until(date: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        return _bounded((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> float | None:
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT)


# --- verdicts that all providers share ------------------------------------------------------------------------------------------------------


def turned_away(response: httpx.Response, *, name: str, said: str, cause: Cause, status: int | None = None) -> ProviderError:
    """The error for a *submission* that was not accepted, sorted by status alone (`status` where the body names a truer one).

    A clear 4xx made nothing. A 5xx says nothing about what stands behind the gateway, so it may have acted. A redirect or a 2xx without an id
    is no answer that a document knows. A 429 for a balance that is used up is a refusal, as waiting does not fill it; any 4xx for too many
    requests is not.
    """
    status = response.status_code if status is None else status
    why = f"{name}: {said}" if said else f"{name} answered {status} without a word of why."
    is_refusal = 400 <= status < 500 and status not in MAY_HAVE_ACTED  # noqa: PLR2004 - the family of clear refusals
    if (status == TOO_MANY_REQUESTS and cause is not Cause.OUT_OF_BALANCE) or (is_refusal and asks_to_wait(said)):
        return NotNow(why, retry_after=retry_after(response.headers))
    if is_refusal:
        return Refused(why, cause=cause)
    if status >= 500 or status in MAY_HAVE_ACTED:  # noqa: PLR2004 - the family that may have acted
        return Unanswered(why)
    if response.is_redirect:
        return Unreadable(f"{name} answered with a redirect. Is the base URL right?")
    return Unreadable(f"{name} answered {status}, but without a job's id." + (f" It said: {said}" if said else ""))


def no_verdict(response: httpx.Response, *, name: str, said: str = "", cause: Cause | None = None, status: int | None = None) -> ProviderError:
    """The error for a *look* that told nothing about the job. The job may be well, so this is never Refused: look again later."""
    status = response.status_code if status is None else status
    if cause is Cause.WRONG_KEY:
        return NotNow(f"{name} refuses our key, so it did not say how the job stands: {said or status}")
    if status >= 400:  # noqa: PLR2004 - an error of any kind
        return NotNow(f"{name}: {said or f'answered {status}'}", retry_after=retry_after(response.headers))
    if response.is_redirect:
        return Unreadable(f"{name} answered with a redirect. Is the base URL right?")
    return Unreadable(f"{name} answered {status} with something that no document explains." + (f" It said: {said}" if said else ""))


def same_job(told: Json, asked: str, *, name: str) -> None:
    """Raise AboutAnother when an answer names another job than the one asked about."""
    if text(told) and text(told) != asked:
        raise AboutAnother(f"{name} answered about another job.")


def still_running(remote_id: str, *, alert: str = "", spent: Usage | None = None, progress: int | None = None) -> Report:
    """The report for a job about which nothing final is known: it goes on until its own deadline, and `alert` tells the operator."""
    return Report(phase=Phase.RUNNING, remote_id=remote_id, progress=progress, usage=spent, alert=alert)


def phase_of(word: str, phases: Mapping[str, Phase]) -> Phase | None:
    """Where a job stands by a status word: by the provider's own table or else by what all say, in any capitals, with spaces, hyphens or underscores.

    None for a word that nobody knows.
    """
    return by_word(word, phases) or SYNONYMS.get(plain_word(word))


def by_word(word: str, table: Mapping[str, T]) -> T | None:
    """What a table says of a status word or a code, in any capitals, with spaces, hyphens or underscores; None for one that it does not know."""
    plain = plain_word(word)
    return next((found for known, found in table.items() if plain_word(known) == plain), None)


def plain_word(word: str) -> str:
    """A status word or a code as such are compared: letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", word.casefold())


def standing(
    phase: Phase | None,
    remote_id: str,
    *,
    name: str,
    word: str,
    videos: tuple[str, ...],
    spent: Usage | None = None,
    progress: int | None = None,
    callback_url: str = "",
) -> Report:
    """The report for a job that has not failed, from the phase of its word (None: unknown) and the clips that the answer names."""
    alert = ""
    if phase is None and word:
        alert = unknown_word(name, word)
    elif phase is Phase.SUCCEEDED and not videos:
        alert = no_video(name, word)
    elif phase in {Phase.QUEUED, Phase.RUNNING} and videos:
        alert = f"{name} says “{word[:60]}” and yet names a video."
    over = phase is Phase.SUCCEEDED or (phase is None and bool(videos))
    return Report(
        phase=Phase.SUCCEEDED if over and videos else Phase.RUNNING if over or phase is None else phase,
        remote_id=remote_id,
        progress=progress,
        videos=videos,
        usage=spent,
        alert=alert,
        callback_url=callback_url,
        seems_over=(over and not videos) or (not over and bool(videos)),
    )


def with_stray_clip(report: Report, response: httpx.Response) -> Report:
    """The report, marked where it says that the job runs although the answer names a clip in a place that no document knows."""
    if report.phase not in {Phase.QUEUED, Phase.RUNNING} or report.seems_over or not any(map(names_a_clip, objects(response))):
        return report
    return replace(report, seems_over=True, alert=report.alert or "The answer names a video in a place that no document knows.")


def unknown_word(name: str, word: str) -> str:
    """The alert for a status that no document knows."""
    return f"{name} answered with the status “{word[:60]}”, which no document knows."


def no_video(name: str, word: str) -> str:
    """The alert for a success that names no video."""
    return f"{name} says “{word[:60]}” but names no video."
