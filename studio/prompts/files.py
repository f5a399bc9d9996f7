"""The library as files: export of what the list shows, and import with a look before anything is kept."""

from collections.abc import Iterator
from http import HTTPStatus

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts.actions import CannotDo
from studio.accounts.door import person
from studio.accounts.models import User
from studio.accounts.sheets import sheet
from studio.prompts import carrying, importing, uploads
from studio.prompts.carrying import Row, Undecided, Unreadable
from studio.prompts.library import Filters, found
from studio.prompts.models import Prompt, PromptLabel, PromptVersion

AT_ONCE = 200  # prompts read together
SHOWN = 200  # bad rows, or good prompts, on the page


@never_cache
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """The prompts that the list shows, every version, as `?format=csv` or `json`; written while they are read."""
    user, filters = person(request), Filters.read(request.GET.dict())
    name = f"prompts-{timezone.localdate():%Y-%m-%d}"
    if request.GET.get("format") != "json":
        return sheet(name, carrying.COLUMNS, map(carrying.csv_row, rows(user, filters)))
    answer = StreamingHttpResponse(carrying.json_lines(rows(user, filters)), content_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def rows(user: User, filters: Filters) -> Iterator[Row]:
    """Every version of these prompts, oldest first, prompt by prompt. Five queries for each 200 prompts."""
    labels = Prefetch("labels", PromptLabel.objects.order_by("name"))
    versions = Prefetch("versions", PromptVersion.objects.select_related("author").order_by("number"))
    prompts = found(user, filters).order_by("pk").select_related("project").prefetch_related("tags", versions, labels)
    after = 0
    while page := list(prompts.filter(pk__gt=after).defer("search")[:AT_ONCE]):
        for prompt in page:
            yield from rows_of(prompt)
        after = page[-1].pk


def rows_of(prompt: Prompt) -> Iterator[Row]:
    """The versions of one prompt as rows."""
    pointing: dict[int, list[str]] = {}
    for label in prompt.labels.all():
        pointing.setdefault(label.version_id, []).append(label.name)
    for version in prompt.versions.all():
        yield {
            "id": prompt.pk,
            "name": prompt.name,
            "where": prompt.project.code if prompt.project else prompt.scope,
            "tags": [tag.name for tag in prompt.tags.all()],
            "archived": prompt.archived_at is not None,
            "version": version.number,
            "labels": pointing.get(version.pk, []),
            "text": version.text,
            "defaults": version.defaults,
            "choices": version.choices,
            "aspect_ratio": version.aspect_ratio,
            "duration": version.duration,
            "resolution": version.resolution,
            "silent": version.silent,
            "note": version.note,
            "author": str(version.author),
            "created": f"{version.created_at:%Y-%m-%dT%H:%M:%SZ}",
        }


@never_cache
@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest) -> HttpResponse:
    """Ask for a file; with one, show what would be kept and what not, with line and reason."""
    user = person(request)
    if request.method == "GET":
        return render(request, "prompts/import.html", {})
    try:
        upload = uploads.taken(request, user, carrying.MOST_BYTES)
        told = carrying.read(upload.name, upload.data, encoding=upload.encoding)
    except Undecided:
        return uploads.ask_encoding(request, upload, user, back=reverse("prompts_import"), title="Import prompts")
    except Unreadable as trouble:
        return render(request, "prompts/import.html", {"trouble": str(trouble)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    judged = importing.judge(told.rows, user)
    waiting = importing.wait(judged, upload.name, person=user) if judged.prompts else None
    context = {
        "judged": judged,
        "waiting": waiting,
        "notice": told.notice,
        "upload": upload,
        "bad": judged.bad[:SHOWN],
        "more_bad": max(0, len(judged.bad) - SHOWN),
        "good": judged.prompts[:SHOWN],
        "more_good": max(0, len(judged.prompts) - SHOWN),
    }
    return render(request, "prompts/import_preview.html", context)


@require_POST
def confirm(request: HttpRequest, import_id: int) -> HttpResponse:
    """Keep the good rows of the file that was looked at, once."""
    try:
        kept = importing.keep(import_id, by=person(request))
    except CannotDo as refusal:
        messages.error(request, str(refusal))
        return redirect("prompts_import")
    if kept:
        messages.success(request, f"{kept:,} prompt{'s are' if kept > 1 else ' is'} in the library now.")
    else:
        messages.warning(request, "These prompts were kept already, or another file took their place.")
    return redirect("prompts")
