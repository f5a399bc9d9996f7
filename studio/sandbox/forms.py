"""What an admin types to make something go wrong."""

from django import forms

from studio.sandbox.models import Fault, Kind, Moment, Played

EVERY_PROVIDER = [("", "Any provider"), *Played.choices]


class FaultForm(forms.Form):
    """One fault to switch on. Without a number it happens every time."""

    provider = forms.ChoiceField(choices=EVERY_PROVIDER, required=False)
    kind = forms.ChoiceField(label="What goes wrong", choices=Kind.choices)
    moment = forms.ChoiceField(
        label="Meets", choices=Moment.choices, required=False, help_text="Status requests can meet only 429, 499, 5xx and HTML."
    )
    left = forms.IntegerField(label="How many times", min_value=1, max_value=1_000_000, required=False, help_text="Leave empty for every time.")

    def switch_on(self) -> Fault:
        """The fault, on, with its count as typed; the same fault is armed anew rather than doubled."""
        asked = self.cleaned_data
        fault, _ = Fault.objects.update_or_create(
            provider=asked["provider"], kind=asked["kind"], moment=asked["moment"], origin="", defaults={"left": asked["left"], "on": True}
        )
        return fault
