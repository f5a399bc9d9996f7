"""The forms with which a credit manager moves credits: of one person, or of many at once."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.http import QueryDict

from studio.accounts.models import User
from studio.credits.batch import MOST, Act
from studio.credits.figures import credits_text, parse_credits
from studio.credits.ledger import REASON_LENGTH
from studio.web.text_fields import LineField, LinesField

ID_DIGITS = 18  # of a BIGINT
NO_REASON = "Say why: the person reads it on their ledger."


class GrantForm(forms.Form):
    """Credits to give, or with a minus to take, and why. `key` is made with the form, so sending it twice moves credits once."""

    amount = LineField(
        label="Credits",
        max_length=40,
        help_text="With a minus to take back what is free.",
        error_messages={"required": "Enter a number of credits, such as 500 or 38.5.", "max_length": "That is too long for a number of credits."},
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "decimal", "autocomplete": "off", "autofocus": True}),
    )
    reason = LinesField(
        label="Reason, shown on their ledger",
        max_length=REASON_LENGTH,
        error_messages={"required": NO_REASON, "max_length": f"Use at most {REASON_LENGTH} characters."},
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": "", "invalid": ""})

    def __init__(self, data: QueryDict | None, *, person: User) -> None:
        super().__init__(data, label_suffix="")
        self.person = person

    def clean_amount(self) -> int:
        """The amount in millicredits, not 0."""
        try:
            millicredits = parse_credits(self.cleaned_data["amount"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if millicredits == 0:
            raise forms.ValidationError("Nothing would move: enter more than 0.")
        if millicredits > 0 and not self.person.is_active:
            raise forms.ValidationError(f"{self.person} is no longer active and cannot be given credits.")
        return millicredits

    def clean(self) -> dict[str, Any]:
        """Explain a form whose hidden key was lost: a person cannot mend that beside a field."""
        cleaned = super().clean() or self.cleaned_data
        if "key" in self.errors:
            self.add_error(None, "This form was damaged on its way. Send it again.")
        return cleaned

    @property
    def form_key(self) -> UUID:
        """The key to print into the page: the one that came, or a fresh one."""
        key = getattr(self, "cleaned_data", {}).get("key")
        return key if isinstance(key, UUID) else uuid4()


class MoveForm(forms.Form):
    """Who is given or taken credits, how many each and why. `key` is made with the form, so sending it twice moves credits once."""

    act = forms.ChoiceField(label="What", choices=Act.choices, initial=Act.GRANT.value, widget=forms.RadioSelect)
    amount = LineField(
        label="Credits",
        max_length=40,
        error_messages={"required": "Enter a number of credits, such as 500 or 38.5.", "max_length": "That is too long for a number of credits."},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "autofocus": True}),
    )
    reason = LinesField(
        label="Reason, shown on each ledger",
        max_length=REASON_LENGTH,
        error_messages={"required": "Say why: each person reads it on their ledger.", "max_length": f"Use at most {REASON_LENGTH} characters."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    who = LineField(widget=forms.HiddenInput, max_length=MOST * 20)  # ids with commas between them
    key = forms.UUIDField(widget=forms.HiddenInput)
    seen = LineField(widget=forms.HiddenInput, required=False, max_length=64)  # the state that the preview showed

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")

    def clean_amount(self) -> int:
        """The amount in millicredits: more than 0, or for a balance that is set not below 0."""
        try:
            millicredits = parse_credits(self.cleaned_data["amount"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if millicredits < 0:
            raise forms.ValidationError(f"Enter {credits_text(-millicredits)} without a minus, and choose above what happens.")
        if millicredits == 0 and self.cleaned_data.get("act") != Act.SET:
            raise forms.ValidationError("Nothing would move: enter more than 0.")
        return millicredits

    def clean_who(self) -> list[int]:
        """The ids of the chosen people, each once."""
        return chosen(self.cleaned_data["who"].split(","))


def chosen(words: list[str]) -> list[int]:
    """The ids in these words, each once, in their order; what is none is left out."""
    return list(dict.fromkeys(int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= ID_DIGITS))
