"""The pages on which people ask for credits, and on which credit managers answer."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts.door import person
from studio.accounts.models import User
from studio.credits import requests
from studio.credits.figures import credits_text, parse_credits
from studio.credits.models import CreditRequest
from studio.credits.own_grants import spend_grant
from studio.projects.models import Project
from studio.web.htmx import is_part
from studio.web.text_fields import LineField, LinesField

NOTE_LENGTH = 200
CREDITS_ERRORS = {"required": "Enter a number of credits, such as 500 or 38.5.", "max_length": "That is too long for a number of credits."}


class Credits(LineField):
    """Credits as people write them; in millicredits, more than 0."""

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(max_length=40, error_messages=CREDITS_ERRORS, widget=forms.TextInput(attrs=attrs), **options)

    def clean(self, value: Any) -> Any:
        """The millicredits; None for an empty field that may be empty."""
        written = super().clean(value)
        if not written:
            return None
        try:
            amount = parse_credits(written)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if amount <= 0:
            raise forms.ValidationError("Enter more than 0.")
        return amount


class AskForm(forms.Form):
    """How many credits, and what for. `project` is the code of one that the person belongs to; any other is left out."""

    amount = Credits(label="Credits")
    reason = LinesField(
        label="What for",
        max_length=NOTE_LENGTH,
        help_text="Whoever answers reads this.",
        error_messages={"required": "Say what for, in a few words."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    project = LineField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, *, who: User, initial: dict[str, str]) -> None:
        super().__init__(data, label_suffix="", initial=initial)
        self.who = who

    def clean_project(self) -> Project | None:
        """One of the person's own projects."""
        return Project.objects.for_user(self.who).filter(code=self.cleaned_data["project"].upper()).first()


class AnswerForm(forms.Form):
    """What a manager answers: `do` is grant or decline."""

    do = forms.ChoiceField(choices=[("grant", "Grant"), ("decline", "Decline")])
    amount = Credits(label="Credits", required=False)
    note = LinesField(label="Note", max_length=NOTE_LENGTH, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for credits: on a page of its own, or by htmx with one press where they are missing, which changes nothing else on that page."""
    who = person(request)
    sent = request.method == "POST"
    start = {"amount": request.GET.get("amount", "")[:40], "reason": request.GET.get("reason", ""), "project": request.GET.get("project", "")}
    form = AskForm(request.POST if sent else None, who=who, initial=start)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = requests.ask(who, given["amount"], reason=given["reason"], project=given["project"])
        except requests.CannotAsk as refusal:
            form.add_error(None, str(refusal))
        else:
            return asked(request, made)
    context = {"form": form, "asked": requests.open_of(who), "managers": requests.names_text(requests.managers())}
    template = "credits/_request_form.html" if is_part(request) else "credits/request.html"
    return render(request, template, context, status=HTTPStatus.UNPROCESSABLE_ENTITY if sent else HTTPStatus.OK)


def asked(request: HttpRequest, made: CreditRequest) -> HttpResponse:
    """What stands where a request was made: what was asked, and who will answer."""
    goes_to = requests.names_text(requests.managers())
    if is_part(request):
        return render(request, "credits/_request_mine.html", {"asked": made, "goes_to": goes_to})
    messages.success(request, f"You asked for {credits_text(made.amount)} credits. It goes to {goes_to}." if goes_to else "You asked for credits.")
    return redirect(back_to(request))


@require_POST
def withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    """Take back what one asked for oneself. Somebody else's does not exist here."""
    who = person(request)
    mine = get_object_or_404(CreditRequest, pk=request_id, user=who)
    gone = requests.withdraw(mine)
    if is_part(request):
        return render(request, "credits/_request_mine.html", {"asked": requests.open_of(who), "withdrawn": gone})
    if gone:
        messages.success(request, "You have withdrawn your request.")
    else:
        messages.info(request, "It was answered already.")
    return redirect(back_to(request))


@require_POST
def told(request: HttpRequest) -> HttpResponse:
    """A page of the person has shown the answers whose ids come as `id`."""
    ids = [int(text) for text in request.POST.getlist("id") if text.isascii() and text.isdigit() and len(text) <= 18]  # noqa: PLR2004 - digits of a BIGINT
    requests.mark_told(person(request), ids)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@never_cache
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Requests that wait, the oldest first, and below them those that were answered, for credit managers."""
    manager(request)
    return page(request)


@require_POST
def answer(request: HttpRequest, request_id: int) -> HttpResponse:
    """Grant what was asked for, another amount, or decline with a note: once, whoever else answers."""
    by = manager(request)
    found = get_object_or_404(CreditRequest.objects.select_related("user", "project"), pk=request_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return page(request, wrong=form, wrong_id=found.pk)
    given = form.cleaned_data
    try:
        if given["do"] == "grant":
            spend_grant(by, given["amount"] or found.amount)
            requests.grant(found, given["amount"] or found.amount, note=given["note"], by=by)
            messages.success(request, f"Granted {credits_text(given['amount'] or found.amount)} credits to {found.user}.")
        else:
            requests.decline(found, note=given["note"], by=by)
            messages.success(request, f"Declined {found.user}’s request.")
    except requests.CannotAnswer as refusal:
        messages.warning(request, str(refusal))
    return redirect("credits_requests")


def page(request: HttpRequest, *, wrong: AnswerForm | None = None, wrong_id: int = 0) -> HttpResponse:
    """The managers' page; with what was wrong with an answer beside its request."""
    before = request.GET.get("before", "")
    rows, older = requests.answered(before=int(before) if before.isascii() and before.isdigit() and len(before) <= 18 else None)  # noqa: PLR2004 - digits of a BIGINT
    context = {"open": list(requests.open_requests()[: requests.PAGE]), "answered": rows, "older": older, "paged": bool(before)}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return render(request, "credits/requests.html", context | {"wrong": wrong, "wrong_id": wrong_id}, status=status)


def manager(request: HttpRequest) -> User:
    """The credit manager who is signed in; PermissionDenied for anybody else."""
    who = person(request)
    if not who.manages_credits:
        raise PermissionDenied("Only credit managers and admins answer requests.")
    return who


def back_to(request: HttpRequest) -> str:
    """The path that the form names in `next`, if it leads to this host; else the person's credits.

    Anything without a leading slash would be taken for the name of a view by `redirect`.
    """
    wanted = request.POST.get("next", "")
    return wanted if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else reverse("credits")
