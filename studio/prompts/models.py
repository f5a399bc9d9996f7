"""The prompt library: prompts, their versions, and labels that point at one. A version is written once and never changed."""

import uuid
from typing import Any, NoReturn

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from studio.accounts.models import AppendOnly, User
from studio.projects.models import Project

NAME_LENGTH = 120  # characters
TEXT_LENGTH = 10_000  # characters, as the composer takes
NOTE_LENGTH = 300
TAG_LENGTH = 40
MOST_TAGS = 12
LABEL_LENGTH = 30
LONGEST = 3600  # seconds
PRODUCTION = "production"  # the label whose version is used where nobody names one


class Scope(models.TextChoices):
    """Whose a prompt is, and so who may see it."""

    PRIVATE = "private", "Only me"
    PROJECT = "project", "A project"
    TEAM = "team", "The team"


class Prompt(models.Model):
    """A prompt that is kept. `latest` is the number of its newest version; a new one is claimed by raising it, so two cannot get one number.

    `search` is what is looked through: name, tags and newest text.
    """

    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="prompts")  # whose it is; it can change hands
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.PRIVATE)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="prompts")
    name = models.CharField(max_length=NAME_LENGTH)
    latest = models.PositiveIntegerField(default=0)
    search = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    search_fields = ("search",)

    class Meta:
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="prompt_scope_known"),
            models.CheckConstraint(
                condition=Q(scope=Scope.PROJECT, project__isnull=False) | (~Q(scope=Scope.PROJECT) & Q(project__isnull=True)),
                name="prompt_of_a_project_has_one",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="prompt_has_a_name"),
        ]
        indexes = [
            models.Index(F("updated_at").desc(), F("id").desc(), name="prompts_newest_first"),
            models.Index(fields=["author", "scope"], name="prompts_of_person"),
        ]

    def __str__(self) -> str:
        return self.name


class PromptTag(models.Model):
    """One tag of a prompt, as people wrote it but for capital letters."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=TAG_LENGTH)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["prompt", "name"], name="one_tag_a_name"),
            models.CheckConstraint(condition=~Q(name=""), name="tag_has_a_name"),
        ]
        indexes = [models.Index(fields=["name", "prompt"], name="prompts_of_tag")]

    def __str__(self) -> str:
        return self.name


class Versions(models.QuerySet["PromptVersion"]):
    """Versions, which can be read and added to. Python refuses the rest, as for the record of changes."""

    def update(self, **_fields: object) -> NoReturn:
        """Never."""
        raise AppendOnly("A version of a prompt is never changed.")

    def delete(self) -> NoReturn:
        """Never."""
        raise AppendOnly("A version of a prompt is never deleted.")

    def bulk_update(self, *_rows: object, **_options: object) -> NoReturn:
        """Never."""
        raise AppendOnly("A version of a prompt is never changed.")


class PromptVersion(models.Model):
    """What a prompt said from one change to the next. Empty options of the brief leave the composer's as they are.

    `defaults` has values by variable, `choices` lists of values by variable.
    """

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    defaults = models.JSONField(default=dict, blank=True)
    choices = models.JSONField(default=dict, blank=True)
    aspect_ratio = models.CharField(max_length=8, blank=True)
    duration = models.PositiveSmallIntegerField(null=True, blank=True)  # seconds
    resolution = models.CharField(max_length=8, blank=True)
    silent = models.BooleanField(default=False)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=NOTE_LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = Versions.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["prompt", "number"], name="one_version_a_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="versions_count_from_one"),
            models.CheckConstraint(condition=~Q(text=""), name="version_has_a_text"),
            models.CheckConstraint(condition=Q(duration=None) | Q(duration__gte=1, duration__lte=LONGEST), name="version_lasts_at_least_a_second"),
        ]

    def __str__(self) -> str:
        return f"{self.prompt}, version {self.number}"

    def save(self, **options: Any) -> None:
        """Once. Raises AppendOnly for a row that is there already."""
        if not self._state.adding:
            raise AppendOnly("A version of a prompt is never changed.")
        super().save(**{**options, "force_insert": True})

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:  # noqa: ARG002, FBT001, FBT002 - as Django declares it
        """Never."""
        raise AppendOnly("A version of a prompt is never deleted.")


class PromptLabel(models.Model):
    """A name, such as *production*, that points at one version of a prompt and can be moved to another."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="labels")
    version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="labels")
    name = models.CharField(max_length=LABEL_LENGTH)
    moved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    moved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["prompt", "name"], name="one_label_a_name"),
            models.CheckConstraint(condition=~Q(name=""), name="label_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class UndecidedFile(models.Model):
    """An uploaded file whose encoding its person has to choose; they may choose again without sending it again. One a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class PromptImport(models.Model):
    """The good rows of a file that somebody looks at before they are kept. Confirmed by deleting it, so twice keeps them once."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    rows = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
