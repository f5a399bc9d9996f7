"""A brief from order to clips, as rows. Only moves.py changes a job's state. Batch, BatchRow and BatchReference stand in batch_models.py."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.batch_models import Batch
from studio.jobs.lifecycle import LIVE, State
from studio.projects.models import Project
from studio.prompts.models import PromptVersion
from studio.providers.contract import Cause as ProviderCause
from studio.providers.contract import Operation, Usage
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
    NOT_PERMITTED = ProviderCause.NOT_PERMITTED.value, "Not available to our account there"
    DOWNLOAD_FAILED = "download_failed", "The clip could not be saved"
    UNANSWERED = "unanswered", "Sent, but not answered"
    OVERDUE = "overdue", "No result in time"
    NO_CLIP_NAMED = "no_clip_named", "Finished, but no clip could be read"
    OUR_FAULT = "our_fault", "Something went wrong here"
    NOT_NOW = "not_now", "The provider asked us to wait"
    UNREACHED = "unreached", "The provider could not be reached"
    NEVER_MADE = "never_made", "It was never made"
    WRITTEN_OFF = "written_off", "Written off"


class Policy(models.TextChoices):
    """Where an order goes when its connection verifiably failed."""

    HAND = "hand", "Stop and tell me"
    CHEAPEST = "cheapest", "The cheapest next"
    FASTEST = "fastest", "The fastest next"
    RELIABLE = "reliable", "The most reliable next"
    ORDERED = "ordered", "In the house’s order"


class Reference(models.Model):
    """A reference image: a file that we keep, or an address that a provider fetches itself. `clip` is the one whose frame it is, at `moment` (ms)."""

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
    clip = models.ForeignKey("Clip", on_delete=models.SET_NULL, null=True, blank=True, related_name="frames")
    moment = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(file="") ^ Q(url=""), name="reference_is_a_file_or_an_address")]
        indexes = [models.Index(fields=["project", "sha256"], name="references_by_content")]

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
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")

    # the brief
    prompt = models.TextField()
    aspect_ratio = models.CharField(max_length=8, blank=True)
    duration = models.PositiveSmallIntegerField(null=True, blank=True)
    resolution = models.CharField(max_length=8, blank=True)
    model = models.CharField(max_length=80, blank=True)
    mode = models.CharField(max_length=40, blank=True)
    operation = models.CharField(max_length=10, choices=[(one.value, one.value.capitalize()) for one in Operation], default=Operation.GENERATE)
    source = models.ForeignKey("Clip", on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # the clip that it edits or extends
    sound = models.BooleanField(null=True, blank=True)  # None: as the provider likes
    wish = models.JSONField(default=dict, blank=True)  # the brief's options as chosen, also those that this connection does not have
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")  # whose brief it began with
    policy = models.CharField(max_length=10, choices=Policy, default=Policy.HAND)
    prompt_version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")  # that it began with
    prompt_changed = models.BooleanField(default=False)  # whether other words than that version's were sent

    # its life
    state = models.CharField(max_length=10, choices=STATES, default=State.QUEUED)
    due = models.DateTimeField(null=True, blank=True, default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    first_at = models.DateTimeField(null=True, blank=True)  # when it was put first in its author's own line; the last one put there is the first
    looked_at = models.DateTimeField(null=True, blank=True)  # when the provider last said that it still renders
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
            models.CheckConstraint(condition=Q(policy__in=Policy.values), name="job_policy_known"),
        ]
        indexes = [
            models.Index(fields=["project", "batch", "-number"], name="jobs_of_board"),  # a batch's own are on its page
            models.Index(fields=["project", "version"], name="jobs_changed"),
            # Whole ones: SQLite takes no partial index for a state that comes as a parameter.
            models.Index(fields=["connection", "state", "due"], name="jobs_due"),
            models.Index(fields=["connection", "author", "state"], name="jobs_of_person"),
            models.Index(fields=["state", "due"], name="jobs_by_state"),
            models.Index(fields=["project", "state"], name="jobs_of_project"),
            models.Index(fields=["batch", "state"], name="jobs_of_batch"),
            # What came of a clip. Most orders began with nothing, for which SQLite thinks little of the whole ones that come with the keys.
            models.Index(fields=["source"], name="jobs_from_clip", condition=Q(source__isnull=False)),
            models.Index(fields=["parent"], name="jobs_from_job", condition=Q(parent__isnull=False)),
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
    is kept here, so that a later change of rates does not change this attempt; likewise the dialect in which it was asked. `proposed_id` is what a
    callback named as its remote id: a hint, until the provider itself has confirmed it. Money in millicredits, as on the job.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="attempts")
    payer = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # None, in old rows: the job's author
    dialect = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=120, blank=True)  # of order, as the connection's track counts it
    remote_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - unique, and most are unknown for a while
    proposed_id = models.CharField(max_length=200, blank=True)
    asked_callback = models.BooleanField(default=False)  # whether it was sent with an address for callbacks
    called_at = models.DateTimeField(null=True, blank=True)  # when a callback last came
    callback_token_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)  # when the answer to its submission was written down
    accepted_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)  # when we saw that the provider was through with it, well or badly
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)  # done, failed, cancelled
    cause = models.CharField(max_length=20, choices=Cause, blank=True)
    message = models.CharField(max_length=500, blank=True)
    answer = models.TextField(blank=True)
    alert = models.CharField(max_length=300, blank=True)  # what an admin should judge, in a sentence: see alerts.py
    alert_settled_at = models.DateTimeField(null=True, blank=True)
    advice = models.CharField(max_length=300, blank=True)  # what an operator can do about its last trouble; for admins alone
    usage_amount = models.CharField(max_length=200, blank=True)
    usage_unit = models.CharField(max_length=40, blank=True)
    rate_millicredits = models.BigIntegerField(null=True, blank=True)
    rate_per_units = models.BigIntegerField(null=True, blank=True)
    estimate = models.BigIntegerField(default=0)  # what is held for it
    estimate_basis = models.CharField(max_length=300, blank=True)
    quoted = models.BigIntegerField(default=0)  # what the price book said, before past charges were looked at
    price = models.CharField(max_length=40, blank=True)  # the rule or the line of the book that said it
    charged = models.BigIntegerField(null=True, blank=True)
    charge_is_estimate = models.BooleanField(default=False)
    rescue_due = models.DateTimeField(null=True, blank=True)  # when its clips are next fetched, after the job was given up; free for everybody
    rescue_until = models.DateTimeField(null=True, blank=True)  # until when somebody alone writes its files
    rescue_tries = models.PositiveSmallIntegerField(default=0)
    rescue_said = models.CharField(max_length=300, blank=True)  # what the last of these tries came to
    stored_as = models.CharField(max_length=100, blank=True)  # the name under which the provider was asked to keep a copy in its file store
    stored_id = models.CharField(max_length=200, blank=True)  # that copy's id there; empty when it is not known, or deleted
    stored_due = models.DateTimeField(null=True, blank=True)  # when deleting that copy is next tried

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job"], condition=Q(ended_at=None), name="one_live_attempt_a_job"),
            models.UniqueConstraint(fields=["connection", "remote_id"], condition=Q(remote_id__isnull=False), name="one_attempt_a_remote_job"),
        ]
        indexes = [
            # What was charged between two times. Without the live ones, which other indexes find sooner.
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="attempts_by_end"),
            models.Index(fields=["rescue_due"], condition=Q(rescue_due__isnull=False), name="attempts_to_rescue"),
            models.Index(fields=["stored_due"], condition=Q(stored_due__isnull=False), name="attempts_to_tidy"),
            models.Index(fields=["created_at"], condition=Q(alert__gt="", alert_settled_at=None), name="attempts_with_alert"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.id} of {self.job_id}"

    @property
    def paid_by(self) -> User:
        """Whose credits are held or were charged for it."""
        return self.payer or self.job.author


def alerted(words: str) -> dict[str, object]:
    """The columns of an attempt that open an alert with these words, or close it where there are none."""
    return {"alert": " ".join(words.split())[:300].rstrip(), "alert_settled_at": None}  # as a form sends it back


def reported(usage: Usage | None) -> dict[str, str]:
    """The columns of an attempt that keep reported usage; none where nothing was reported."""
    return {"usage_amount": usage.amount[:200], "usage_unit": usage.unit[:40]} if usage else {}


class Turn(models.Model):
    """When a person was last served at a connection: of two who wait with equally much in flight, the other one is next."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    served_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "author"], name="one_turn_a_person")]

    def __str__(self) -> str:
        return f"{self.author_id} at {self.connection_id}"


class Look(models.Model):
    """Up to which board version a person has looked at a project's board: what ended later is new to them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    version = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "project"], name="one_look_a_person")]

    def __str__(self) -> str:
        return f"{self.user_id} looked at {self.project_id}"


class Draft(models.Model):
    """What a person was writing in a project and did not order yet; of each clip that they wanted to edit or extend one more, as `about` says.

    `fields` are the composer's, as a form sends them. `version` rises with every text that is kept: a page that saw an older one does not replace it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    about = models.CharField(max_length=50, blank=True)
    fields = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "project", "about"], name="one_draft_a_brief")]

    def __str__(self) -> str:
        return f"draft of {self.user_id} in {self.project_id}"


def present(at: str = "") -> Q:
    """What holds for the clips that people have: their bytes are ours, and they are not in the trash. `at` leads from another row to its clip: "comment__clip"."""
    path = f"{at}__" if at else ""
    return Q(**{f"{path}saved_at__isnull": False, f"{path}trashed_at__isnull": True})


class ClipQuerySet(models.QuerySet["Clip"]):
    """Questions about clips."""

    def present(self) -> "ClipQuerySet":
        """The clips that people have. Whatever shows clips begins here."""
        return self.filter(present())

    def with_files(self) -> "ClipQuerySet":
        """The clips whose files lie in our storage, in the trash or not."""
        return self.filter(saved_at__isnull=False, erased_at__isnull=True)

    def in_trash(self) -> "ClipQuerySet":
        """The clips that can still be taken out of the trash."""
        return self.filter(trashed_at__isnull=False, erased_at__isnull=True)

    def missing(self) -> "ClipQuerySet":
        """The clips that a provider made and that are not ours yet, without those that were given up."""
        return self.filter(saved_at__isnull=True, lost_at__isnull=True)


class Clip(models.Model):
    """One video file that a job produced. The row is there when the provider names it; `saved_at` says when its bytes became ours.

    It stays when its files are deleted, as the tombstone of what was paid: `erased_at` says since when it promises nothing, `trashed_why` why.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="clips")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="clips")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="clips")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120, blank=True)  # what people call it
    source_url = models.TextField(blank=True)
    file = models.FileField(upload_to="clips/", blank=True, max_length=200)
    poster = models.FileField(upload_to="clips/", blank=True, max_length=200)
    sheet = models.FileField(upload_to="clips/", blank=True, max_length=200)
    sheet_frames = models.PositiveSmallIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    pictures_bytes = models.PositiveBigIntegerField(default=0)  # of poster and sheet together; 0 until it is known
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    frame_rate = models.PositiveIntegerField(default=0)  # frames in a thousand seconds: 23976, 24000; 0 where the file does not tell
    open_comments = models.PositiveIntegerField(default=0)  # counted by gallery.comments, so that walls and cards show it without asking
    comments_version = models.PositiveBigIntegerField(default=0)  # rises with every change of its comments
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True)  # when somebody gave up one that was never saved

    # how long it is kept; only trash.py writes these, and gallery/keeping.py its pin
    pinned_at = models.DateTimeField(null=True, blank=True)
    pinned_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # None: the project's rule
    trashed_why = models.CharField(max_length=200, blank=True)
    erase_at = models.DateTimeField(null=True, blank=True)  # when its files are to be deleted; None again once they are
    erased_at = models.DateTimeField(null=True, blank=True)

    # whether its file is still what was saved; only recheck.py writes these
    checked_at = models.DateTimeField(null=True, blank=True)
    faulty_at = models.DateTimeField(null=True, blank=True)  # when it was first found missing or changed; None while it is well
    fault = models.CharField(max_length=200, blank=True)

    objects = ClipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "position"], name="one_clip_a_place"),
            models.CheckConstraint(condition=Q(saved_at=None) | ~Q(file="") | Q(erased_at__isnull=False), name="a_saved_clip_has_a_file"),
            models.CheckConstraint(condition=Q(erased_at=None) | Q(trashed_at__isnull=False), name="only_trash_is_erased"),
        ]
        indexes = [
            models.Index(fields=["project", "-saved_at"], condition=Q(saved_at__isnull=False, trashed_at__isnull=True), name="clips_of_wall"),
            models.Index(fields=["project", "-trashed_at"], condition=Q(trashed_at__isnull=False, erased_at__isnull=True), name="clips_in_trash"),
            models.Index(fields=["erase_at"], condition=Q(erase_at__isnull=False), name="clips_to_erase"),
            models.Index(fields=["checked_at"], condition=Q(saved_at__isnull=False, erased_at__isnull=True), name="clips_by_check"),
            models.Index(fields=["faulty_at"], condition=Q(faulty_at__isnull=False), name="clips_at_fault"),
            models.Index(fields=["created_at"], condition=Q(saved_at__isnull=True, lost_at__isnull=True), name="clips_not_ours"),
            # What lies where, and since when: read whole, and without the table. SQLite looks at erased_at though the condition names it.
            models.Index(
                fields=["project", "saved_at", "trashed_at", "bytes", "pictures_bytes", "erased_at"],
                condition=Q(saved_at__isnull=False, erased_at__isnull=True),
                name="clips_by_size",
            ),
        ]

    def __str__(self) -> str:
        return f"clip {self.position} of {self.job_id}"

    @property
    def is_present(self) -> bool:
        """Whether people have it: its bytes are ours, and it is not in the trash."""
        return self.saved_at is not None and self.trashed_at is None

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
    """When a cluster last did real work: written by the sweeps themselves, so it proves queue, worker and database together.

    `watched_at` is when its supervisor last looked after it: a cluster without one is not replaced when it stalls.
    """

    cluster = models.CharField(max_length=120, unique=True)
    beat_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    watched_at = models.DateTimeField(null=True, blank=True)
    restarts = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.cluster} at {self.beat_at:%H:%M:%S}"


class Incident(models.Model):
    """Something that went wrong with a cluster and was mended by its supervisor. Written once; the newest hundred of a cluster are kept."""

    cluster = models.CharField(max_length=120)
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=300)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["cluster", "-at"], name="incidents_of_cluster")]

    def __str__(self) -> str:
        return f"{self.cluster}: {self.what}"
