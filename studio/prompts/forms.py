"""The forms of the library: a version's text, values and brief; a prompt's name, tags and whose it is; labels; handing over."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from studio.accounts.models import User
from studio.plain_text import normalized, one_line
from studio.projects.asking import knows
from studio.projects.models import Project
from studio.prompts import variables
from studio.prompts.asking import Asked, asked
from studio.prompts.contents import Content, problems
from studio.prompts.door import projects_for
from studio.prompts.models import LABEL_LENGTH, LONGEST, MOST_TAGS, NAME_LENGTH, NOTE_LENGTH, TAG_LENGTH, Scope
from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS
from studio.web.text_fields import AddressField, LineField, LinesField

AS_IS = "As in the composer"
DEFAULT, CHOICES = "default:", "choices:"  # what the name of a variable's field begins with
MOST_NUMBER = 2**31 - 1


def tags_of(written: str) -> list[str]:
    """Tags out of "Rain, night shot": small letters, single spaces, each once. Raises ValidationError for too many or too long ones."""
    tags = [tag for part in written.split(",") if (tag := tag_of(part))]
    tags = list(dict.fromkeys(tags))
    if len(tags) > MOST_TAGS:
        raise forms.ValidationError(f"A prompt can have {MOST_TAGS} tags; this has {len(tags)}.")
    if long := next((tag for tag in tags if len(tag) > TAG_LENGTH), ""):
        raise forms.ValidationError(f"The tag “{long[:TAG_LENGTH]}…” is too long; it can have {TAG_LENGTH} characters.")
    return tags


def tag_of(written: str) -> str:
    """A tag as it is kept: in small letters, which are composed."""
    return normalized("NFC", one_line(written).casefold())


class VersionForm(forms.Form):
    """A version in the making. `base` is the version that the person began with; `note` says what is different."""

    text = LinesField(
        label="Prompt",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto", "spellcheck": "true"}),
        help_text="Put what changes from clip to clip in double braces: {{subject}}.",
        error_messages={"required": "Write the prompt first."},
    )
    aspect_ratio = forms.ChoiceField(label="Aspect ratio", required=False, choices=[("", AS_IS), *((one, one) for one in ASPECT_RATIOS)])
    duration = forms.IntegerField(
        label="Duration, seconds",
        required=False,
        min_value=1,
        max_value=LONGEST,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": AS_IS}),
    )
    resolution = forms.ChoiceField(label="Resolution", required=False, choices=[("", AS_IS), *((one, one) for one in RESOLUTIONS)])
    silent = forms.BooleanField(label="No sound", required=False)
    base = forms.IntegerField(required=False, min_value=0, max_value=MOST_NUMBER, widget=forms.HiddenInput)
    note = LineField(
        label="What is different",
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Moved “no people” to the end"}),
    )

    def clean(self) -> dict[str, Any]:
        """Judge the whole version; each reason stands at its field, those about values with the variables."""
        cleaned = super().clean() or self.cleaned_data
        if "text" in self.errors:
            return cleaned
        for name, sentences in problems(self.content()).items():
            place = name if name in self.fields else None
            if place is None or place not in self.errors:
                self.add_error(place, sentences)
        return cleaned

    def content(self) -> Content:
        """What was typed, tidied; what could not be understood is left out."""
        return content_of_query(self.data, self.cleaned_data)

    def asked(self) -> list[Asked]:
        """The fields for the variables of the text, with what was typed into them."""
        text = str(self["text"].value() or "")
        typed = self.data if self.is_bound else self.initial.get("content")
        if isinstance(typed, Content):
            return asked(text, typed.defaults, typed.defaults, typed.choices)
        given = Typed(self.data)
        return asked(text, given.defaults, given.defaults, given.choices)


class Typed:
    """The values and choices of a form, by variable."""

    def __init__(self, data: Any) -> None:
        """Read them from fields named `default:subject` and `choices:subject`, a choice on each line."""
        pairs = [(key, str(data.get(key) or "")) for key in data] if data else []
        self.defaults = {variables.name_of(key[len(DEFAULT) :]): value for key, value in pairs if key.startswith(DEFAULT)}
        self.choices = {variables.name_of(key[len(CHOICES) :]): value.splitlines() for key, value in pairs if key.startswith(CHOICES)}


def content_of_query(data: Any, cleaned: dict[str, Any]) -> Content:
    """The version that a form's fields make."""
    given = Typed(data)
    return Content(
        text=str(cleaned.get("text") or ""),
        defaults=given.defaults,
        choices=given.choices,
        aspect_ratio=cleaned.get("aspect_ratio") or "",
        duration=cleaned.get("duration"),
        resolution=cleaned.get("resolution") or "",
        silent=bool(cleaned.get("silent")),
    ).tidied()


class DetailsForm(forms.Form):
    """Name and tags, and whose it is: `where` is "private", "team", or the code of a project in which the person makes something."""

    name = LineField(
        label="Name",
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        error_messages={"required": "Give it a name."},
    )
    tags = LineField(
        label="Tags",
        required=False,
        max_length=MOST_TAGS * (TAG_LENGTH + 2),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "rain, night"}),
        help_text="Separated by commas.",
    )
    where = forms.ChoiceField(label="Who sees it", error_messages={"invalid_choice": "You cannot put it there."})

    def __init__(self, data: QueryDict | None = None, *, user: User, current: Project | None = None, **options: Any) -> None:
        """A form for this person; `current` is a project that the prompt is in already, even if the person could not put it there."""
        super().__init__(data, **options)
        projects = list(projects_for(user))
        if current and current not in projects:
            projects.append(current)
        self.projects = {project.code: project for project in projects}
        names = [(project.code, f"Members of {project.name}") for project in projects]
        choices = [(Scope.PRIVATE.value, Scope.PRIVATE.label), *names, (Scope.TEAM.value, "Everybody in the team")]
        field = self.fields["where"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared
        field.choices = choices

    def clean_tags(self) -> list[str]:
        """The tags one by one."""
        return tags_of(self.cleaned_data["tags"])

    @property
    def scope(self) -> str:
        """Whose it is to be, after `is_valid`."""
        where = self.cleaned_data["where"]
        return Scope.PROJECT.value if where in self.projects else str(where)

    @property
    def project(self) -> Project | None:
        """Whose project it is to be, after `is_valid`."""
        return self.projects.get(self.cleaned_data["where"])


class LabelForm(forms.Form):
    """A label for a version."""

    label = LineField(
        label="Label",
        max_length=LABEL_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "label-names", "placeholder": "production"}),
        error_messages={"required": "Name the label.", "max_length": f"A label can have {LABEL_LENGTH} characters."},
    )

    def clean_label(self) -> str:
        """In small letters: labels are compared, not admired."""
        label = str(self.cleaned_data["label"]).casefold()
        if "," in label or len(label) > LABEL_LENGTH:
            raise forms.ValidationError("A label is one short name, without commas.")
        return label


class HandOverForm(forms.Form):
    """To whom a prompt goes."""

    email = AddressField(label="Their e-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by

    def clean_email(self) -> User:
        """The person of that address, if the one who hands over may know that they are here."""
        found = User.objects.find(self.cleaned_data["email"])
        if found is None or not (self.by.is_admin or found == self.by or knows(self.by, found.email)):
            raise forms.ValidationError("Nobody with whom you share a project has this address.")
        return found


def join(tags: Iterable[str]) -> str:
    """The tags as a form shows them."""
    return ", ".join(tags)
