"""The order form: what a person typed, checked against the rules of ours and of the connection they chose. Each reason stands beside its field."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.http import QueryDict

from studio.jobs.composer import LONGEST, MOST_REFERENCES, PROMPT_LIMIT, Wanted, of_query, references_of
from studio.jobs.models import Reference
from studio.projects.door import Pass
from studio.providers.contract import Brief
from studio.providers.registry import PROVIDERS
from studio.routing.choice import Option, enabled, option
from studio.routing.models import Connection

OLD = "This page is older than the studio. Load it again."


def too_many(given: int) -> str:
    """The sentence for more reference images than any order carries."""
    return f"At most {MOST_REFERENCES} reference images go into one order; this has {given}."


class Prompt(forms.CharField):
    """Text with the line ends that we count: a browser sends two characters for each."""

    def to_python(self, value: Any) -> str:
        """The prompt as it is sent."""
        return (super().to_python(value) or "").replace("\r\n", "\n").strip()


class References(forms.Field):
    """The ids of reference images, in order."""

    widget = forms.MultipleHiddenInput


class BriefForm(forms.Form):
    """One order. `option` is what the chosen connection makes of it, `images` its references in order, after `is_valid`."""

    prompt = Prompt(strip=False, error_messages={"required": "Describe the shot first."})
    connection = forms.IntegerField(error_messages={"required": "Choose a connection.", "invalid": "Choose a connection."})
    model = forms.CharField(required=False, max_length=80)
    mode = forms.CharField(required=False, max_length=40)
    aspect_ratio = forms.CharField(required=False, max_length=8)
    duration = forms.IntegerField(
        required=False, min_value=1, max_value=LONGEST, error_messages={"invalid": "A duration is a whole number of seconds."}
    )
    resolution = forms.CharField(required=False, max_length=8)
    references = References(required=False)
    address = forms.CharField(required=False, max_length=2000)
    order_key = forms.UUIDField(error_messages={"required": OLD, "invalid": OLD})

    def __init__(self, data: QueryDict, *, entry: Pass, connections: Sequence[Connection] | None = None) -> None:
        """A bound form for somebody in a project. Without `connections`, all that are enabled."""
        super().__init__(data)
        self.typed = data
        self.entry = entry
        self.connections = enabled() if connections is None else list(connections)
        self.option: Option | None = None
        self.images: tuple[Reference, ...] = ()

    def clean_prompt(self) -> str:
        """Within our own limit; the provider's comes with the connection."""
        prompt: str = self.cleaned_data["prompt"]
        if len(prompt) > PROMPT_LIMIT:
            raise forms.ValidationError(f"A prompt has at most {PROMPT_LIMIT:,} characters; this has {len(prompt):,}.")
        return prompt

    def clean_connection(self) -> Connection:
        """One that takes orders now."""
        chosen = next((connection for connection in self.connections if connection.pk == self.cleaned_data["connection"]), None)
        if chosen is None:
            raise forms.ValidationError("This connection takes no orders any more. Choose another.")
        return chosen

    def clean_references(self) -> tuple[Reference, ...]:
        """Images of this project, all of them still there."""
        keys = list(self.cleaned_data["references"] or [])
        self.images = references_of(self.entry, keys)
        if len(keys) > MOST_REFERENCES:
            raise forms.ValidationError(too_many(len(keys)))
        if len(self.images) != len(keys):
            raise forms.ValidationError("A reference image is not there any more. Add it again.")
        return self.images

    def clean(self) -> dict[str, Any]:
        """Ask the connection. Its reasons join ours, each at its field."""
        cleaned = super().clean() or self.cleaned_data
        self._ask()
        return cleaned

    def refuse(self, reasons: dict[str, str]) -> None:
        """Put each reason beside its field, unless that field was wrong already."""
        for name, sentence in reasons.items():
            place = "references" if name == "images" else name
            if place not in self.errors:
                self.add_error(place if place in self.fields else None, sentence)

    def add_references(self, added: Sequence[Reference]) -> None:
        """Count images that came with the order itself, and ask the connection again."""
        self.images = (*self.images, *added)
        self._ask()

    def wanted(self) -> Wanted:
        """What was typed, for the composer to show again."""
        return replace(of_query(self.entry, self.typed), references=self.images)

    def _ask(self) -> None:
        """What the chosen connection makes of the brief; without one there is nothing to ask."""
        connection = self.cleaned_data.get("connection")
        if not isinstance(connection, Connection):
            return
        self.option = option(self._brief(), connection)
        if self.option.can.model != self.cleaned_data.get("model", ""):
            name = PROVIDERS[connection.provider].name
            self.refuse({"model": f"{name} has no such model. {self.option.can.label} is chosen now; look at its price and order again."})
        self.refuse(self.option.reasons)

    def _brief(self) -> Brief:
        cleaned = self.cleaned_data
        wanted = Wanted(
            prompt=cleaned.get("prompt") or "",
            model=cleaned.get("model") or "",
            mode=cleaned.get("mode") or "",
            aspect_ratio=cleaned.get("aspect_ratio") or "",
            duration=cleaned.get("duration"),
            resolution=cleaned.get("resolution") or "",
            references=self.images,
        )
        return wanted.brief()
