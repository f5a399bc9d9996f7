"""What is changed about a prompt besides its text: name, tags, whose it is, labels, and whether it is put away."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from studio.accounts.actions import CannotDo
from studio.prompts import actions
from studio.prompts.door import Sight, find, open_prompt
from studio.prompts.forms import DetailsForm, HandOverForm, LabelForm, join
from studio.prompts.models import Prompt, Scope
from studio.prompts.views import version_or_404


@never_cache
@require_http_methods(["GET", "POST"])
def details(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """Name, tags and whose it is."""
    sight = open_prompt(request, prompt_id, to="edit")
    found = sight.prompt
    if request.method == "GET":
        return page(request, sight)
    form = DetailsForm(request.POST, user=sight.user, current=found.project)
    if not sight.may_share:
        form.fields["where"].required = False
    if form.is_valid():
        try:
            changed = actions.describe(found, name=form.cleaned_data["name"], tags=form.cleaned_data["tags"])
            if sight.may_share:
                changed |= actions.share(found, scope=form.scope, project=form.project, by=sight.user)
        except CannotDo as refusal:
            form.add_error("where", str(refusal))
        else:
            if changed:
                messages.success(request, f"{found.name} is changed.")
            return redirect("prompt", found.pk) if find(sight.user, found.pk) else redirect("prompts")
    return page(request, sight, form=form)


def page(request: HttpRequest, sight: Sight, *, form: DetailsForm | None = None, over: HandOverForm | None = None) -> HttpResponse:
    """The page of a prompt's details, with what was typed into one of its forms."""
    found = sight.prompt
    begin = {"name": found.name, "tags": join(found.tags.values_list("name", flat=True)), "where": where_of(found)}
    context = {
        "sight": sight,
        "prompt": found,
        "form": form or DetailsForm(user=sight.user, current=found.project, initial=begin),
        "over": (over or HandOverForm(by=sight.user)) if sight.may_share and found.scope != Scope.PRIVATE else None,
    }
    wrong = (form and form.errors) or (over and over.errors)
    return render(request, "prompts/details.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK)


def where_of(found: Prompt) -> str:
    """Whose it is, as the form has it."""
    return found.project.code if found.project else found.scope


@require_POST
def hand_over(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """Make it somebody else's."""
    sight = open_prompt(request, prompt_id, to="share")
    form = HandOverForm(request.POST, by=sight.user)
    if form.is_valid():
        try:
            actions.hand_over(sight.prompt, form.cleaned_data["email"], by=sight.user)
        except CannotDo as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, f"{sight.prompt.name} is {sight.prompt.author}’s now.")
            return redirect("prompt", prompt_id)
    return page(request, sight, over=form)


@require_POST
def archive(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """Put it away, or bring it back."""
    sight = open_prompt(request, prompt_id, to="edit")
    to = request.POST.get("to", "")
    if to == "archive" and actions.archive(sight.prompt, by=sight.user):
        messages.success(request, f"{sight.prompt.name} is archived. Nothing was deleted.")
    elif to == "back" and actions.bring_back(sight.prompt, by=sight.user):
        messages.success(request, f"{sight.prompt.name} is back in the library.")
    return redirect("prompt", prompt_id)


@require_POST
def label(request: HttpRequest, prompt_id: int, number: int) -> HttpResponse:
    """Point a label at a version, wherever it pointed before."""
    sight = open_prompt(request, prompt_id, to="edit")
    version, form = version_or_404(sight.prompt, number), LabelForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(sentence) for sentences in form.errors.values() for sentence in sentences))
    elif actions.move_label(version, form.cleaned_data["label"], by=sight.user):
        messages.success(request, f"{form.cleaned_data['label']} is version {number} now.")
    return redirect("prompt_version", prompt_id, number)


@require_POST
def label_off(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """Take a label off."""
    sight = open_prompt(request, prompt_id, to="edit")
    name = request.POST.get("label", "").replace("\x00", "")  # as it is kept, which may be older than the rule for names
    if actions.take_label_off(sight.prompt, name, by=sight.user):
        messages.success(request, f"{name} points at no version any more.")
    return redirect("prompt", prompt_id)
