"""The admins' pages about keeping: the whole storage with the installation's rule, and what is not safely ours."""

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts import door
from studio.accounts.models import AuditEvent, User
from studio.control import missing
from studio.gallery import retention, storage
from studio.gallery.retention import Days
from studio.gallery.storage_forms import RetentionForm
from studio.jobs import recheck, rescue, trash
from studio.jobs.models import Clip
from studio.plain_text import lines

LONGEST_WHY = 200


@require_http_methods(["GET", "HEAD", "POST"])
def storage_all(request: HttpRequest) -> HttpResponse:
    """Everything in the storage; posted, the rule for projects without one of their own, or, to `do` a preview, what it would move today."""
    user = door.admin(request)
    own = retention.rule_of(None)
    form = RetentionForm(request.POST if request.method == "POST" else None, days=Days.of(own))
    if form.is_valid() and request.POST.get("do") != "preview":
        changed = retention.set_rule(None, form.days, by=user)
        messages.success(request, "Saved. It holds for every project without a rule of its own." if changed else "It was so already.")
        return redirect("storage")
    days = form.days if form.is_valid() else Days.of(own)
    rule = {"form": form, "own": own, "days": days, "is_new": form.is_valid(), "would": retention.preview(None, days)}
    context = {"figures": storage.figures(), "disk": storage.disk(), **rule}
    return render(request, "control/storage.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK)


@never_cache
@require_safe
def missing_clips(request: HttpRequest) -> HttpResponse:
    """Clips that lie only at their providers, and stored files that are missing or damaged."""
    door.admin(request)
    rows, total = missing.listed(timezone.now())
    faults, all_faults = missing.at_fault()
    return render(request, "control/missing.html", {"rows": rows, "total": total, "faults": faults, "all_faults": all_faults})


@require_POST
def file_check(request: HttpRequest, clip: UUID) -> HttpResponse:
    """Have the worker read one stored file again, soon."""
    door.admin(request)
    found = _with_file(clip)
    if recheck.ask(found):
        messages.success(request, f"{found.code} is being read again. If it is whole, it is gone from this page in a moment.")
    else:
        messages.error(request, f"The queue cannot be reached, so nobody reads {found.code}. Nothing was changed.")
    return redirect("missing")


@require_POST
def file_fetch(request: HttpRequest, clip: UUID) -> HttpResponse:
    """Have a lost file fetched from its provider once more."""
    user, found = door.admin(request), _with_file(clip)
    rescue.ask_anew(found, by=user)
    messages.success(request, f"{found.code} is fetched from its provider once more. Nothing is ordered, and what is here stays until it came.")
    return redirect("missing")


@require_POST
def file_lost(request: HttpRequest, clip: UUID) -> HttpResponse:
    """Say that a stored file is gone for good, and why."""
    user, found = door.admin(request), _with_file(clip)
    why = lines(request.POST.get("why", "")).strip()[:LONGEST_WHY]
    if not why:
        messages.error(request, f"Say in a few words how {found.code} was lost. Nothing was changed.")
    elif _mark_lost(found, why, by=user):
        messages.success(request, f"{found.code} is marked as lost. Its row and what was paid for it stay.")
    else:
        messages.info(request, f"{found.code} is well again. Nothing was changed.")
    return redirect("missing")


def _mark_lost(clip: Clip, why: str, *, by: User) -> bool:
    """Whether this call marked it, with its line in the record."""
    with transaction.atomic():
        won = trash.mark_lost(clip, by=by, why=f"Lost: {why}")
        if won:
            AuditEvent.record("clip.lost", clip.code, actor=by, before={"fault": clip.fault}, reason=why)
    return won


def _with_file(key: UUID) -> Clip:
    return get_object_or_404(Clip.objects.with_files().select_related("job__project", "attempt__connection"), pk=key)
