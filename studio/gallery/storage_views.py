"""The storage page of a project, for its owners: what lies where, and how long clips are kept."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from studio.gallery import retention, storage
from studio.gallery.retention import Days
from studio.gallery.storage_forms import RetentionForm
from studio.projects.door import Pass, enter


@require_http_methods(["GET", "HEAD", "POST"])
def project_storage(request: HttpRequest, code: str) -> HttpResponse:
    """What the project has in the storage. Posted days become its rule, or, to `do` a preview, tell what they would move today."""
    entry, do = enter(request, code, to="own"), request.POST.get("do", "save")
    own, held = retention.rule_of(entry.project), retention.in_force(entry.project)
    form = RetentionForm(request.POST if request.method == "POST" and do != "usual" else None, days=held)
    if request.method == "POST" and do == "usual":
        return _set(request, entry, None)
    if form.is_valid() and do == "save":
        return _set(request, entry, form.days)
    days = form.days if form.is_valid() else held
    context = {
        "entry": entry,
        "figures": storage.figures(entry.project),
        "disk": storage.disk(),
        "form": form,
        "own": own,
        "usual": Days.of(retention.rule_of(None)),
        "days": days,
        "would": retention.preview(entry.project, days),
        "is_new": form.is_valid(),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound and form.errors else HTTPStatus.OK
    return render(request, "gallery/storage.html", context, status=status)


def _set(request: HttpRequest, entry: Pass, days: Days | None) -> HttpResponse:
    """Make it the project's rule, and say what follows."""
    if retention.set_rule(entry.project, days, by=entry.user):
        would = retention.preview(entry.project, retention.in_force(entry.project))
        moves = f"Within the hour {would.clips:,} clip{'' if would.clips == 1 else 's'} move{'s' if would.clips == 1 else ''} to the trash."
        messages.success(request, f"Saved. {moves if would.clips else 'Nothing moves today.'}")
    else:
        messages.info(request, "It was so already.")
    return redirect("project_storage", entry.project.code)
