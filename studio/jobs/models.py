"""A brief from order to clips, as rows. Only moves.py changes a job's state."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.lifecycle import LIVE, State
from studio.projects.models import Project
from studio.providers.contract import Cause as ProviderCause
from studio.routing.models import Connection

STATES = [(state.value, state.value.replace("_", " ").capitalize()) for state in State]


class Cause(models.TextChoices):
    """Why a job ended badly or waits: the provider's causes and our own."""

    INPUT_REFUSED = ProviderCause.INPUT_REFUSED.value, "Refused by the provider"
    MODERATED = ProviderCause.MODERATED.value, "Refused by the model's filter"
    PROVIDER_FAILED = ProviderCause.PROVIDER_FAILED.value, "The provider could not make it"
    WRONG_KEY = ProviderCause.WRONG_KEY.value, "The provider refused our key"
    OUT_OF_BALANCE = ProviderCause.OUT_OF_BALANCE.value, "The provider account is out of balance"
    EXPIRED = ProviderCause.EXPIRED.value, "The provider's link has expired"
    DOWNLOAD_FAILED = "download_failed", "The clip could not be saved"
    UNANSWERED = "unanswered", "Sent, but not answered"
    OVERDUE = "overdue", "No result in time"
    OUR_FAULT = "our_fault", "Something went wrong here"
    NOT_NOW = "not_now", "The provider asked us to wait"


class Reference(models.Model):
    """A reference image: a file that we keep, or an address that a provider fetches itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="references")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="references")
    file = models.FileField(upload_to="references/", blank=True)
    url = models.URLField(max_length=2000, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    content_type = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(file="") ^ Q(url=""), name="reference_is_a_file_or_an_address")]

    def __str__(self) -> str:
        return self.url or str(self.file)


class Job(models.Model):
    """One brief in one project. `version` is the project's board version of its last change, `due` when the worker must next look at it (UTC)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="jobs")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="jobs")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="jobs")
    order_key = models.UUIDField(default=uuid.uuid4, unique=True)  # made by the form: two clicks on one form order once

    # the brief
    prompt = models.TextField()
    aspect_ratio = models.CharField(max_length=8, blank=True)
    duration = models.PositiveSmallIntegerField(null=True, blank=True)
    resolution = models.CharField(max_length=8, blank=True)
    model = models.CharField(max_length=80, blank=True)
    mode = models.CharField(max_length=40, blank=True)

    # its life
    state = models.CharField(max_length=10, choices=STATES, default=State.QUEUED)
    due = models.DateTimeField(null=True, blank=True, default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)  # of the step it is in: looks that failed, downloads that failed
    progress = models.PositiveSmallIntegerField(null=True, blank=True)  # per cent, only as reported by the provider
    cause = models.CharField(max_length=20, choices=Cause, blank=True)
    message = models.CharField(max_length=500, blank=True)
    version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    # its money, in millicredits; the ledger holds the truth, these are for lists
    estimate = models.BigIntegerField(default=0)
    estimate_basis = models.CharField(max_length=300, blank=True)
    charged = models.BigIntegerField(null=True, blank=True)
    charge_is_estimate = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_job_a_number"),
            models.CheckConstraint(condition=Q(state__in=[state.value for state in State]), name="job_state_known"),
        ]
        indexes = [
            models.Index(fields=["project", "-number"], name="jobs_of_board"),
            models.Index(fields=["project", "version"], name="jobs_changed"),
            models.Index(fields=["connection", "due"], condition=Q(state__in=["queued", "sending", "rendering"]), name="jobs_due"),
            models.Index(fields=["due"], condition=Q(state="saving"), name="jobs_to_save"),
            models.Index(fields=["project", "state"], condition=Q(state__in=sorted(state.value for state in LIVE)), name="jobs_live"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def code(self) -> str:
        """The shot code, TIDE-047."""
        return f"{self.project.code}-{self.number:03d}"

    @property
    def is_live(self) -> bool:
        """Whether it can still change."""
        return self.state in LIVE


class JobReference(models.Model):
    """The place of a reference image in a brief."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="job_references")
    reference = models.ForeignKey(Reference, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["job", "position"], name="one_reference_a_place")]

    def __str__(self) -> str:
        return f"{self.position} of {self.job_id}"


class Attempt(models.Model):
    """One paid submission of a job to one connection. Its id is the reference of its hold and its charge.

    `answer` is the last raw answer with secrets removed. `usage_amount` is exactly what the provider wrote. The rate in force when it was sent
    is kept here, so that a later change of rates does not change this attempt.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="attempts")
    remote_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - unique, and most are unknown for a while
    callback_token_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)  # done, failed, cancelled
    answer = models.TextField(blank=True)
    alert = models.CharField(max_length=300, blank=True)
    usage_amount = models.CharField(max_length=200, blank=True)
    usage_unit = models.CharField(max_length=40, blank=True)
    rate_millicredits = models.BigIntegerField(null=True, blank=True)
    rate_per_units = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job"], condition=Q(ended_at=None), name="one_live_attempt_a_job"),
            models.UniqueConstraint(fields=["connection", "remote_id"], condition=Q(remote_id__isnull=False), name="one_attempt_a_remote_job"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.id} of {self.job_id}"


class Clip(models.Model):
    """One video file that a job produced. The row is there when the provider names it; `saved_at` says when its bytes became ours."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="clips")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="clips")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="clips")
    position = models.PositiveSmallIntegerField()
    source_url = models.TextField(blank=True)
    file = models.FileField(upload_to="clips/", blank=True, max_length=200)
    poster = models.FileField(upload_to="clips/", blank=True, max_length=200)
    sheet = models.FileField(upload_to="clips/", blank=True, max_length=200)
    sheet_frames = models.PositiveSmallIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "position"], name="one_clip_a_place"),
            models.CheckConstraint(condition=Q(saved_at=None) | ~Q(file=""), name="a_saved_clip_has_a_file"),
        ]
        indexes = [models.Index(fields=["project", "-saved_at"], condition=Q(saved_at__isnull=False), name="clips_of_wall")]

    def __str__(self) -> str:
        return f"clip {self.position} of {self.job_id}"

    @property
    def code(self) -> str:
        """TIDE-047, or TIDE-047b for the second clip of one job."""
        return self.job.code + ("" if self.position == 0 else chr(ord("a") + self.position))


class JobEvent(models.Model):
    """One step of a job's life. Written with the move, never changed."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=STATES)
    cause = models.CharField(max_length=20, choices=Cause, blank=True)
    message = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.state} at {self.at:%H:%M:%S}"


class Heartbeat(models.Model):
    """When a cluster last did real work: written by the sweeps themselves, so it proves queue, worker and database together."""

    cluster = models.CharField(max_length=120, unique=True)
    beat_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    restarts = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.cluster} at {self.beat_at:%H:%M:%S}"
