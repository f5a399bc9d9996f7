"""What a person does about a clip that was made and not saved: have it fetched again, upload its file, or give it up. Nothing here orders or charges."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from studio.accounts import rate_limits
from studio.decoding.errors import DecoderBusy
from studio.jobs import board, rescue
from studio.jobs.board import Changes
from studio.jobs.models import Job
from studio.jobs.views import changed, job_or_404
from studio.jobs.waiting import name_of
from studio.plain_text import lines
from studio.projects.door import Pass, enter
from studio.web.htmx import is_part
from studio.web.try_later import try_later


@require_POST
def job_rescue(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Fetch what is missing of a job again, at no cost."""
    entry, job = _mine(request, code, number)
    if rescue.ask(job, by=entry.user):
        words, tone = f"{job.code} is fetched from {name_of(job.connection)} again. Nothing is ordered, and nothing is charged.", "success"
    else:
        words, tone = f"Nothing of {job.code} is missing any more.", "warning"
    return _answer(request, entry, job, words, tone)


@require_POST
def job_upload(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Take the missing clip from a file that somebody has. One that is no video is refused, in a sentence."""
    entry, job = _mine(request, code, number)
    upload = request.FILES.get("file")
    if upload is None:
        return _answer(request, entry, job, "Choose the file of the clip first.", "error")
    rate_limits.spend_upload(entry.user, [upload.size or 0], project_id=entry.project.pk)
    try:
        clip = rescue.take_by_hand(job, upload, by=entry.user)
    except rescue.CannotTake as refusal:
        return _answer(request, entry, job, f"Not taken. {refusal} Nothing was changed.", "error")
    except DecoderBusy as busy:
        return try_later(_answer(request, entry, job, f"Not taken. {busy} Nothing was changed.", "warning"), seconds=busy.seconds)
    return _answer(request, entry, job, f"{clip.code} is here, and plays. Nothing was charged.", "success")


@require_POST
def job_give_up(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Stop fetching what is missing of a job, for good."""
    entry, job = _mine(request, code, number)
    why = lines(request.POST.get("why", "")).strip()
    if not why:
        return _answer(request, entry, job, "Say in a few words why it is given up.", "error")
    given_up = [clip for clip in rescue.missing_of(job) if rescue.give_up(clip, by=entry.user, why=why[:300])]
    words = f"{job.code} is given up. What is missing is not fetched any more." if given_up else f"Nothing of {job.code} is missing any more."
    return _answer(request, entry, job, words, "success" if given_up else "warning")


def _mine(request: HttpRequest, code: str, number: int) -> tuple[Pass, Job]:
    """The person's pass and the job, about which its author and owners decide."""
    entry = enter(request, code, to="make")
    job = job_or_404(entry, number)
    if not board.may_take_back(job, entry):
        raise PermissionDenied("Only its author or an owner of the project can do this.")
    return entry, job


def _answer(request: HttpRequest, entry: Pass, job: Job, words: str, tone: str) -> HttpResponse:
    """The changed card with a toast; without scripts, the page from which it was asked."""
    if is_part(request):
        answer = changed(request, entry, Changes([board.the_card(job, entry)], []))
        return trigger_client_event(answer, "toast", {"text": words, "tone": tone})
    levels = {"success": messages.SUCCESS, "warning": messages.WARNING, "error": messages.ERROR}
    messages.add_message(request, levels[tone], words)
    if request.POST.get("from") == "missing" and entry.user.is_admin:
        return redirect("missing")
    return redirect("job", entry.project.code, job.number)
