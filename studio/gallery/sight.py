"""Whose wall it is and what they may see of it: one project's, or all of a person's. Everything that the wall asks starts here."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Sum
from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.filters import Filters
from studio.gallery.hanging import Facet
from studio.projects.door import Pass


@dataclass(frozen=True)
class Sight:
    """A person in front of a wall. `passes` are by project id; `entry` is the one project's, None on the team's wall."""

    user: User
    passes: dict[int, Pass]
    entry: Pass | None = None

    @classmethod
    def of(cls, entry: Pass) -> "Sight":
        """One project's wall."""
        return cls(entry.user, {entry.project.pk: entry}, entry)

    @property
    def home(self) -> str:
        """The wall's address."""
        return reverse("gallery", args=[self.entry.project.code]) if self.entry else reverse("gallery_all")

    @property
    def may_rule(self) -> bool:
        """Whether what this person says of a clip is a project's decision, here or somewhere."""
        return any(entry.may_rule for entry in self.passes.values())

    @property
    def may_decide(self) -> bool:
        """Whether this person may say what they think of a clip, here or somewhere."""
        return any(entry.may_decide for entry in self.passes.values())

    @property
    def may_make(self) -> bool:
        """Whether this person may order a clip here; nobody does on the team's wall."""
        return self.entry is not None and self.entry.may_make

    @property
    def may_throw(self) -> bool:
        """Whether this person may throw clips away, here or somewhere: their own, or an owner's whole project."""
        return any(entry.may_make for entry in self.passes.values())

    def projects(self, filters: Filters) -> list[int]:
        """The ids of the projects whose clips are wanted."""
        wanted = [key for key, entry in self.passes.items() if filters.project in {"", entry.project.code}]
        return wanted or list(self.passes)

    @cached_property
    def facets(self) -> dict[str, dict[str, int]]:
        """How many clips there are of each kind, by kind and value. One query, whatever hangs there."""
        told: dict[str, dict[str, int]] = {}
        rows = Facet.objects.filter(project__in=list(self.passes), clips__gt=0).exclude(kind="version").values_list("kind", "value")
        for kind, value, clips in rows.annotate(Sum("clips")).order_by("kind", "value"):
            told.setdefault(kind, {})[value] = clips
        return told

    @property
    def clips(self) -> int:
        """How many clips are saved here."""
        return self.facets.get("all", {}).get("", 0)

    @property
    def counts(self) -> dict[str, int]:
        """How many clips each choice of the filter by decision shows, where nothing else narrows."""
        by = self.facets.get("verdict", {})
        shown = {"undecided": by.get("", 0), "picked": by.get("pick", 0), "maybe": by.get("maybe", 0), "rejected": by.get("reject", 0)}
        return {"all": self.clips, "open": self.clips - shown["rejected"], **shown}
