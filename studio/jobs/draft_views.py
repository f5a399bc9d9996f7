"""Keeping a draft while it is typed: one small request, answered in JSON to the script that sends it."""

from http import HTTPStatus

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from studio.jobs import drafts
from studio.jobs.board import shot_number
from studio.projects.door import enter

BEGINNING = 80  # characters of the other text, to know it by


@require_POST
def draft(request: HttpRequest, code: str) -> JsonResponse:
    """Keep what is typed: its version; 409 with the newer text's beginning where another page was there; 422 where it is too long to be kept."""
    entry = enter(request, code, to="make")
    try:
        kept = drafts.keep(entry, request.POST, seen=shot_number(request.POST.get("draft_version", "")))
    except drafts.TooLong:
        return JsonResponse({"why": "This is too long to be kept as a draft. It is still here."}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if kept.newer is None:
        return JsonResponse({"version": kept.version})
    words = drafts.prompt_of(kept.newer)
    begins = words[:BEGINNING] + ("…" if len(words) > BEGINNING else "")
    at = f"{timezone.localtime(kept.newer.changed_at):%H:%M}"
    return JsonResponse({"version": kept.version, "at": at, "begins": begins}, status=HTTPStatus.CONFLICT)
