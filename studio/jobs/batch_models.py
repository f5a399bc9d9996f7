"""The tables of a batch: many jobs ordered together, wave by wave. Written by batch_actions.py, batch_worker.py and batch_line.py.

A batch takes a number of its project's own row of numbers, so TIDE-047 is either a shot or a batch, and a board sorts both alike. Its rows say what is
wanted; a row becomes a job when its wave comes, and until then it costs nothing. What happened stands in the jobs: nothing is counted here.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from studio.accounts.models import User
from studio.projects.models import Project
from studio.prompts.models import PromptVersion
from studio.providers.contract import Operation
from studio.routing.models import Connection

REASON_LENGTH = 500
NAME_LENGTH = 120
BULKY = ("sheet", "begun_with")  # what only a plan needs: up to megabytes, which nobody reads for a state or a price


class Batch(models.Model):
    """Many orders with one price, one ceiling and rules when to stop. A planned one was looked at and not ordered: it has no number yet.

    `why` says in a sentence why it does not go on, `cause` in a word. `chore` is what is still to be done to its waiting jobs after its state changed.
    `turn` is the wave that is being filled, from 1. Money in millicredits; `most_failed` in per cent. `sheet` is the file that it comes from.
    """

    class State(models.TextChoices):
        """Where a batch stands."""

        PLANNED = "planned", "Planned"
        RUNNING = "running", "Going on"
        PAUSED = "paused", "Paused"
        STOPPED = "stopped", "Stopped"
        DONE = "done", "Done"

    class Cause(models.TextChoices):
        """Why it does not go on."""

        PERSON = "person", "Somebody said so"
        WAVE = "wave", "A wave has ended"
        KEPT = "kept", "Enough clips are kept"
        FAILURES = "failures", "Too many failed"
        CEILING = "ceiling", "Its ceiling is reached"
        CREDITS = "credits", "Credits are missing"
        LIMIT = "limit", "A cap or a budget is reached"
        TROUBLE = "trouble", "It cannot be ordered"

    class Chore(models.TextChoices):
        """What is to be done to its jobs that were not sent."""

        HOLD_BACK = "hold_back", "Hold them back"
        GO_ON = "go_on", "Put them back in line"
        CANCEL = "cancel", "Cancel them"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.UUIDField(unique=True, default=uuid.uuid4)  # made by the form: two clicks on one form order one batch
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="batches")
    number = models.PositiveIntegerField(null=True, blank=True)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="batches")
    name = models.CharField(max_length=NAME_LENGTH)

    # what it is made of
    template = models.TextField(blank=True)  # the prompt as it was typed, with its variables
    begun_with = models.TextField(blank=True)  # the composer's fields, as a draft keeps them
    sheet = models.JSONField(null=True, blank=True)
    columns = models.JSONField(default=list, blank=True)  # what each column of the sheet means
    operation = models.CharField(max_length=10, choices=[(one.value, one.value.capitalize()) for one in Operation], default=Operation.GENERATE)
    source = models.ForeignKey("jobs.Clip", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    parent = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    policy = models.CharField(max_length=10, default="hand")
    prompt_version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    prompt_changed = models.BooleanField(default=False)

    # when it stops
    ceiling = models.BigIntegerField(default=0)
    wave = models.PositiveSmallIntegerField(default=10)
    looks_between = models.BooleanField(default=False)  # whether it waits for a person after each wave
    enough_kept = models.PositiveIntegerField(null=True, blank=True)
    most_failed = models.PositiveSmallIntegerField(null=True, blank=True)

    # its life
    state = models.CharField(max_length=7, choices=State, default=State.PLANNED)
    cause = models.CharField(max_length=8, choices=Cause, blank=True)
    why = models.CharField(max_length=REASON_LENGTH, blank=True)
    chore = models.CharField(max_length=9, choices=Chore, blank=True)
    turn = models.PositiveIntegerField(default=1)
    due = models.DateTimeField(null=True, blank=True)
    version = models.BigIntegerField(default=0)  # the board's, of its own last change
    created_at = models.DateTimeField(default=timezone.now)
    ordered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="one_batch_a_number"),
            models.CheckConstraint(condition=Q(state__in=["planned", "running", "paused", "stopped", "done"]), name="batch_state_known"),
            models.CheckConstraint(
                condition=Q(state="planned", number=None) | (~Q(state="planned") & Q(number__isnull=False)), name="batch_has_a_number"
            ),
            models.CheckConstraint(condition=Q(ceiling__gte=0) & Q(wave__gte=1), name="batch_has_its_limits"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due"], name="batches_due"),
            models.Index(fields=["project", "version"], name="batches_changed"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def code(self) -> str:
        """TIDE-047, as of a shot; without a number the name of what is planned."""
        return self.name if self.number is None else f"{self.project.code}-{self.number:03d}"


class BatchRow(models.Model):
    """One clip that a batch wants. `refusal` says why it cannot be ordered; a row of a plan that has one never can.

    `job` is the order that it became, the newest where it was ordered again; `wave` the one in which that was, `tries` how often it was put back.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    line = models.PositiveIntegerField(default=0)  # of the file; 0 where there is none
    prompt = models.TextField(blank=True)
    wish = models.JSONField(default=dict, blank=True)  # its own choices, as the composer names them
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    refusal = models.CharField(max_length=REASON_LENGTH, blank=True)
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, null=True, blank=True, related_name="row")
    wave = models.PositiveIntegerField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["batch", "position"], name="one_row_a_place")]

    def __str__(self) -> str:
        return f"row {self.position} of {self.batch_id}"


class BatchReference(models.Model):
    """The place of a reference image in every brief of a batch."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="places")
    reference = models.ForeignKey("jobs.Reference", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["batch", "position"], name="one_batch_reference_a_place")]

    def __str__(self) -> str:
        return f"{self.position} of {self.batch_id}"
