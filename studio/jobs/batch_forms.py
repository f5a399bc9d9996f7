"""The form with which a batch gets its ceiling, its waves and the rules by which it stops."""

from typing import Any

from django import forms
from django.http import QueryDict

from studio.credits.figures import credits_text
from studio.credits.limit_forms import CreditsField
from studio.jobs.batch_actions import Rules
from studio.jobs.batch_models import Batch
from studio.jobs.batch_plan import WAVE
from studio.jobs.composer import MOST

DAMAGED = "Use a whole number, 1 or more."


def _number(label: str, help_text: str, *, most: int, required: bool = False) -> forms.IntegerField:
    """A small whole number."""
    attrs = {"inputmode": "numeric", "autocomplete": "off"}
    errors = {"invalid": DAMAGED, "min_value": DAMAGED, "max_value": f"At most {most:,}.", "required": DAMAGED}
    return forms.IntegerField(
        label=label, help_text=help_text, min_value=1, max_value=most, required=required, error_messages=errors, widget=forms.NumberInput(attrs=attrs)
    )


class RulesForm(forms.Form):
    """How far a batch may go. `rules` is what it says, after `is_valid`."""

    ceiling = CreditsField(
        label="At most, in credits",
        help_text="What is held and spent together never goes over this.",
        error_messages={"required": "Say how much it may cost at most."},
    )
    wave = _number(
        "Clips in a wave", "The next ones are ordered when these have ended. Only what is ordered holds credits.", most=MOST, required=True
    )
    looks_between = forms.BooleanField(label="Wait for me after each wave", help_text="To pick first, and go on or stop.", required=False)
    enough_kept = _number("Stop when so many clips are kept", "Picked clips count. What was not sent is cancelled, free.", most=MOST)
    most_failed = _number("Stop when more than so many per cent fail", "From five that have ended on.", most=99)

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="", auto_id="rule-%s")

    @classmethod
    def for_plan(cls, *, total: int) -> "RulesForm":
        """With what is sensible at this price in millicredits."""
        return cls(initial={"ceiling": credits_text(total), "wave": WAVE, "most_failed": 50})

    @classmethod
    def of(cls, batch: Batch) -> "RulesForm":
        """With the rules that a batch has."""
        told = {name: getattr(batch, name) for name in ("wave", "looks_between", "enough_kept", "most_failed")}
        return cls(initial={"ceiling": credits_text(batch.ceiling), **told})

    @property
    def rules(self) -> Rules:
        """What was said."""
        return Rules(**self.cleaned_data)
