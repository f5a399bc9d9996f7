"""What the played providers remember: the jobs that they accepted, the submissions that they turned away, and the faults that an admin switched on.

One row of `RemoteJob` is one accepted, paid submission; a submission sent twice makes two rows, as it would be billed twice. One row of `TurnedAway`
is one submission of which nothing was made. So every submission that arrived is one row of either; account.py reads them together.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone


class Played(models.TextChoices):
    """The providers that the sandbox plays."""

    TTAPI = "ttapi", "TTAPI"
    GROKIMAGINE = "grokimagine", "GrokImagine"
    ACEDATA = "acedata", "AceData"
    COMET = "comet", "CometAPI"
    XAI = "xai", "xAI"


class Operation(models.TextChoices):
    """What a submission asks for."""

    GENERATE = "generate", "New clip"
    EDIT = "edit", "Edit"
    EXTEND = "extend", "Extension"


class Kind(models.TextChoices):
    """What can go wrong. Each is something that the real ones do, or that their documents leave open."""

    LOST_ANSWER = "lost_answer", "Answer lost after acceptance"
    SLOW_ANSWER = "slow_answer", "Slow answer after acceptance"
    RESET = "reset", "Connection dropped, nothing made"
    REFUSAL = "refusal", "Refused at submit"
    MODERATION_SUBMIT = "moderation_submit", "Moderated at submit"
    BALANCE = "balance", "Our balance there is used up"
    FAILURE = "failure", "Generation fails"
    MODERATION_RESULT = "moderation_result", "Result moderated"
    NEVER = "never", "Never finishes"
    UNKNOWN_STATUS = "unknown_status", "Unknown status word while running"
    EXPIRED = "expired", "Result expired (xAI, CometAPI)"
    TAKEN_BACK = "taken_back", "Success that later says failed"
    USAGE_ABSURD = "usage_absurd", "Absurd usage figure (not AceData)"
    WRONG_ID = "wrong_id", "Status answer about another job (not xAI)"
    RATE_LIMIT = "429", "429 with Retry-After"
    QUEUE_FULL = "499", "499 queue exhausted (TTAPI)"
    SERVER_ERROR = "5xx", "5xx"
    HTML = "html", "HTML instead of JSON"
    EXPIRED_LINK = "expired_link", "Video link expired"
    TRUNCATED = "truncated", "Video cut off half-way"
    PRIVATE_LINK = "private_link", "Video link into a private network"
    STORAGE_ERROR = "storage_error", "Copy not stored in Files (xAI)"
    CALLBACK_LATE = "callback_late", "Callback late"
    CALLBACK_DOUBLED = "callback_doubled", "Callback doubled"
    CALLBACK_MISSING = "callback_missing", "Callback missing"
    CALLBACK_FORGED = "callback_forged", "Callback forged while it runs"


class Moment(models.TextChoices):
    """Which request a fault concerns. Only 429, 499, 5xx, HTML, a dropped connection and an answer about another job can meet a status request.

    5xx, a dropped connection and a video that is cut off can meet a download, when that is named: otherwise what goes wrong with a video is decided
    at acceptance, and stays so for every download of it.
    """

    ANY = "", "Any request"
    SUBMIT = "submit", "Submit only"
    CHECK = "check", "Status only"
    DOWNLOAD = "download", "Download only"


BARREN = (Kind.FAILURE, Kind.MODERATION_RESULT, Kind.NEVER, Kind.EXPIRED)  # with these there is never a video
ABSURD = (float("nan"), -1, 10**18, "plenty", None, 0)  # usage figures that nobody should believe, in turn
PRIVATE = "https://169.254.169.254/latest/meta-data"  # where cloud machines keep their secrets: no client should follow a link there


class RemoteJob(models.Model):
    """One accepted submission. What it looks like at any time follows from `created_at`, `making` and its faults (see timeline.py)."""

    provider = models.CharField(max_length=12, choices=Played)
    remote_id = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    making = models.DurationField(help_text="How long the provider takes from acceptance to the end.")
    serial = models.PositiveIntegerField(help_text="The how-manieth job of its provider: odd and even ones alternate between documented shapes.")
    outcome_fault = models.CharField(max_length=20, choices=Kind, blank=True, help_text="What goes wrong with its making; decided at acceptance.")
    answer_fault = models.CharField(max_length=20, choices=Kind, blank=True, help_text="What went wrong with the answer to its submission.")
    link_fault = models.CharField(max_length=20, choices=Kind, blank=True, help_text="What goes wrong with its videos' links.")
    callback_fault = models.CharField(max_length=20, choices=Kind, blank=True, help_text="What goes wrong with its callback.")
    key_hash = models.CharField(max_length=16, help_text="Start of the SHA-256 of the API key: lists show an account its own jobs only.")
    origin = models.CharField(max_length=200, help_text="Scheme and host that the client used: result links start with it.")

    request = models.JSONField(help_text="The request as received; data URLs are shortened.")
    operation = models.CharField(max_length=8, choices=Operation, default=Operation.GENERATE)
    source_seconds = models.PositiveSmallIntegerField(default=0, help_text="How long the clip is that it edits or extends.")
    prompt = models.TextField(blank=True)
    model = models.CharField(max_length=80, blank=True)
    aspect_ratio = models.CharField(max_length=8)
    resolution = models.CharField(max_length=8)
    seconds = models.PositiveSmallIntegerField()
    takes = models.PositiveSmallIntegerField(default=1)
    backdrop = models.TextField(blank=True, help_text="Where the first reference image is: a file name of ours, or a URL of this installation.")

    file_deleted_at = models.DateTimeField(null=True, blank=True, help_text="When its copy in xAI's Files was deleted.")

    callback_url = models.TextField(blank=True)
    callback_at = models.DateTimeField(null=True, blank=True)
    callbacks_left = models.PositiveSmallIntegerField(default=0)

    render_asks = models.PositiveSmallIntegerField(default=0)
    render_asked_at = models.DateTimeField(null=True, blank=True)
    rendered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(provider__in=Played.values), name="sandbox_provider_known")]
        indexes = [
            models.Index(fields=["provider", "serial"], name="sandbox_serial"),
            models.Index(fields=["provider", "created_at"], name="sandbox_lately"),
            models.Index(fields=["render_asked_at"], condition=models.Q(rendered_at=None), name="sandbox_to_draw"),
            models.Index(fields=["callback_at"], condition=models.Q(callbacks_left__gt=0), name="sandbox_callbacks_due"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.remote_id}"

    @property
    def odd(self) -> bool:
        """Which of two documented shapes this job answers in."""
        return self.serial % 2 == 1

    @property
    def ends_at(self) -> datetime:
        """When the provider is through with it, UTC."""
        return self.created_at + self.making

    def has(self, kind: Kind) -> bool:
        """Whether it met this fault when it was accepted."""
        return kind in {self.outcome_fault, self.answer_fault, self.link_fault, self.callback_fault}

    @property
    def makes_videos(self) -> bool:
        """Whether there will be anything to render."""
        return self.outcome_fault not in BARREN

    def file_names(self) -> list[str]:
        """The names of its videos, in order."""
        return [f"{self.remote_id}.mp4"] if self.takes == 1 else [f"{self.remote_id}-{take}.mp4" for take in range(1, self.takes + 1)]

    def video_urls(self) -> list[str]:
        """Where its videos are, in order."""
        where = PRIVATE if self.has(Kind.PRIVATE_LINK) else f"{self.origin}/sandbox/files"
        return [f"{where}/{name}" for name in self.file_names()]

    def told_usage(self, honest: Any) -> Any:
        """The figure that its answers give for what it cost: the honest one, unless it met the fault of that kind."""
        return ABSURD[self.serial % len(ABSURD)] if self.has(Kind.USAGE_ABSURD) else honest

    @classmethod
    def lately(cls, provider: str) -> int:
        """How many jobs a provider accepted within the last minute."""
        return cls.objects.filter(provider=provider, created_at__gt=timezone.now() - timedelta(minutes=1)).count()

    @classmethod
    def next_serial(cls, provider: str) -> int:
        """The number of a provider's next job. Two that are accepted at the same moment may get the same, which does no harm."""
        last = cls.objects.filter(provider=provider).order_by("-serial").values_list("serial", flat=True).first()
        return (last or 0) + 1


class TurnedAway(models.Model):
    """One submission of which nothing was made: refused, met by a fault, or dropped with its connection."""

    provider = models.CharField(max_length=12, choices=Played)
    at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(help_text="HTTP status of the answer; 0 where the connection was dropped without one.")
    kind = models.CharField(max_length=20, choices=Kind, blank=True, help_text="The fault that it met; empty when the request itself was at fault.")
    request = models.JSONField(help_text="The request as received, data URLs shortened; empty when it could not be read.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(provider__in=Played.values), name="sandbox_turned_away_by")]

    def __str__(self) -> str:
        return f"{self.provider} {self.status}"


class Fault(models.Model):
    """Something that goes wrong on purpose. `left` counts down to 0, None never ends; `share` is the chance that a request meets it, None is every
    request. Taken by faults.py only.
    """

    provider = models.CharField(max_length=12, choices=[("", "Any provider"), *Played.choices], blank=True)
    kind = models.CharField(max_length=20, choices=Kind)
    moment = models.CharField(max_length=8, choices=Moment, blank=True)
    left = models.PositiveIntegerField(null=True, blank=True)
    share = models.FloatField(null=True, blank=True, help_text="Above 0 and at most 1.")
    on = models.BooleanField(default=True)
    origin = models.CharField(max_length=200, blank=True, help_text="The text of the setting that asked for it; empty when it came from the page.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="sandbox_fault_known"),
            models.CheckConstraint(condition=models.Q(share=None) | models.Q(share__gt=0, share__lte=1), name="sandbox_fault_share"),
            models.UniqueConstraint(fields=["provider", "kind", "moment", "origin"], name="sandbox_fault_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()}: {self.get_kind_display()}"

    @property
    def per_cent(self) -> float | None:
        """Its chance for people."""
        return None if self.share is None else self.share * 100
