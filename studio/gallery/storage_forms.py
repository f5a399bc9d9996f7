"""What may be said about how long clips are kept."""

from typing import Any

from django import forms

from studio.gallery.retention import Days

LEAST, MOST = 1, 3650


class RetentionForm(forms.Form):
    """Days after which rejected and undecided clips go to the trash; an empty field: never."""

    rejected_days = forms.IntegerField(
        label="Rejected clips, after days",
        required=False,
        min_value=LEAST,
        max_value=MOST,
        help_text="Counted from the day on which the project rejected them. Empty: never.",
    )
    undecided_days = forms.IntegerField(
        label="Undecided clips, after days",
        required=False,
        min_value=LEAST,
        max_value=MOST,
        help_text="Counted from the day on which they were saved. Empty: never.",
    )

    def __init__(self, given: Any = None, *, days: Days) -> None:
        """Begin with what `days` says."""
        super().__init__(given, initial=days.as_facts())

    @property
    def days(self) -> Days:
        """What it says. Only of a valid form."""
        return Days(self.cleaned_data["rejected_days"], self.cleaned_data["undecided_days"])
