"""The whole ledger, filtered: pages for the screen by keyset, and lines for a file. Reads only."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import BigIntegerField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Abs
from django.http import QueryDict
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.figures import credits_cell, parse_credits
from studio.credits.models import Entry
from studio.credits.ranges import DayField, start_of
from studio.projects.models import Project
from studio.providers.registry import PROVIDERS
from studio.text_search.lookups import containing
from studio.web.text_fields import LineField, SearchField

LINES = 50
COLUMNS = ["Number", "Day", "Time", "Person", "Address", "Kind", "Reason", "Project", "Provider", "By", "Credits", "Of it owed"]
KEY_DIGITS = 18  # of a BIGINT


class AmountField(LineField):
    """Credits as people write them, in millicredits once cleaned, without a sign; None where nothing was typed."""

    def __init__(self, label: str) -> None:
        super().__init__(label=label, required=False, max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))

    def clean(self, value: Any) -> Any:
        """The millicredits."""
        text = super().clean(value)
        try:
            return abs(parse_credits(text)) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class LedgerForm(forms.Form):
    """Which entries are shown. What is wrong is explained beside its field and does not filter."""

    who = SearchField(label="Person", required=False, max_length=120)
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "Any"), *Entry.Kind.choices])
    project = forms.ChoiceField(label="Project", required=False)
    provider = forms.ChoiceField(label="Provider", required=False, choices=[("", "Any"), *((key, each.name) for key, each in PROVIDERS.items())])
    first = DayField("From")
    last = DayField("To")
    least = AmountField("At least")
    most = AmountField("At most")
    reason = SearchField(label="Reason contains", required=False, max_length=120)
    person = forms.IntegerField(required=False, min_value=1, max_value=10**KEY_DIGITS, widget=forms.HiddenInput)  # led here from their row

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, label_suffix="")
        projects = Project.objects.values_list("code", "name")
        choices = [("", "Any"), ("-", "None"), *((code, f"{code} {name}") for code, name in projects)]
        field = self.fields["project"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        """Ranges must be in order."""
        cleaned = super().clean() or self.cleaned_data
        for low, high, words in (("first", "last", "This is before the first day."), ("least", "most", "This is less than the least.")):
            if cleaned.get(low) is not None and cleaned.get(high) is not None and cleaned[high] < cleaned[low]:
                self.add_error(high, words)
        return cleaned

    @property
    def asked(self) -> dict[str, Any]:
        """What filters: the fields that were filled in well."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


def found(form: LedgerForm) -> QuerySet[Entry]:
    """The entries that the form asks for, newest first."""
    rows, asked = Entry.objects.order_by("-pk"), form.asked
    if "who" in asked:
        rows = rows.filter(account__user__in=containing(User.objects.all(), asked["who"]))
    if "project" in asked:
        rows = rows.filter(project=None) if asked["project"] == "-" else rows.filter(project__code=asked["project"])
    if "reason" in asked:
        rows = containing(rows, asked["reason"])
    plain = {"kind": "kind", "provider": "provider", "person": "account__user"}
    rows = rows.filter(**{lookup: asked[name] for name, lookup in plain.items() if name in asked})
    if "first" in asked:
        rows = rows.filter(at__gte=start_of(asked["first"]))
    if "last" in asked:
        rows = rows.filter(at__lt=start_of(asked["last"] + timedelta(days=1)))
    sizes = {"least": "size__gte", "most": "size__lte"}
    if asked.keys() & sizes.keys():
        rows = rows.annotate(size=Abs(ExpressionWrapper(F("amount") - F("owed"), output_field=BigIntegerField())))
        rows = rows.filter(**{lookup: asked[name] for name, lookup in sizes.items() if name in asked})
    return rows


def one_person(form: LedgerForm) -> User | None:
    """The person whose entries alone are shown, if the page was opened from them."""
    return User.objects.filter(pk=form.asked["person"]).first() if "person" in form.asked else None


def is_whole(form: LedgerForm) -> bool:
    """Whether nothing but the person filters, so that a balance can be told after each entry."""
    return form.asked.keys() == {"person"}


def page(rows: QuerySet[Entry], before: int | None) -> tuple[list[Entry], int | None]:
    """A page of these entries older than the entry `before`, and what `before` is for the next page. One query."""
    if before is not None:
        rows = rows.filter(pk__lt=before)
    entries = list(rows.select_related("account__user", "actor", "project")[: LINES + 1])
    return entries[:LINES], (entries[LINES - 1].pk if len(entries) > LINES else None)


def table(rows: QuerySet[Entry]) -> Iterator[list[object]]:
    """These entries as lines of a file, after COLUMNS; days and times are the team's."""
    zone = timezone.get_default_timezone()
    for row in rows.select_related("account__user", "actor", "project").iterator(chunk_size=2000):
        at, person = timezone.localtime(row.at, zone), row.account.user
        what = [row.get_kind_display(), row.reason, row.project.code if row.project else "", row.provider, row.actor or "Studio"]
        yield [row.pk, f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}", person, person.email, *what, credits_cell(row.change), credits_cell(row.owed)]
