"""The tables of the ledger. Only ledger.py writes them.

All amounts are integer millicredits. The CHECKs are the last line of defence, not the first.
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from studio.accounts.models import User


class Account(models.Model):
    """One person's credits.

    `balance` is the sum of its entries' `amount`, `owed` the sum of their `owed`, `held` the sum of its open holds; all three are kept
    beside them so that one conditional UPDATE can guard them. What can be spent is `balance - held`. Something is owed only while
    nothing can be spent: whatever becomes free repays it first.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="account")
    balance = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    owed = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)  # rises with every change, for the live balance

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0), name="held_not_negative"),
            models.CheckConstraint(condition=Q(owed__gte=0), name="owed_not_negative"),
            models.CheckConstraint(condition=Q(balance__gte=F("held")), name="held_within_balance"),
            models.CheckConstraint(condition=Q(owed=0) | Q(balance=F("held")), name="owed_only_when_nothing_is_free"),
        ]

    def __str__(self) -> str:
        return f"account of {self.user_id}"

    @property
    def free(self) -> int:
        """Millicredits that can be held now."""
        return 0 if self.owed else self.balance - self.held

    @property
    def shown(self) -> int:
        """Millicredits as a person sees them: what is owed lowers it, so it may be below zero."""
        return self.balance - self.owed


class Hold(models.Model):
    """Credits put aside for one attempt: an owner, an amount, one end.

    An amount of 0 is a hold too: its price is not known, and the charge is taken from what is free.
    """

    class State(models.TextChoices):
        """Open, or how it ended."""

        OPEN = "open", "Held"
        SETTLED = "settled", "Spent"
        RELEASED = "released", "Returned"

    reference = models.CharField(max_length=80, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    amount = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    charged = models.BigIntegerField(default=0)  # may exceed the amount: the provider's figure is the truth
    reason = models.CharField(max_length=300, blank=True)  # what it is for, in the person's words: the shot code
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_not_negative"),
            models.CheckConstraint(condition=Q(charged__gte=0), name="charge_not_negative"),
            models.CheckConstraint(condition=Q(state__in=["open", "settled", "released"]), name="hold_state_known"),
            models.CheckConstraint(condition=Q(state="settled") | Q(charged=0), name="only_a_settled_hold_charges"),
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None) | (~Q(state="open") & Q(ended_at__isnull=False)), name="hold_has_one_end"
            ),
        ]
        indexes = [models.Index(fields=["account"], condition=Q(state="open"), name="open_holds")]

    def __str__(self) -> str:
        return f"{self.state} {self.amount} for {self.reference}"


class Entry(models.Model):
    """One movement of credits, for ever. Unique by (kind, reference), so asking twice moves nothing.

    | kind   | amount | owed | what happened                                                      |
    |--------|--------|------|--------------------------------------------------------------------|
    | grant  |  >= 0  | <= 0 | credits were given; what was owed is repaid first                  |
    | charge |  <= 0  | >= 0 | a hold was settled; what the balance could not give is owed        |
    | repay  |  -n    |  -n  | credits that came back from a hold repaid what was owed            |
    | adjust |  any   | <= 0 | somebody corrected the balance                                     |
    """

    class Kind(models.TextChoices):
        """Why credits moved."""

        GRANT = "grant", "Granted"
        CHARGE = "charge", "Spent"
        ADJUST = "adjust", "Adjusted"
        REPAY = "repay", "Repaid"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=10, choices=Kind)
    reference = models.CharField(max_length=80)
    amount = models.BigIntegerField()  # added to the balance
    owed = models.BigIntegerField(default=0)  # added to what is owed
    reason = models.CharField(max_length=300, blank=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="one_entry_a_reference"),
            models.CheckConstraint(condition=Q(kind__in=["grant", "charge", "adjust", "repay"]), name="entry_kind_known"),
            models.CheckConstraint(condition=~Q(kind="grant") | Q(amount__gte=0, owed__lte=0), name="a_grant_gives"),
            models.CheckConstraint(condition=~Q(kind="charge") | Q(amount__lte=0, owed__gte=0), name="a_charge_takes"),
            models.CheckConstraint(condition=~Q(kind="repay") | Q(amount__lt=0, owed=F("amount")), name="a_repayment_is_even"),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="entries_of_account")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} ({self.reference})"

    @property
    def change(self) -> int:
        """Millicredits by which the balance that people see moved."""
        return self.amount - self.owed
