"""Going on from a frame of a clip: the frame becomes a reference image, of a new brief or of the one that is being written."""

import uuid
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from studio.accounts import rate_limits
from studio.decoding.errors import DecoderBusy
from studio.jobs.frames import NoFrame, continue_from
from studio.jobs.media import MOST_MILLISECONDS
from studio.jobs.models import Clip
from studio.jobs.wanted import clip_of, uuid_of
from studio.projects.door import enter
from studio.web.htmx import is_part
from studio.web.try_later import try_later

SHOWN = 24  # clips to choose a frame from, at a time


class MomentForm(forms.Form):
    """A moment of a clip, in milliseconds."""

    moment = forms.IntegerField(min_value=0, max_value=MOST_MILLISECONDS)


@require_POST
def clip_frame(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Take the frame at `moment`. htmx and scripts get its thumbnail for the composer, or 422 with a sentence; a form is led to a new brief with it."""
    entry = enter(request, code, to="make")
    clip = clip_of(entry, str(clip_id))
    if clip is None:
        raise Http404
    form = MomentForm(request.POST)
    try:
        if not form.is_valid():
            raise NoFrame("Say at which moment of the clip, in milliseconds.")
        rate_limits.spend_own(entry.user, "frames")
        frame = continue_from(clip, entry.user, moment=form.cleaned_data["moment"])
    except NoFrame as trouble:
        return _refused(request, clip, str(trouble))
    except DecoderBusy as busy:
        return try_later(_refused(request, clip, str(busy)), seconds=busy.seconds)
    if is_part(request):
        return render(request, "jobs/_reference.html", {"entry": entry, "reference": frame, "place": 0})
    return redirect(f"{reverse('studio', args=[code])}?frame={frame.pk}#composer")


def _refused(request: HttpRequest, clip: Clip, trouble: str) -> HttpResponse:
    """The reason, where it was asked."""
    if is_part(request):
        return render(request, "jobs/_reference_refused.html", {"trouble": trouble}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.warning(request, trouble)
    return redirect("clip", clip.job.project.code, clip.pk)


@require_safe
def frames(request: HttpRequest, code: str) -> HttpResponse:
    """The project's clips, newest first, to choose a frame from; `?before=` names the last one that was shown and gets those alone.

    Two queries beside the door's.
    """
    entry = enter(request, code, to="make")
    clips = Clip.objects.present().filter(project=entry.project).select_related("job__project").order_by("-saved_at", "-pk")
    key = uuid_of(request.GET.get("before", ""))
    last = clips.filter(pk=key).first() if key else None
    if last:
        clips = clips.filter(Q(saved_at__lt=last.saved_at) | Q(saved_at=last.saved_at, pk__lt=last.pk))
    found = list(clips[: SHOWN + 1])
    older = found[SHOWN - 1] if len(found) > SHOWN else None
    context = {"entry": entry, "clips": found[:SHOWN], "older": older, "is_first": last is None}
    return render(request, "jobs/_frames.html" if last else "jobs/_frames_dialog.html", context)
