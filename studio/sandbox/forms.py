"""What an admin types to make something go wrong."""

from django import forms

from studio.sandbox.models import Fault, Kind, Moment, Played

EVERY_PROVIDER = [("", "Any provider"), *Played.choices]


class FaultForm(forms.Form):
    """One fault to switch on. Without a number and a chance it happens every time."""

    provider = forms.ChoiceField(choices=EVERY_PROVIDER, required=False)
    kind = forms.ChoiceField(label="What goes wrong", choices=Kind.choices)
    moment = forms.ChoiceField(
        label="Meets",
        choices=Moment.choices,
        required=False,
        help_text="A status request can meet 429, 499, 5xx, HTML, a dropped connection and an answer about another job; "
        "a download 5xx, a dropped connection and a cut.",
    )
    left = forms.IntegerField(label="How many times", min_value=1, max_value=1_000_000, required=False, help_text="Leave empty for no end.")
    chance = forms.FloatField(label="Chance in per cent", min_value=0.1, max_value=100, required=False, help_text="Leave empty for every request.")

    def switch_on(self) -> Fault:
        """The fault, on, with its count and its chance as typed; the same fault is armed anew rather than doubled."""
        asked = self.cleaned_data
        armed = {"left": asked["left"], "share": asked["chance"] / 100 if asked["chance"] else None, "on": True}
        fault, _ = Fault.objects.update_or_create(provider=asked["provider"], kind=asked["kind"], moment=asked["moment"], origin="", defaults=armed)
        return fault
