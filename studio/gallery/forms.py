"""What a press may say, on one clip or on many, what a clip may be called, and what a saved view is called."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from studio.gallery import naming
from studio.gallery.filters import Filters
from studio.gallery.many import MOST
from studio.gallery.models import Verdict
from studio.jobs.wanted import uuid_of
from studio.web.text_fields import LineField

PLACES = [("room", "room"), ("tile", "tile"), ("all", "tile of the wall of all projects"), ("pane", "pane")]
LONGEST = 1000  # characters of the words that undo a press
LONGEST_MANY = 60_000  # of those that undo a press on many
LONGEST_QUERY = 1000


class PressForm(forms.Form):
    """One of: a verdict to give, one to take back, or a press to undo. `place` says which part of which page asks, `query` what its address carries."""

    verdict = forms.ChoiceField(choices=Verdict.choices, required=False)
    back = forms.ChoiceField(choices=Verdict.choices, required=False)
    undo = forms.CharField(max_length=LONGEST, required=False)
    place = forms.ChoiceField(choices=PLACES, required=False)
    query = forms.CharField(max_length=LONGEST_QUERY, required=False)

    def clean(self) -> dict[str, Any]:
        """Exactly one thing is wanted."""
        cleaned = super().clean() or self.cleaned_data
        if sum(bool(cleaned.get(name)) for name in ("verdict", "back", "undo")) != 1:
            raise forms.ValidationError("Say pick, maybe or reject.")
        return cleaned

    @property
    def on_tile(self) -> bool:
        """Whether it was pressed on the wall."""
        return self.cleaned_data.get("place") in {"tile", "all"}

    @property
    def everywhere(self) -> bool:
        """Whether that wall is the one of all projects."""
        return self.cleaned_data.get("place") == "all"

    @property
    def carried(self) -> str:
        """What the page's address carries; empty where that is too long to be one of ours."""
        return str(self.cleaned_data.get("query", ""))

    @property
    def filters(self) -> Filters:
        """What the wall is narrowed to."""
        return Filters.read(QueryDict(self.carried).dict())

    @property
    def in_pane(self) -> bool:
        """Whether it was pressed where clips are compared."""
        return self.cleaned_data.get("place") == "pane"


class ReviewForm(forms.Form):
    """A press in the review queue: a verdict or what undoes one, and whether the queue goes across all projects."""

    verdict = forms.ChoiceField(choices=Verdict.choices, required=False)
    undo = forms.CharField(max_length=LONGEST, required=False)
    all = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        """Exactly one thing is wanted."""
        cleaned = super().clean() or self.cleaned_data
        if bool(cleaned.get("verdict")) == bool(cleaned.get("undo")):
            raise forms.ValidationError("Say pick, maybe or reject.")
        return cleaned


class NameForm(forms.Form):
    """What a clip is to be called: one line; nothing returns it to its code."""

    title = LineField(required=False, label="Name")

    def clean_title(self) -> str:
        """The name on one line, with one space between words. What cannot be seen is no name."""
        title = " ".join("".join(sign if sign.isprintable() else " " for sign in self.cleaned_data["title"]).split())
        if len(title) > naming.LONGEST:
            raise forms.ValidationError(f"A name has at most {naming.LONGEST} characters; this one has {len(title):,}.")
        return title


class ChosenForm(forms.Form):
    """The clips that are chosen on a wall, or a press on them to undo. `code` says which project's wall asks, none for all."""

    undo = forms.CharField(max_length=LONGEST_MANY, required=False)

    @property
    def code(self) -> str:
        """The project's code, or none."""
        return str(self.data.get("code", ""))[:8]

    @property
    def filters(self) -> Filters:
        """What the wall is narrowed to."""
        return Filters.read(QueryDict(str(self.data.get("query", ""))[:LONGEST_QUERY]).dict())

    def clean(self) -> dict[str, Any]:
        """One to MOST clips, or something to undo."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("undo"):
            return cleaned
        written = self.data.getlist("clips") if isinstance(self.data, QueryDict) else []
        try:
            cleaned["clips"] = {UUID(key) for key in written[: MOST + 1]}
        except ValueError as error:
            raise forms.ValidationError("These are no clips.") from error
        if not 1 <= len(cleaned["clips"]) <= MOST:
            raise forms.ValidationError("Choose clips.")
        return cleaned

    @property
    def undone(self) -> list[UUID]:
        """The clips that come back out of the trash, where that is what is to be undone."""
        return [key for text in str(self.cleaned_data.get("undo", "")).split(",")[:MOST] if (key := uuid_of(text))]


class ManyForm(ChosenForm):
    """A verdict for the chosen clips, or an empty one to undecide them."""

    verdict = forms.ChoiceField(choices=[*Verdict.choices, ("back", "Undecided")], required=False)

    def clean(self) -> dict[str, Any]:
        """A verdict, where nothing is to be undone."""
        cleaned = super().clean()
        if cleaned.get("undo"):
            return cleaned
        if not cleaned.get("verdict"):
            raise forms.ValidationError("Choose a decision.")
        cleaned["verdict"] = "" if cleaned["verdict"] == "back" else cleaned["verdict"]
        return cleaned


class ViewForm(forms.Form):
    """The name of a saved view, and whether the project's members find it too."""

    name = LineField(max_length=60, widget=forms.TextInput(attrs={"maxlength": 60, "autocomplete": "off"}), label="Name")
    shared = forms.BooleanField(required=False, label="For everybody in this project")

    @property
    def code(self) -> str:
        """The project's code, or none."""
        return str(self.data.get("code", ""))[:8]

    @property
    def given_name(self) -> str:
        """The name, or an empty one where it is none."""
        return str(self.cleaned_data.get("name", "")) if self.is_valid() else ""

    @property
    def given_share(self) -> bool:
        """Whether it is to be shared."""
        return bool(self.is_valid() and self.cleaned_data.get("shared"))
