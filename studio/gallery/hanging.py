"""What the wall asks: one narrow row for each clip that is here (saved, and not in the trash), how many clips there are of each kind, and the words that a search finds.

Triggers of the database write all of it (triggers.py), in the transaction of the change itself: whoever saves a clip, charges for it or decides
about it need not know that there is a wall. Nothing here is the truth; every row can be made anew from clips, jobs and decisions.

    jobs_clip, jobs_job, gallery_projectdecision  ->  Hanging  ->  Facet (counts)
                                                               ->  Words (SQLite) or the column `words` (PostgreSQL)
"""

from datetime import UTC, datetime, timedelta

from django.db import models

from studio.accounts.models import User
from studio.jobs.models import Clip
from studio.projects.models import Project
from studio.prompts.models import PromptVersion

SLOTS = 1000  # places of one microsecond
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Hanging(models.Model):
    """One clip on the wall, with everything that the wall is narrowed and sorted by.

    `place` is when it was saved, in microseconds since 1970 times 1,000, plus a number that tells clips of the same microsecond apart: one column is the
    whole key of the order, and the row number by which SQLite's search yields its finds, newest first. `picked` is when the project picked it, in
    microseconds; None while it has not. `cost` is the job's charge in millicredits. `said` is what people said about it, `text` the rest that is searched.
    """

    place = models.BigIntegerField(primary_key=True)
    clip = models.OneToOneField(Clip, on_delete=models.CASCADE, related_name="hanging")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    provider = models.CharField(max_length=20)
    sandbox = models.BooleanField()
    model = models.CharField(max_length=80, blank=True)
    ratio = models.CharField(max_length=5)
    length = models.CharField(max_length=5)
    verdict = models.CharField(max_length=6, blank=True)
    picked = models.BigIntegerField(null=True)
    cost = models.BigIntegerField(default=0)
    text = models.TextField(blank=True)
    said = models.TextField(blank=True)

    class Meta:
        indexes = [  # noqa: RUF012 - as Django reads it
            models.Index(fields=["project", "place"], name="hanging_new"),
            models.Index(fields=["project", "author", "place"], name="hanging_author"),
            models.Index(fields=["project", "provider", "place"], name="hanging_provider"),
            models.Index(fields=["project", "sandbox", "place"], name="hanging_sandbox"),
            models.Index(fields=["project", "model", "place"], name="hanging_model"),
            models.Index(fields=["project", "ratio", "place"], name="hanging_ratio"),
            models.Index(fields=["project", "length", "place"], name="hanging_length"),
            models.Index(fields=["project", "verdict", "place"], name="hanging_verdict"),
            models.Index(fields=["version", "place"], name="hanging_version"),
            models.Index(fields=["project", "picked", "place"], name="hanging_picked"),
            models.Index(fields=["project", "cost", "place"], name="hanging_cost"),
            # What costs much and what is filtered by go together: without these, all dearer clips of others are passed on the way to the first one.
            models.Index(fields=["project", "author", "cost", "place"], name="hanging_author_cost"),
            models.Index(fields=["project", "provider", "cost", "place"], name="hanging_provider_cost"),
            models.Index(fields=["project", "sandbox", "cost", "place"], name="hanging_sandbox_cost"),
            models.Index(fields=["project", "model", "cost", "place"], name="hanging_model_cost"),
            models.Index(fields=["project", "length", "cost", "place"], name="hanging_length_cost"),
            models.Index(fields=["project", "verdict", "cost", "place"], name="hanging_verdict_cost"),
        ]

    def __str__(self) -> str:
        return f"clip {self.clip_id} at {self.place}"


class Facet(models.Model):
    """How many clips of a project are of one kind: ("author", "5"), ("ratio", "16:9"), ("all", "")."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8)
    value = models.CharField(max_length=80, blank=True)
    clips = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "kind", "value"], name="one_facet_a_value")]  # noqa: RUF012 - as Django reads it

    def __str__(self) -> str:
        return f"{self.clips} of {self.kind} {self.value} in {self.project_id}"


class Words(models.Model):
    """SQLite's full-text index, which is a virtual table. PostgreSQL keeps the words in a column of `Hanging`."""

    hanging = models.OneToOneField(Hanging, on_delete=models.DO_NOTHING, primary_key=True, db_column="rowid", related_name="words")
    table = models.TextField(db_column="gallery_words")  # what MATCH takes on its left

    class Meta:
        managed = False
        db_table = "gallery_words"

    def __str__(self) -> str:
        return f"words at {self.hanging_id}"


class NoRows:
    """A database router by which Django's commands leave `Words` alone: it has no rows of its own, and PostgreSQL has no such table for `dumpdata` to read."""

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: object) -> bool | None:  # noqa: ARG002 - as Django calls it
        """Whether the model has a table there that Django looks after; None for any other model, about which nothing is said here."""
        return False if (app_label, model_name) == ("gallery", "words") else None


def place_at(moment: datetime) -> int:
    """The first place of this moment."""
    return (moment - EPOCH) // timedelta(microseconds=1) * SLOTS


def moment_of(place: int) -> datetime:
    """When the clip at this place was saved."""
    return EPOCH + timedelta(microseconds=place // SLOTS)
