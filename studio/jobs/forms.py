"""The order form: what a person typed, checked against the rules of ours and of the connection they chose. Each reason stands beside its field."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.http import QueryDict

from studio.jobs.actions import Order
from studio.jobs.composer import FIELDS, MOST, PROMPT_LIMIT
from studio.jobs.composer import too_many as too_many_clips
from studio.jobs.models import Clip, Job, Policy, Reference
from studio.jobs.prompting import filled, is_changed, values_of, version_of
from studio.jobs.wanted import LONGEST, MOST_REFERENCES, Wanted, clip_of, count_in, of_query, operation_of, references_of, shot_of
from studio.projects.door import Pass
from studio.prompts.models import PromptVersion
from studio.prompts.variables import FillError
from studio.providers.contract import Brief, Operation
from studio.providers.registry import PROVIDERS
from studio.routing.choice import Option, enabled, option
from studio.routing.models import Connection
from studio.web.text_fields import LineField, LinesField

MOST_SHOTS = 10**9
TAKES = "How many takes is a whole number, 1 or more."
OLD = "This page is older than the studio. Load it again."


def too_many(given: int) -> str:
    """The sentence for more reference images than any order carries."""
    return f"At most {MOST_REFERENCES} reference images go into one order; this has {given}."


class References(forms.Field):
    """The ids of reference images, in order."""

    widget = forms.MultipleHiddenInput


class BriefForm(forms.Form):
    """One order. `option` is what the chosen connection makes of it, `images` its references in order, `clip` what it changes, after `is_valid`."""

    prompt = LinesField(error_messages={"required": "Describe the shot first."})
    connection = forms.IntegerField(error_messages={"required": "Choose a connection.", "invalid": "Choose a connection."})
    model = LineField(required=False, max_length=80)
    mode = LineField(required=False, max_length=40)
    aspect_ratio = LineField(required=False, max_length=8)
    duration = forms.IntegerField(
        required=False, min_value=1, max_value=LONGEST, error_messages={"invalid": "A duration is a whole number of seconds."}
    )
    resolution = LineField(required=False, max_length=8)
    silent = forms.BooleanField(required=False)
    references = References(required=False)
    operation = LineField(required=False)
    source = LineField(required=False)
    parent = forms.IntegerField(required=False, min_value=1, max_value=MOST_SHOTS, error_messages={"invalid": OLD})
    policy = forms.ChoiceField(required=False, choices=Policy, error_messages={"invalid_choice": OLD})
    address = LineField(required=False, max_length=2000)
    prompt_version = LineField(required=False)
    values = LineField(required=False)  # where reasons about the text's variables stand; what was typed is in fields of their own
    takes = forms.IntegerField(required=False, min_value=1, error_messages={"invalid": TAKES, "min_value": TAKES})
    order_key = forms.UUIDField(error_messages={"required": OLD, "invalid": OLD})

    def __init__(self, data: QueryDict, *, entry: Pass, connections: Sequence[Connection] | None = None) -> None:
        """A bound form for somebody in a project. Without `connections`, all that are enabled."""
        super().__init__(data)
        self.typed = data
        self.entry = entry
        self.connections = enabled() if connections is None else list(connections)
        self.option: Option | None = None
        self.images: tuple[Reference, ...] = ()
        self.clip: Clip | None = None

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

    def clean_operation(self) -> Operation:
        """What is asked for; a new clip where nothing is said."""
        return operation_of(self.cleaned_data["operation"])

    def clean_source(self) -> Clip | None:
        """The clip to change, while it is saved in this project. Never a new clip where a changed one was wanted."""
        if self.cleaned_data["operation"] is Operation.GENERATE:
            return None
        self.clip = clip_of(self.entry, self.cleaned_data["source"])
        if self.clip is None:
            raise forms.ValidationError("The clip to change is not here any more. Take it out for a new clip, or open another.")
        return self.clip

    def clean_parent(self) -> Job | None:
        """The shot whose brief this began with. It is a note; a shot that is gone stops no order."""
        return shot_of(self.entry, self.cleaned_data["parent"])

    def clean_takes(self) -> int:
        """How many clips of each prompt; one where nothing is said."""
        return self.cleaned_data["takes"] or 1

    def clean_policy(self) -> str:
        """What follows a failure; nothing by itself where nothing is said."""
        return self.cleaned_data["policy"] or Policy.HAND.value

    def clean_prompt_version(self) -> PromptVersion | None:
        """The library's text that this began with. It is a note; one that is out of sight stops no order."""
        return version_of(self.entry.user, self.cleaned_data["prompt_version"])

    def clean(self) -> dict[str, Any]:
        """Fill the variables, then ask the connection. Its reasons join ours, each at its field."""
        cleaned = super().clean() or self.cleaned_data
        self._fill()
        self._ask()
        if (count := self.count) > MOST and "takes" not in self.errors:
            self.add_error("takes", too_many_clips(count))
        return cleaned

    @property
    def count(self) -> int:
        """How many clips are wanted, before any of them is built."""
        return count_in(self.typed)

    def refuse(self, reasons: dict[str, str]) -> None:
        """Put each reason beside its field, unless that field was wrong already."""
        for name, sentence in reasons.items():
            place = FIELDS.get(name, name)
            if place not in self.errors:
                self.add_error(place if place in self.fields else None, sentence)

    def add_references(self, added: Sequence[Reference]) -> None:
        """Count images that came with the order itself, and ask the connection again."""
        self.images = (*self.images, *added)
        self._ask()

    def wanted(self) -> Wanted:
        """What was typed, for the composer to show again."""
        return replace(of_query(self.entry, self.typed), references=self.images)

    def order(self) -> Order:
        """What is ordered, after `is_valid`."""
        given = self.cleaned_data
        assert self.option is not None  # noqa: S101 - a valid form has asked its connection
        return Order(
            connection=given["connection"],
            brief=self.option.brief,
            references=self.images,
            source=self.clip,
            wish=self._brief(),
            policy=given["policy"],
            parent=given["parent"],
            prompt_version=given["prompt_version"],
            prompt_changed=is_changed(self.written, given["prompt_version"]),
        )

    def _fill(self) -> None:
        """Put the values into the prompt, which from here on is what is sent; `written` stays what was typed."""
        self.written: str = self.cleaned_data.get("prompt", "")
        try:
            sent = filled(self.written, self.cleaned_data.get("prompt_version"), values_of(self.typed))
        except FillError as lacking:
            self.add_error("values", list(lacking.reasons.values()))
            return
        if self.written and len(sent) > PROMPT_LIMIT:
            self.add_error("prompt", f"With its variables filled in, the prompt has {len(sent):,} characters; it can have {PROMPT_LIMIT:,}.")
        elif self.written:
            self.cleaned_data["prompt"] = sent

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
            silent=bool(cleaned.get("silent")),
            references=self.images,
            operation=cleaned.get("operation", Operation.GENERATE),
            source=self.clip,
        )
        return wanted.brief()
