"""What lies beside the clips in a ZIP: manifest.json and manifest.csv, with the brief, the lineage and the receipt of each clip, and what is missing and why.

It tells nothing of what its person could not have when the ZIP was made, but the id by which they asked for it.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from studio.accounts.sheets import sheet_lines
from studio.credits.figures import credits_cell
from studio.gallery.bundle_models import Bundle, BundleClip
from studio.gallery.standing import decision_of
from studio.jobs.models import Attempt, Clip, Job

ABSENT = "It is not there, or not yours to see."  # the same for both: nobody learns which of the two it is
COLUMNS = (
    *(
        "file",
        "missing because",
        "clip",
        "take",
        "title",
        "project",
        "project name",
        "author",
        "prompt",
        "provider",
        "connection",
        "sandbox",
        "model",
        "mode",
        "operation",
    ),
    *("aspect ratio", "duration (s)", "resolution", "width", "height", "length (s)", "bytes", "sha256", "ordered (UTC)", "saved (UTC)"),
    *("began with the brief of", "made from the clip", "prompt of the library", "reference images (sha256)"),
    *("estimated credits", "charged credits", "charge is an estimate", "reported usage", "reported unit", "decision", "decided by"),
)


def told(place: BundleClip) -> dict[str, Any]:
    """Everything that the manifest says of one clip. Times are UTC, money is credits with three decimals."""
    clip, job, attempt = place.clip, place.clip.job, place.clip.attempt
    decision = decision_of(clip)
    return {
        "file": None if place.trouble else place.name,
        "missing_because": place.trouble or None,
        "clip": clip.code,
        "take": clip.position + 1,
        "title": clip.title or None,
        "project": {"code": job.project.code, "name": job.project.name},
        "author": str(job.author),
        "prompt": job.prompt,
        "provider": attempt.connection.provider,
        "connection": attempt.connection.label,
        "sandbox": attempt.connection.sandbox,
        "brief": _brief(job),
        "picture": {"width": clip.width, "height": clip.height, "length": clip.milliseconds / 1000},
        "bytes": clip.bytes,
        "sha256": clip.sha256,
        "ordered_at": _time(job.created_at),
        "saved_at": _time(clip.saved_at),
        "lineage": _lineage(clip),
        "receipt": _receipt(attempt),
        "decision": {"verdict": decision.verdict, "by": str(decision.person), "at": _time(decision.decided_at)} if decision else None,
    }


def _brief(job: Job) -> dict[str, Any]:
    names = ("model", "mode", "operation", "aspect_ratio", "duration", "resolution", "sound")
    return {name: getattr(job, name) for name in names}


def _lineage(clip: Clip) -> dict[str, Any]:
    """What the clip came from; only of its own project, which whoever reads this may see."""
    job = clip.job
    version = job.prompt_version
    return {
        "brief_of": job.parent.code if job.parent and job.parent.project_id == job.project_id else None,
        "made_from": job.source.code if job.source and job.source.project_id == job.project_id else None,
        "prompt_version": {"number": version.number, "changed": job.prompt_changed} if version else None,
        "references": [place.reference.sha256 or place.reference.url for place in job.job_references.all()],
    }


def _receipt(attempt: Attempt) -> dict[str, Any]:
    return {
        "estimated": credits_cell(attempt.estimate),
        "charged": None if attempt.charged is None else credits_cell(attempt.charged),
        "charge_is_estimate": attempt.charge_is_estimate,
        "reported_usage": attempt.usage_amount or None,
        "reported_unit": attempt.usage_unit or None,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def as_json(bundle: Bundle, clips: Sequence[dict[str, Any]], *, left_out: Sequence[str], part: int, parts: int) -> bytes:
    """The manifest for programs. `left_out` are the ids of which nothing is told."""
    absent = [{"asked_for": one, "because": ABSENT} for one in left_out]
    head = {"title": bundle.title, "made_for": str(bundle.person), "made_at": _time(bundle.made_at), "part": part, "parts": parts}
    return json.dumps({**head, "clips": list(clips), "left_out": absent}, ensure_ascii=False, indent=1).encode()


def as_csv(clips: Sequence[dict[str, Any]], *, left_out: Sequence[str]) -> bytes:
    """The manifest for spreadsheets; no cell of it is taken for a formula."""
    return "".join(sheet_lines(COLUMNS, _rows(clips, left_out))).encode()


def _rows(clips: Sequence[dict[str, Any]], left_out: Sequence[str]) -> Iterator[list[object]]:
    for one in clips:
        yield _row(one)
    for key in left_out:
        yield ["", ABSENT, key, *[""] * (len(COLUMNS) - 3)]


def _row(one: dict[str, Any]) -> list[object]:
    brief, picture, lineage, receipt = one["brief"], one["picture"], one["lineage"], one["receipt"]
    decision = one["decision"] or {"verdict": "", "by": ""}
    version = lineage["prompt_version"]
    return [
        *(
            one["file"],
            one["missing_because"],
            one["clip"],
            one["take"],
            one["title"],
            one["project"]["code"],
            one["project"]["name"],
            one["author"],
            one["prompt"],
        ),
        *(one["provider"], one["connection"], "yes" if one["sandbox"] else "no", brief["model"], brief["mode"], brief["operation"]),
        *(brief["aspect_ratio"], brief["duration"], brief["resolution"], picture["width"], picture["height"], picture["length"]),
        *(one["bytes"], one["sha256"], one["ordered_at"], one["saved_at"], lineage["brief_of"], lineage["made_from"]),
        *(f"version {version['number']}" if version else "", " ".join(lineage["references"])),
        *(receipt["estimated"], receipt["charged"], "yes" if receipt["charge_is_estimate"] else "no"),
        *(receipt["reported_usage"], receipt["reported_unit"], decision["verdict"], decision["by"]),
    ]
