"""What narrows the spend report: the period, a person, a project, a provider."""

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from studio.accounts.models import User
from studio.credits.models import Spending
from studio.credits.ranges import RangeForm
from studio.projects.models import Project
from studio.providers.registry import PROVIDERS
from studio.text_search.lookups import containing
from studio.web.text_fields import SearchField


class SpendForm(RangeForm):
    """A period, and what to narrow it to. What is wrong is explained beside its field and does not narrow."""

    who = SearchField(label="Person", required=False, max_length=120)
    project = forms.ChoiceField(label="Project", required=False)
    provider = forms.ChoiceField(label="Provider", required=False, choices=[("", "Any"), *((key, each.name) for key, each in PROVIDERS.items())])

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        field = self.fields["project"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "Any"), *((code, f"{code} {name}") for code, name in Project.objects.values_list("code", "name"))]

    def narrowed(self, rows: QuerySet[Spending]) -> QuerySet[Spending]:
        """These rows, for whom and what was asked."""
        self.is_valid()
        who, project, provider = (self.cleaned_data.get(name) for name in ("who", "project", "provider"))
        if who:
            rows = rows.filter(account__user__in=containing(User.objects.all(), who))
        if project:
            rows = rows.filter(project__code=project)
        return rows.filter(provider=provider) if provider else rows
