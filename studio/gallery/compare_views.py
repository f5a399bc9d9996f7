"""Two to four clips beside each other, played by one clock, with what is different between them."""

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from studio.gallery import compare, wall
from studio.gallery.lineage import siblings_of
from studio.gallery.standing import standings
from studio.jobs.models import Clip
from studio.projects.door import Pass, enter
from studio.projects.lately import remember

OFFERED = 24  # clips to choose from


@require_safe
def clips_compare(request: HttpRequest, code: str) -> HttpResponse:
    """`?clips=` names them; with fewer than two or more than four, or with `choose`, the page asks which."""
    entry = enter(request, code)
    keys = compare.keys_of(request.GET.getlist("clips"))
    clips = None if keys is None else compare.chosen(entry.project, keys)
    if clips is None:
        raise Http404
    remember(request, entry.project)
    if "choose" in request.GET or not compare.FEWEST <= len(clips) <= compare.MOST:
        return _asking(request, entry, clips)
    told = standings(clips, entry)
    context = {
        "entry": entry,
        "panes": [(clip, told[clip.pk]) for clip in clips],
        "rows": compare.rows(clips),
        "words": compare.words(clips),
        "longest": max(clip.milliseconds for clip in clips),
        "keys": ",".join(str(clip.pk) for clip in clips),
    }
    return render(request, "gallery/compare.html", context)


def _asking(request: HttpRequest, entry: Pass, clips: list[Clip]) -> HttpResponse:
    """The page that asks which clips: those that were named, what belongs to the first of them, and the newest."""
    beside = siblings_of(clips[0]).clips if clips else []
    near = [*clips, *beside, *wall.saved_clips(entry.project)[:OFFERED]]
    offered = list({clip.pk: clip for clip in near}.values())[: max(OFFERED, len(clips))]
    context = {"entry": entry, "offered": offered, "named": {clip.pk for clip in clips}, "most": compare.MOST}
    status = HTTPStatus.BAD_REQUEST if len(clips) > compare.MOST else HTTPStatus.OK
    return render(request, "gallery/compare_choose.html", context, status=status)
