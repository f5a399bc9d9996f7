"""The alerts of attempts, for admins: what a provider told that cannot be believed or came too late, and what it is to cost."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from studio.accounts import door
from studio.credits.figures import credits_text
from studio.credits.limit_forms import CreditsField
from studio.jobs import alerts
from studio.jobs.alerts import CannotSettle, Choice, Figures
from studio.jobs.models import Attempt
from studio.jobs.waiting import name_of
from studio.web.text_fields import LinesField

PAGE = 50  # alerts that are listed at once, oldest first
WORDS = {
    Choice.KEEP: "Keep what was charged",
    Choice.REPORTED: "Charge what was reported",
    Choice.ESTIMATED: "Charge the estimate",
    Choice.OTHER: "Charge another amount",
}


class SettleForm(forms.Form):
    """What an admin decides about one alert, and why. `alert` is the sentence that they read."""

    choice = forms.ChoiceField(
        choices=[(choice.value, words) for choice, words in WORDS.items()], error_messages={"required": "Choose what it costs."}
    )
    amount = CreditsField(label="Amount", required=False)
    reason = LinesField(
        label="Reason", max_length=alerts.LONGEST_REASON, error_messages={"required": "Say why, for the audit log and the person’s ledger."}
    )
    alert = forms.CharField(max_length=300)  # compared with what is stored, which may be older than the rule for texts

    def clean(self) -> dict[str, Any]:
        """Another amount needs one."""
        data = super().clean() or self.cleaned_data
        if data.get("choice") == Choice.OTHER.value and data.get("amount") is None and "amount" not in self.errors:
            self.add_error("amount", "Enter the amount in credits.")
        return data


@dataclass(frozen=True, slots=True)
class Option:
    """One decision: its value and words, and the credits that it comes to; empty where the admin says how many."""

    value: str
    words: str
    credits: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """One attempt with its alert, as the page shows it. `form` holds what was typed where it could not be done."""

    attempt: Attempt
    name: str
    figures: Figures
    form: SettleForm

    @property
    def options(self) -> list[Option]:
        """The decisions that there are. Of an order that lives nothing was charged yet."""
        known: dict[Choice, int | None] = {Choice.KEEP: self.figures.charged}
        if self.attempt.ended_at:
            known |= {Choice.REPORTED: self.figures.reported} if self.figures.reported is not None else {}
            known |= {Choice.ESTIMATED: self.figures.estimated, Choice.OTHER: None}
        chosen = self.form["choice"].value() or Choice.KEEP.value
        return [
            Option(choice.value, WORDS[choice], "" if sum_ is None else credits_text(sum_), choice.value == chosen) for choice, sum_ in known.items()
        ]


@never_cache
@require_safe
def alert_list(request: HttpRequest) -> HttpResponse:
    """Every open alert, oldest first."""
    door.admin(request)
    return _page(request)


@require_POST
def alert_settle(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """Settle one alert. What was typed stays where it could not be done."""
    admin = door.admin(request)
    found = get_object_or_404(Attempt.objects.select_related("job__project", "connection"), pk=attempt)
    form = SettleForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            charged = alerts.settle(found, Choice(data["choice"]), by=admin, reason=data["reason"], amount=data["amount"], alert=data["alert"])
        except CannotSettle as error:
            if not alerts.open_alerts().filter(pk=found.pk).exists():
                messages.warning(request, str(error))
                return redirect("alerts")
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{found.job.code} is settled: {credits_text(charged)} credits are charged for this try.")
            return redirect("alerts")
    return _page(request, bound={found.pk: form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _page(request: HttpRequest, *, bound: dict[UUID, SettleForm] | None = None, status: int = HTTPStatus.OK) -> HttpResponse:
    bound = bound or {}
    whole = alerts.open_alerts().select_related("job__project", "job__author", "connection")
    rows = list(whole[: PAGE + 1])
    shown = rows[:PAGE] + [row for row in whole.filter(pk__in=bound) if row.pk not in {one.pk for one in rows[:PAGE]}]
    found = [
        Alert(row, name_of(row.connection), alerts.figures_of(row), bound.get(row.pk) or SettleForm(initial={"alert": row.alert})) for row in shown
    ]
    total = len(rows) if len(rows) <= PAGE else alerts.open_alerts().count()
    return render(request, "control/alerts.html", {"alerts": found, "total": total}, status=status)
