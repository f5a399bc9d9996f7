"""ZIP files that people asked for. bundles.py starts them, bundle_making.py makes them: these rows are the truth, the queue only says "look now".

A bundle is one ZIP, or several where it would be larger than 4 GB: each is a whole ZIP of its own, made in a step of its own.
"""

import uuid

from django.db import models
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.models import Clip

UNSEEN = "You do not see its project any more."
THROWN = "It was thrown away before the ZIP was made."
LEFT_OUT = (UNSEEN, THROWN)  # a place with one of these: its clip is not in the ZIP, and the manifest tells nothing of it


class Bundle(models.Model):
    """Clips that one person takes along. It goes with its files when it has expired."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bundles")
    title = models.CharField(max_length=120)
    pattern = models.CharField(max_length=100)
    key = models.UUIDField(unique=True)  # of the form that asked for it: asking twice makes one
    left_out = models.JSONField(default=list)  # the ids that were asked for and that this person cannot see, or that are not there
    made_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # when its person heard that it is ready
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["person", "-made_at"], name="bundles_of_person"),
            models.Index(fields=["expires_at"], name="bundles_by_end"),
        ]

    def __str__(self) -> str:
        return self.title


class BundlePart(models.Model):
    """One ZIP file of a bundle. `planned` and `done` in bytes of clips; `file` is there when it is whole."""

    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveSmallIntegerField()
    planned = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    file = models.FileField(upload_to="bundles/", blank=True, max_length=200)
    bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    waits = models.BooleanField(default=True)  # for somebody to make it
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True)  # why it was given up

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["bundle", "number"], name="one_part_a_number")]
        indexes = [models.Index(fields=["waits", "lease_until"], name="parts_waiting")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.bundle_id}"

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(self.done / self.planned, 1.0) if self.planned else 0.0


class BundleClip(models.Model):
    """A clip in a ZIP, under this name; or why it is not in it."""

    part = models.ForeignKey(BundlePart, on_delete=models.CASCADE, related_name="places")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    trouble = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["part", "clip"], name="one_place_in_a_part")]

    def __str__(self) -> str:
        return self.name
