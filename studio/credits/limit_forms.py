"""The forms about limits. Amounts are typed in credits and come out in millicredits."""

import re
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse_lazy

from studio.accounts.models import User
from studio.credits.figures import parse_credits
from studio.credits.ledger import REASON_LENGTH
from studio.credits.models import Allowance, Budget, Waiver
from studio.credits.people import NAME
from studio.credits.periods import today
from studio.projects.models import Project
from studio.text_search.lookups import containing
from studio.web.text_fields import LineField, LinesField

MOST_JOBS = 10_000
NAMED = 4  # people whom an error names
ADDRESS = re.compile(r"<([^<>]*)>\s*$")


class CreditsField(LineField):
    """Credits, at least `least` millicredits of them; None for an empty one that is not required."""

    def __init__(self, *, least: int = 0, **options: Any) -> None:
        super().__init__(max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **options)
        self.least = least

    def clean(self, value: Any) -> int | None:
        """The millicredits that were typed."""
        text = super().clean(value)
        if not text:
            return None
        try:
            millicredits = parse_credits(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if millicredits < self.least:
            raise forms.ValidationError("Enter more than 0." if self.least else "Enter 0 or more.")
        return millicredits


class PersonField(LineField):
    """A person, as the chooser writes them (`Alice <alice@example.org>`), by their address, or by a name that one person alone has.

    None for an empty one that is not required.
    """

    def __init__(self, *, help_text: str = "Name or e-mail address.", **options: Any) -> None:
        attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "data-people": reverse_lazy("credits_find")}
        super().__init__(max_length=400, help_text=help_text, widget=forms.TextInput(attrs=attrs), **options)

    def clean(self, value: Any) -> User | None:
        """The person who is meant."""
        text = super().clean(value)
        return named(text) if text else None


def named(text: str) -> User:
    """The one person who is meant by this name or address. Raises ValidationError, which names whom else it may mean."""
    address = ADDRESS.search(text)
    if address or "@" in text:
        person = User.objects.find(address[1] if address else text)
        if person is None:
            raise forms.ValidationError("Nobody here has this address.")
        return person
    whole = list(containing(User.objects.all(), text).filter(name__same=text)[:2])
    people = whole if len(whole) == 1 else list(by_name(text)[: NAMED + 1])
    if not people:
        raise forms.ValidationError("Nobody here has this name.")
    if len(people) > 1:
        more = " and others" if len(people) > NAMED else ""
        raise forms.ValidationError(f"This may be {', '.join(person.email for person in people[:NAMED])}{more}. Write one of these addresses.")
    return people[0]


def by_name(words: str) -> QuerySet[User]:
    """The people whose name or address contains this, by name; whoever is active first."""
    return containing(User.objects.all(), words).order_by("-is_active", NAME, "pk")


def written(person: User) -> str:
    """A person as the chooser writes them into the field."""
    return f"{person.name} <{person.email}>" if person.name else person.email


class AllowanceForm(forms.Form):
    """What an allowance gives, and how often."""

    amount = CreditsField(label="Credits", least=1)
    period = forms.ChoiceField(label="How often", choices=Allowance.PERIODS, initial="month")
    keeps = CreditsField(label="Carried over at most", required=False, help_text="Empty: what is not used lapses.")
    starts_on = forms.DateField(label="From", initial=today, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))

    def clean_keeps(self) -> int:
        """Nothing, where nothing was typed."""
        return self.cleaned_data["keeps"] or 0


class NewAllowanceForm(AllowanceForm):
    """An allowance, and who is given it: a role, or one person instead."""

    role = forms.ChoiceField(label="For every", choices=[("", "One person"), *User.Role.choices], required=False)
    person = PersonField(label="Person", required=False)
    field_order = ("role", "person", "amount", "period", "keeps", "starts_on")

    def clean(self) -> dict[str, Any]:
        """Either a role or a person."""
        cleaned = super().clean() or self.cleaned_data
        if "person" in cleaned and bool(cleaned["person"]) == bool(cleaned.get("role")):
            self.add_error("person", "Choose a role, or name one person.")
        return cleaned


class BudgetForm(forms.Form):
    """A project's budget. No amount: none."""

    project = forms.ModelChoiceField(label="Project", queryset=Project.objects.all(), to_field_name="code", empty_label="Choose one")
    amount = CreditsField(label="Credits", required=False, help_text="Empty: no budget.")
    period = forms.ChoiceField(label="For", choices=Budget.PERIODS)
    hard = forms.ChoiceField(label="When it is used up", choices=[("hard", "Refuse orders"), ("soft", "Warn, and let them through")])


class OwnCapForm(forms.Form):
    """How much somebody may order a day and have in progress at once. Empty: as much as there is."""

    credits_a_day = CreditsField(label="Credits a day", required=False)
    jobs_at_once = forms.IntegerField(label="Clips at once", required=False, min_value=0, max_value=MOST_JOBS)


class CapForm(OwnCapForm):
    """The caps of one person, as a credit manager sets them."""

    person = PersonField(label="Person")
    field_order = ("person", "credits_a_day", "jobs_at_once")


class WaiverForm(forms.Form):
    """Leave for one order."""

    person = PersonField(label="Person")
    project = forms.ModelChoiceField(label="Project", queryset=Project.objects.all(), to_field_name="code", required=False, empty_label="Any")
    lifts = forms.ChoiceField(label="May pass", choices=Waiver.Lifts, initial="both")
    reason = LinesField(label="Reason", max_length=REASON_LENGTH, error_messages={"required": "Say why: it is recorded."})
