"""The tables of the ledger, and of what limits it: allowances, budgets, caps, waivers.

Account, Hold, Entry are written by ledger.py alone, Tally and the use of a Waiver by limits.py on its behalf, Portion by allowances.py.
Movement and LeftOut, which move the credits of many, stand in movement.py.
All amounts are integer millicredits. The CHECKs are the last line of defence, not the first.
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import movement  # noqa: F401 - Django looks for tables here
from studio.credits.periods import Period, today
from studio.projects.models import Project


class Account(models.Model):
    """One person's credits.

    `balance` is the sum of its entries' `amount`, `owed` the sum of their `owed`, `held` the sum of its open holds and `holding` their number;
    all are kept beside them so that one conditional UPDATE can guard them. What can be spent is `balance - held`. Something is owed only while
    nothing can be spent: whatever becomes free repays it first.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="account")
    balance = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    owed = models.BigIntegerField(default=0)
    holding = models.IntegerField(default=0)  # open holds: this person's jobs at once
    version = models.BigIntegerField(default=0)  # rises with every change, for the live balance

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0), name="held_not_negative"),
            models.CheckConstraint(condition=Q(owed__gte=0), name="owed_not_negative"),
            models.CheckConstraint(condition=Q(holding__gte=0), name="holding_not_negative"),
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
    corrected = models.BigIntegerField(default=0)  # what an admin added to the charge afterwards, or took from it
    reason = models.CharField(max_length=300, blank=True)  # what it is for, in the person's words: the shot code
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="holds")
    provider = models.CharField(max_length=20, blank=True)
    day = models.DateField(default=today)  # the team's, on which it was ordered: the periods in which it counts
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_not_negative"),
            models.CheckConstraint(condition=Q(charged__gte=0), name="charge_not_negative"),
            models.CheckConstraint(condition=Q(corrected__gte=-F("charged")), name="corrected_charge_not_negative"),
            models.CheckConstraint(condition=~Q(state="open") | Q(corrected=0), name="an_open_hold_is_not_corrected"),
            models.CheckConstraint(condition=Q(state__in=["open", "settled", "released"]), name="hold_state_known"),
            models.CheckConstraint(condition=Q(state="settled") | Q(charged=0), name="only_a_settled_hold_charges"),
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None) | (~Q(state="open") & Q(ended_at__isnull=False)), name="hold_has_one_end"
            ),
        ]
        indexes = [
            models.Index(fields=["account"], condition=Q(state="open"), name="open_holds"),
            models.Index(fields=["account", "day"], name="holds_of_account"),  # what somebody ordered in these days
            models.Index(fields=["project", "day"], name="holds_of_project"),  # what was ordered for a project in these days
        ]

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
    | lapse  |  -n    |   0  | what an allowance gave was not used in its period                  |
    | correct|  any   | any  | somebody changed what an ended hold cost: as a grant, or a charge  |

    A charge and its correction tell what it was for: `project` and `provider`, so that spending by person, project, provider and period is asked of this table alone.
    """

    class Kind(models.TextChoices):
        """Why credits moved."""

        GRANT = "grant", "Granted"
        CHARGE = "charge", "Spent"
        ADJUST = "adjust", "Adjusted"
        REPAY = "repay", "Repaid"
        LAPSE = "lapse", "Lapsed"
        CORRECT = "correct", "Corrected"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=10, choices=Kind)
    reference = models.CharField(max_length=80)
    amount = models.BigIntegerField()  # added to the balance
    owed = models.BigIntegerField(default=0)  # added to what is owed
    reason = models.CharField(max_length=300, blank=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="entries")
    provider = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField(default=timezone.now)

    search_fields = ("reason",)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="one_entry_a_reference"),
            models.CheckConstraint(condition=Q(kind__in=["grant", "charge", "adjust", "repay", "lapse", "correct"]), name="entry_kind_known"),
            models.CheckConstraint(condition=~Q(kind="grant") | Q(amount__gte=0, owed__lte=0), name="a_grant_gives"),
            models.CheckConstraint(condition=~Q(kind="charge") | Q(amount__lte=0, owed__gte=0), name="a_charge_takes"),
            models.CheckConstraint(condition=~Q(kind="repay") | Q(amount__lt=0, owed=F("amount")), name="a_repayment_is_even"),
            models.CheckConstraint(condition=~Q(kind="lapse") | Q(amount__lt=0, owed=0), name="a_lapse_takes"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="entries_of_account"),  # somebody's entries, newest first
            models.Index(fields=["at"], name="entries_by_time"),  # all entries between two times: the export
            models.Index(fields=["kind", "at"], name="entries_of_kind"),  # all charges of a period
            models.Index(fields=["account", "kind", "at"], name="entries_of_account_by_kind"),  # somebody's charges of a period
            models.Index(fields=["project", "at"], condition=Q(kind="charge"), name="charges_of_project"),
            models.Index(fields=["provider", "at"], condition=Q(kind="charge"), name="charges_of_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} ({self.reference})"

    @property
    def change(self) -> int:
        """Millicredits by which the balance that people see moved."""
        return self.amount - self.owed


class Tally(models.Model):
    """What was ordered for one project, or by one person, from `starts_on` and before `ends_on`: still held, and spent.

    Every hold with a project counts in that project's tally of its month and in its tally of all time; every hold in its person's tally of its day;
    always by the day on which it was ordered, whenever it ends, and whether a limit is set or not: so a new limit knows what came before it.
    One conditional UPDATE guards a limit, as `held + spent + amount <= limit` is judged under the row's lock.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="tallies")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="tallies")
    starts_on = models.DateField()
    ends_on = models.DateField()
    held = models.BigIntegerField(default=0)
    spent = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(project=None) ^ Q(account=None), name="tally_of_a_project_or_a_person"),
            models.CheckConstraint(condition=Q(held__gte=0, spent__gte=0), name="tally_not_negative"),
            models.UniqueConstraint(fields=["project", "starts_on", "ends_on"], name="one_tally_of_a_project"),
            models.UniqueConstraint(fields=["account", "starts_on", "ends_on"], name="one_tally_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.held} held and {self.spent} spent from {self.starts_on}"


class Budget(models.Model):
    """What may be ordered for a project, in a month or in all. A hard one refuses what exceeds it; a soft one lets it through and says so."""

    PERIODS = [(Period.MONTH.value, "a month"), (Period.ALL.value, "in all")]

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="budget")
    amount = models.BigIntegerField()
    period = models.CharField(max_length=5, choices=PERIODS, default=Period.MONTH.value)
    hard = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="budget_not_negative"),
            models.CheckConstraint(condition=Q(period__in=["month", "all"]), name="budget_period_known"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.get_period_display()} for {self.project_id}"


class Cap(models.Model):
    """How much one person may order a day, and have in progress at once: as a credit manager says, and as they say themselves. The lower one counts."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="cap")
    credits_a_day = models.BigIntegerField(null=True, blank=True)
    jobs_at_once = models.PositiveIntegerField(null=True, blank=True)
    own_credits_a_day = models.BigIntegerField(null=True, blank=True)
    own_jobs_at_once = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(credits_a_day=None) | Q(credits_a_day__gte=0)) & (Q(own_credits_a_day=None) | Q(own_credits_a_day__gte=0)),
                name="cap_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"cap of {self.user_id}"

    @property
    def day(self) -> int | None:
        """Millicredits that may be ordered a day; None where nothing caps them."""
        return min((cap for cap in (self.credits_a_day, self.own_credits_a_day) if cap is not None), default=None)

    @property
    def at_once(self) -> int | None:
        """Jobs that may be in progress at once; None where nothing caps them."""
        return min((cap for cap in (self.jobs_at_once, self.own_jobs_at_once) if cap is not None), default=None)


class Waiver(models.Model):
    """Leave for one order of one person to pass a budget, a cap or both, once: used up in the transaction of the hold that needed it."""

    class Lifts(models.TextChoices):
        """What it lets an order pass."""

        BUDGET = "budget", "The project’s budget"
        CAP = "cap", "The person’s caps"
        BOTH = "both", "Budget and caps"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="waivers")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="waivers")  # None: any
    lifts = models.CharField(max_length=6, choices=Lifts, default=Lifts.BOTH)
    reason = models.CharField(max_length=300)
    given_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    given_at = models.DateTimeField(default=timezone.now)
    used_by = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, blank=True, related_name="waivers")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(lifts__in=["budget", "cap", "both"]), name="waiver_lifts_known"),
            models.CheckConstraint(condition=Q(used_by=None) | Q(withdrawn_at=None), name="waiver_has_one_end"),
        ]
        indexes = [models.Index(fields=["user"], condition=Q(used_by=None, withdrawn_at=None), name="open_waivers")]

    def __str__(self) -> str:
        return f"waiver of {self.lifts} for {self.user_id}"

    @property
    def is_open(self) -> bool:
        """Whether an order may still use it."""
        return self.used_by_id is None and self.withdrawn_at is None


class Spending(models.Model):
    """What one person was charged on one day for one project at one provider, and what came back to them unspent: so that no report adds up entries.

    Written in the transaction that ends a hold (spend.py), under the account's lock. `day` is the team's on which the hold ended, and is kept: a later
    change of the team's time zone moves no charge into another month. `returned` counts holds of which nothing was charged.
    """

    day = models.DateField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="spending")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="spending")
    provider = models.CharField(max_length=20, blank=True)
    charged = models.BigIntegerField(default=0)
    charges = models.IntegerField(default=0)
    returned = models.BigIntegerField(default=0)
    returns = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day", "project", "provider"], name="one_spending_a_day"),
            models.UniqueConstraint(fields=["account", "day", "provider"], condition=Q(project=None), name="one_spending_without_project"),
            models.CheckConstraint(condition=Q(charged__gte=0, charges__gte=0, returned__gte=0, returns__gte=0), name="spending_not_negative"),
        ]
        indexes = [
            models.Index(fields=["day", "provider"], name="spending_by_day"),  # the whole team in these days
            models.Index(fields=["project", "day"], name="spending_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.charged} on {self.day}"


class Allowance(models.Model):
    """Credits that a person, or everybody of a role, is given at the start of each period.

    What is not used by its end lapses, but for `keeps`, which is carried over at most. A person's own allowance stands in place of their role's.
    A change counts from the next period of each person.
    """

    PERIODS = [(Period.DAY.value, "a day"), (Period.WEEK.value, "a week"), (Period.MONTH.value, "a month")]

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="allowances")
    role = models.CharField(max_length=20, choices=User.Role, blank=True)
    amount = models.BigIntegerField()
    period = models.CharField(max_length=5, choices=PERIODS, default=Period.MONTH.value)
    keeps = models.BigIntegerField(default=0)
    starts_on = models.DateField(default=today)
    is_on = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(user=None) ^ Q(role=""), name="allowance_of_a_person_or_a_role"),
            models.CheckConstraint(condition=Q(role__in=["", *User.Role.values]), name="allowance_role_known"),
            models.CheckConstraint(condition=Q(amount__gt=0, keeps__gte=0), name="allowance_gives"),
            models.CheckConstraint(condition=Q(period__in=["day", "week", "month"]), name="allowance_period_known"),
            models.UniqueConstraint(fields=["user"], condition=Q(is_on=True), name="one_allowance_a_person"),
            models.UniqueConstraint(fields=["role"], condition=Q(is_on=True, user=None), name="one_allowance_a_role"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.get_period_display()} for {self.user_id or self.role}"


class Portion(models.Model):
    """What an allowance gave one person for one period, and what became of it once that was over.

    The grant's and the lapse's `reference` is the same. A person has one open portion at a time.
    """

    allowance = models.ForeignKey(Allowance, on_delete=models.PROTECT, related_name="portions")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="portions")
    reference = models.CharField(max_length=80, unique=True)
    starts_on = models.DateField()
    ends_on = models.DateField()
    amount = models.BigIntegerField()
    carried = models.BigIntegerField(default=0)  # kept of the portion before
    keeps = models.BigIntegerField(default=0)  # at most, when it ends
    lapsed = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, carried__gte=0, keeps__gte=0, lapsed__gte=0, kept__gte=0), name="portion_not_negative"),
            models.CheckConstraint(condition=Q(kept__lte=F("keeps")), name="portion_keeps_no_more"),
            models.UniqueConstraint(fields=["account"], condition=Q(closed_at=None), name="one_open_portion_a_person"),
        ]
        indexes = [models.Index(fields=["ends_on"], condition=Q(closed_at=None), name="open_portions")]

    def __str__(self) -> str:
        return f"{self.amount} of {self.reference}"


class CreditRequest(models.Model):
    """Credits that a person asks for, and what became of it. Written by requests.py alone; the credits themselves move through the ledger.

    A person has one open request at a time. `told_at` is when they were shown the answer.
    """

    class State(models.TextChoices):
        """Open, or how it ended."""

        OPEN = "open", "Waiting"
        GRANTED = "granted", "Granted"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="credit_requests")
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")  # what they were about to order for
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    answer_amount = models.BigIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=["open", "granted", "declined", "withdrawn"]), name="request_state_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="request_asks_for_something"),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None) | (~Q(state="open") & Q(answered_at__isnull=False)), name="request_has_one_end"
            ),
            models.CheckConstraint(
                condition=Q(state="granted", answer_amount__gt=0) | (~Q(state="granted") & Q(answer_amount=0)), name="only_a_granted_request_gives"
            ),
            models.UniqueConstraint(fields=["user"], condition=Q(state="open"), name="one_open_request_a_person"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="open"), name="open_requests"),
            models.Index(fields=["user", "-id"], name="requests_of_person"),
            models.Index(fields=["user"], condition=Q(state__in=["granted", "declined"], told_at=None), name="answers_to_tell"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.amount} for {self.user_id}"

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet."""
        return self.state == self.State.OPEN
