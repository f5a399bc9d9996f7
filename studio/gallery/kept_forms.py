"""What narrows the report about kept seconds, and by what it is told."""

from django import forms
from django.db.models import QuerySet

from studio.accounts.models import User
from studio.credits.ranges import RangeForm
from studio.credits.spending_form import SpendForm
from studio.gallery.kept import By
from studio.jobs.models import Attempt
from studio.text_search.lookups import containing
from studio.web.text_fields import LineField


def asked_by(text: str, *, usual: By) -> By:
    """By what the figures are told; the usual thing for an address that somebody edited."""
    return By(text) if text in set(By) else usual


class KeptForm(SpendForm):
    """A period, and whose charges, for which project, at which provider. `by` is carried along."""

    by = LineField(required=False, widget=forms.HiddenInput)

    def charges(self, found: QuerySet[Attempt]) -> QuerySet[Attempt]:
        """These charges, for whom and what was asked."""
        self.is_valid()
        who, project, provider = (self.cleaned_data.get(name) for name in ("who", "project", "provider"))
        if who:
            found = found.filter(job__author__in=containing(User.objects.all(), who))
        if project:
            found = found.filter(job__project__code=project)
        return found.filter(connection__provider=provider) if provider else found


class ProjectKeptForm(RangeForm):
    """A period of one project."""

    by = LineField(required=False, widget=forms.HiddenInput)
