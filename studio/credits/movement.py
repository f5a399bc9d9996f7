"""The tables of a movement: the credits of many people, moved in one go by one form. Written by carrying.py alone.

Its entries are `key.person`; whom it left out, and why, stands beside it. One runs at a time: the database says so.
"""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from studio.accounts.models import User


class Movement(models.Model):
    """One form that a credit manager has sent, and how far it is carried out. Amounts in millicredits.

    `people` are the ids of those whose credits it moves, in ascending order, each with the id of their newest grant or adjustment that the manager
    saw; `done` is how many of them were dealt with, `moved` how many of those were moved. `leased_until` keeps two from carrying it out at once.
    """

    class Act(models.TextChoices):
        """What happens to each of the chosen people's credits."""

        GRANT = "grant", "Grant each"
        TAKE = "take", "Take from each"
        SET = "set", "Set each balance to"  # the balance becomes this amount

    key = models.UUIDField(unique=True)  # of the form: sent twice, it is one movement
    act = models.CharField(max_length=5, choices=Act)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    address = models.GenericIPAddressField(null=True, blank=True)
    people = models.JSONField(default=list)
    total = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    moved = models.IntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    is_running = models.BooleanField(default=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    stopped_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(act__in=["grant", "take", "set"]), name="movement_act_known"),
            models.CheckConstraint(condition=Q(amount__gte=0, moved__gte=0, done__gte=F("moved"), total__gte=F("done")), name="movement_in_order"),
            models.CheckConstraint(
                condition=Q(is_running=True, ended_at=None) | Q(is_running=False, ended_at__isnull=False), name="movement_has_one_end"
            ),
            models.UniqueConstraint(fields=["is_running"], condition=Q(is_running=True), name="one_movement_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.amount} for {self.total}"

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    @property
    def taken(self) -> int:
        """Millicredits that it took, where it took more than it gave."""
        return -self.changed

    @property
    def until(self) -> datetime:
        """Before when all of its entries were written."""
        return self.ended_at or timezone.now()


class LeftOut(models.Model):
    """Somebody whose credits a movement did not move, and why; the sentence goes on after their name."""

    movement = models.ForeignKey(Movement, on_delete=models.CASCADE, related_name="left_out")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    why = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.user_id} {self.why}"
