"""The forms with which an admin sets prices of their own. People write credits; the rows hold millicredits."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from studio.credits.figures import parse_credits
from studio.providers.contract import RESOLUTIONS
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection, PriceRule
from studio.web.text_fields import LineField

LONGEST = 3600  # seconds of a clip that a rule can speak of
MOST_UNITS = 10**15  # that one rate speaks of: with the most credits it still fits a BIGINT
SOURCE = "Where the figure is from, such as “our contract of 1 November”."


def _amount(label: str, *, required: bool, hint: str = "") -> LineField:
    """A field for credits."""
    return LineField(
        label=label,
        max_length=40,
        required=required,
        help_text=hint,
        error_messages={"required": "Enter a number of credits, such as 7 or 0.5.", "max_length": "That is too long for a number of credits."},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def _source() -> LineField:
    return LineField(
        label="Source",
        max_length=300,
        help_text=SOURCE,
        error_messages={"required": "Say where the figure is from."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _millicredits(text: str) -> int:
    """What somebody typed as credits, not below 0."""
    try:
        amount = parse_credits(text)
    except ValueError as error:
        raise forms.ValidationError(str(error)) from error
    if amount < 0:
        raise forms.ValidationError("A price is not below 0.")
    return amount


class PriceForm(forms.Form):
    """A price of one's own for orders at a connection, or at every connection to its provider."""

    scope = forms.ChoiceField(label="For", choices=[])
    model = forms.ChoiceField(label="Model", required=False, choices=[])
    resolution = forms.ChoiceField(label="Resolution", required=False, choices=[("", "Any"), *((one, one) for one in RESOLUTIONS)])
    seconds_from = forms.IntegerField(label="From, seconds", required=False, min_value=0, max_value=LONGEST)
    seconds_to = forms.IntegerField(label="To, seconds", required=False, min_value=0, max_value=LONGEST)
    fixed = _amount("Credits an order", required=False)
    per_second = _amount("Credits a second", required=False)
    source = _source()
    certainty = forms.ChoiceField(label="How sure", choices=PriceRule.Certainty, initial=PriceRule.Certainty.EXACT)

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection) -> None:
        super().__init__(data, label_suffix="", auto_id="price_%s")
        kind = PROVIDERS[connection.provider]
        models = [(can.model, can.label) for can in kind.dialects.get(connection.dialect, kind.dialects[""]).capabilities if can.model]
        scopes = [("connection", f"{connection.label} alone"), ("provider", f"Every connection to {kind.name}")]
        self.fields["scope"] = forms.ChoiceField(label="For", choices=scopes)
        self.fields["model"] = forms.ChoiceField(label="Model", required=False, choices=[("", "Any"), *models])

    def clean_fixed(self) -> int:
        """Millicredits for each order; 0 where nothing was entered."""
        return _millicredits(self.cleaned_data["fixed"]) if self.cleaned_data["fixed"] else 0

    def clean_per_second(self) -> int:
        """Millicredits for each second; 0 where nothing was entered."""
        return _millicredits(self.cleaned_data["per_second"]) if self.cleaned_data["per_second"] else 0

    def clean_seconds_from(self) -> int:
        """The shortest clip that it speaks of."""
        return self.cleaned_data["seconds_from"] or 0

    def clean_seconds_to(self) -> int:
        """The longest clip that it speaks of."""
        longest = self.cleaned_data["seconds_to"]
        return LONGEST if longest is None else longest

    def clean(self) -> dict[str, Any]:
        """A range has an order, and somebody who means that it is free writes a 0."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "seconds_from" in data and "seconds_to" in data and data["seconds_from"] > data["seconds_to"]:
            self.add_error("seconds_to", "The range ends before it begins.")
        if not self.data.get("fixed") and not self.data.get("per_second"):
            self.add_error("fixed", "Enter credits an order, credits a second, or both. For free, write 0.")
        return data


class RateForm(forms.Form):
    """What reported usage costs from a day on. A rate that is in force is never changed: a newer one takes its place."""

    unit = forms.ChoiceField(label="Unit", choices=[])
    credits = _amount("Credits", required=True)
    per_units = forms.IntegerField(
        label="For how many units",
        min_value=1,
        max_value=MOST_UNITS,
        initial=1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    valid_from = forms.DateField(
        label="From",
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Say from which day on.", "invalid": "Write a day like 2026-12-01."},
    )
    source = _source()

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection) -> None:
        super().__init__(data, label_suffix="", auto_id="rate_%s", initial={"valid_from": timezone.localdate()})
        self.fields["unit"] = forms.ChoiceField(label="Unit", choices=[(unit, unit) for unit in units_of(connection)])

    def clean_credits(self) -> int:
        """Millicredits."""
        return _millicredits(self.cleaned_data["credits"])

    def clean_valid_from(self) -> datetime:
        """The moment: this one for today, else the first of that day where the admin lives."""
        day = self.cleaned_data["valid_from"]
        today = timezone.localdate()
        if day < today:
            raise forms.ValidationError("A rate begins today or later: what was sent keeps the rate that it was sent with.")
        return timezone.now() if day == today else timezone.make_aware(datetime.combine(day, time.min))


def units_of(connection: Connection) -> list[str]:
    """The units in which the connection's provider reports usage, in any of its dialects."""
    return list(dict.fromkeys(one.usage_unit for one in PROVIDERS[connection.provider].dialects.values() if one.usage_unit))
