"""xAI's video API as three providers speak it: xAI itself, CometAPI behind a gateway, and TTAPI's Official route.

Holds what the three have in common: the bodies that ask, and the body that tells how a job stands. Paths, headers, envelopes and what an HTTP
error means are each provider's own. Facts from docs.x.ai (REST reference, both copies), xAI's SDK, and one recorded run of 10 Aug 2026.
"""

from dataclasses import replace
from typing import TypeAlias

from studio.providers import reading
from studio.providers.contract import KEPT_DAYS, Brief, Cause, Phase, Report, StoredFile, Usage

Wanted: TypeAlias = dict[str, str | int | bool | dict[str, str] | dict[str, str | int] | list[dict[str, str]]]

USAGE_UNIT = "cost_in_usd_ticks"  # 10^-10 USD: 100,000,000 ticks are a cent, so an ordinary clip does not fit into 32 bits
DEFAULT_SECONDS = 8  # documented; sent all the same, because the length decides the price (an older page of CometAPI's says 1)
DEFAULT_ADDED_SECONDS = 6  # of an extension

PHASES = {
    "queued": Phase.QUEUED,  # CometAPI
    "pending": Phase.RUNNING,  # xAI
    "processing": Phase.RUNNING,  # CometAPI, TTAPI
    "done": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "expired": Phase.FAILED,
}

# `error.code` of a result. These have underscores; the codes of HTTP errors have hyphens, and were whole sentences earlier.
CAUSES = {
    "invalid_argument": Cause.INPUT_REFUSED,
    "permission_denied": Cause.NOT_PERMITTED,  # the team lacks the feature; a wrong key is an HTTP error [docs.x.ai "Video Generation", Sept 2026]
    "failed_precondition": Cause.INPUT_REFUSED,  # the model cannot do what was asked, such as an edit by 1.5 [the same]
    "service_unavailable": Cause.PROVIDER_FAILED,
    "internal_error": Cause.PROVIDER_FAILED,
}


# --- asking ---------------------------------------------------------------------------------------------------------------------------------


def new_clip(brief: Brief, *, user: str = "") -> Wanted:
    """The body of POST …/videos/generations. One image is the picture to animate, several are references; both together are refused."""
    images = [{"url": image} for image in brief.images]
    return _given(
        {
            "prompt": brief.prompt,
            "model": brief.model,
            "aspect_ratio": brief.aspect_ratio,
            "duration": brief.duration or DEFAULT_SECONDS,
            "resolution": brief.resolution,
            "image": images[0] if len(images) == 1 else {},
            "reference_images": images if len(images) > 1 else [],
            "user": user,
        }
    ) | ({} if brief.sound is None else {"generate_audio": brief.sound})


def edited_clip(brief: Brief, *, user: str = "") -> Wanted:
    """The body of POST …/videos/edits. Length, ratio and resolution follow the clip and have no fields."""
    return _given({"prompt": brief.prompt, "model": brief.model, "video": {"url": brief.video}, "user": user})


def longer_clip(brief: Brief) -> Wanted:
    """The body of POST …/videos/extensions, where `duration` is the length of the added part. It has no field `user`."""
    seconds = brief.duration or DEFAULT_ADDED_SECONDS
    return _given({"prompt": brief.prompt, "model": brief.model, "video": {"url": brief.video}, "duration": seconds})


def kept_as(name: str) -> Wanted:
    """The field of all three bodies that asks for a private copy in xAI's Files; empty without a name."""
    options: dict[str, str | int] = {"filename": name, "expires_after": KEPT_DAYS * 86_400}
    return {"storage_options": options} if name else {}


def _given(wanted: Wanted) -> Wanted:
    return {name: value for name, value in wanted.items() if value}


# --- being told -----------------------------------------------------------------------------------------------------------------------------


def told(body: dict[str, reading.Json], remote_id: str, *, name: str, unit: str = USAGE_UNIT) -> Report:
    """The report of a body about a job. An early version of the API left the status out of a finished one."""
    video = reading.inside(body.get("video"))
    word, videos = reading.text(body.get("status")), reading.links(video.get("url"))
    phase = reading.phase_of(word, PHASES) if word else Phase.SUCCEEDED
    used, progress = spent(body, unit), reading.percent(body.get("progress"))
    if phase is Phase.FAILED:
        code, said = error(body)
        cause = Cause.EXPIRED if reading.plain_word(word) == "expired" else cause_of(code, said)
        return Report(phase=phase, remote_id=remote_id, usage=used, cause=cause, message=said or code)
    if phase in {Phase.SUCCEEDED, None} and video.get("respect_moderation") is False:
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=used, cause=Cause.MODERATED, message=error(body)[1])
    report = reading.standing(phase, remote_id, name=name, word=word or "done", videos=videos, spent=used, progress=progress)
    return replace(report, stored=stored(reading.inside(video.get("file_output"))))


def stored(file: dict[str, reading.Json]) -> StoredFile | None:
    """The copy in xAI's Files that an answer names, as `file_output` of a result or as an entry of the list."""
    file_id = reading.identifier(file.get("file_id") or file.get("id"))
    name = reading.text(file.get("filename") or file.get("name"))
    return StoredFile(file_id, name) if file_id and name else None


def error(body: dict[str, reading.Json]) -> tuple[str, str]:
    """Code and words of an error: `{"code","error"}` over HTTP, `{"error":{"code","message"}}` in a result, `{"error"}` alone in older answers."""
    found = body.get("error")
    if isinstance(found, str):
        return reading.text(body.get("code")), reading.text(found)
    return reading.text(reading.inside(found).get("code")), reading.text(reading.inside(found).get("message"))


def spent(body: dict[str, reading.Json], unit: str = USAGE_UNIT) -> Usage | None:
    """What a job cost, as `usage` says."""
    return reading.usage(reading.inside(body.get("usage")).get(unit), unit)


def cause_of(code: str, said: str) -> Cause:
    """Why a job failed that had been accepted."""
    return reading.cause_in(said, {}) or reading.by_word(code, CAUSES) or Cause.PROVIDER_FAILED
