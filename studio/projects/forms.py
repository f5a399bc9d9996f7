"""The forms about projects and their members."""

from typing import Any

from django import forms

from studio.projects.codes import RULE, SHAPE, suggest
from studio.projects.models import Membership, Project
from studio.web.text_fields import AddressField, LineField

Role = Membership.Role


class NewProject(forms.Form):
    """A name, and a code; a code left empty is made from the name."""

    name = LineField(label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    code = LineField(label="Code", max_length=8, required=False, help_text="Starts every shot code, as in TIDE-047. It cannot be changed later.")

    def clean_code(self) -> str:
        """In capitals, of the right shape, and free."""
        code = str(self.cleaned_data["code"]).upper()
        if code and not SHAPE.match(code):
            raise forms.ValidationError(RULE)
        if code and Project.objects.filter(code=code).exists():
            raise forms.ValidationError(f"Another project has the code {code}.")
        return code

    def clean(self) -> dict[str, Any]:
        """Fill in the code that was left empty."""
        data = super().clean() or {}
        if data.get("name") and data.get("code") == "":
            data["code"] = free_code(data["name"])
        return data


def free_code(name: str) -> str:
    """A code for a project of this name that no project has."""
    return suggest(name, taken=set(Project.objects.values_list("code", flat=True)))


class Rename(forms.Form):
    """Another name."""

    name = LineField(label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class AddMember(forms.Form):
    """Whom to add, as what."""

    email = AddressField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.MAKER)


class ChooseRole(forms.Form):
    """One of the project's roles."""

    role = forms.ChoiceField(choices=Role.choices)


class Archive(forms.Form):
    """Put away or bring back."""

    to = forms.ChoiceField(choices=[("archive", "archive"), ("back", "back")])
