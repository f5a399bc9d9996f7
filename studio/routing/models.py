"""Connections to providers and the price book."""

from datetime import datetime
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from studio.leases import LONGEST_REST, holds
from studio.providers.registry import PROVIDERS


class KeyUnreadable(Exception):
    """The stored provider key was encrypted with a key that STUDIO_FIELD_KEYS no longer holds."""


def _locks() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


class Connection(models.Model):
    """One configured access to a provider.

    The key is encrypted at rest and write-only: `set_key` takes it, `key` hands it to the worker, and nothing shows more than its last four
    characters. `lease_*` is the claim of the one sweep that works for this connection, with a fencing number; `paced_until` is the moment at
    which its request limit would be used up evenly. Before `not_before` the provider wants to hear nothing, before `send_not_before` no order.
    `called_at` and `calls_missed` tell whether its callbacks reach us: how many jobs in a row ended without one.
    """

    provider = models.CharField(max_length=20)
    dialect = models.CharField(max_length=20, blank=True)  # which generation of the provider's documents; empty for the newest
    position = models.PositiveSmallIntegerField(default=100)  # in the house's order, which the route policy "ordered" follows
    label = models.CharField(max_length=60, unique=True)
    base_url = models.URLField(blank=True, help_text="Empty for the provider's own address.")
    sandbox = models.BooleanField(default=False)
    key_encrypted = models.TextField(blank=True, editable=False)
    key_hint = models.CharField(max_length=4, blank=True, editable=False)
    requests_per_minute = models.PositiveIntegerField(default=60)
    jobs_at_once = models.PositiveIntegerField(default=20)
    keeps_copies = models.BooleanField(
        default=True
    )  # whether a provider with a file store is asked to keep a copy of each clip until ours is verified
    minimum_hold = models.PositiveBigIntegerField(default=50_000)  # millicredits that are held for an order whose price nobody knows
    enabled = models.BooleanField(default=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    lease_owner = models.CharField(max_length=80, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_fence = models.BigIntegerField(default=0, editable=False)
    lease_deaths = models.PositiveSmallIntegerField(default=0, editable=False)  # holders in a row that never gave it back
    ticked_at = models.DateTimeField(null=True, blank=True, editable=False)
    paced_until = models.DateTimeField(null=True, blank=True, editable=False)
    not_before = models.DateTimeField(null=True, blank=True, editable=False)
    send_not_before = models.DateTimeField(null=True, blank=True, editable=False)
    called_at = models.DateTimeField(null=True, blank=True, editable=False)
    calls_missed = models.PositiveIntegerField(default=0, editable=False)
    balance = models.CharField(max_length=60, blank=True, editable=False)  # what is left there, as the provider wrote it, with its unit
    balance_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["sandbox", "position", "label"]
        constraints = [
            models.CheckConstraint(condition=Q(requests_per_minute__gte=1), name="some_requests_a_minute"),
            models.CheckConstraint(condition=Q(jobs_at_once__gte=1), name="some_jobs_at_once"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def address(self) -> str:
        """The base URL in force. The sandbox's follows the port that this installation listens on."""
        if self.sandbox:
            own = PROVIDERS.get(self.provider)
            return f"{settings.SANDBOX_URL}/sandbox/{self.provider}{urlsplit(own.base_url).path if own else ''}"
        return self.base_url.rstrip("/")

    def set_key(self, key: str) -> None:
        """Encrypt and keep a provider key. Does not save the row."""
        self.key_encrypted = _locks().encrypt(key.encode()).decode()
        self.key_hint = key[-4:] if len(key) >= 12 else ""  # noqa: PLR2004 - of a short key, four characters would be too much

    @property
    def key(self) -> str:
        """The provider key in the clear, for the worker alone. Raises KeyUnreadable."""
        if not self.key_encrypted:
            return ""
        try:
            return _locks().decrypt(self.key_encrypted.encode()).decode()
        except InvalidToken as error:
            raise KeyUnreadable(f"The key of {self.label} cannot be read with STUDIO_FIELD_KEYS. Enter it again.") from error

    def is_waiting(self, now: datetime) -> bool:
        """Whether the provider asked us not to call yet."""
        return holds(self.not_before, now=now, lasts=LONGEST_REST)

    def may_send(self, now: datetime) -> bool:
        """Whether it is switched on and the provider takes orders now, as far as it told us."""
        return self.enabled and not holds(self.send_not_before, now=now, lasts=LONGEST_REST)


class Breaker(models.Model):
    """Stops orders to what is ill: one model of a connection, or with an empty `model` the whole connection. The rule stands in breaker.py.

    Closed while `open_until` is empty; open until then; after it one order is let through to see whether it works again.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="breakers")
    model = models.CharField(max_length=80, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    trips = models.PositiveIntegerField(default=0)  # in a row: each pause is longer than the one before
    open_since = models.DateTimeField(null=True, blank=True)
    open_until = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=20, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "model"], name="one_breaker_a_model")]

    def __str__(self) -> str:
        return f"breaker of {self.connection_id} {self.model}".strip()


class Track(models.Model):
    """How one kind of order fared lately at one connection: its last samples, oldest first (track.py says what one holds).

    A row of its own, rewritten with each result, so that a card, a plan or a health strip reads one short row instead of a growing history.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tracks")
    kind = models.CharField(max_length=120)  # model, operation, resolution and duration: what decides how long it takes
    samples = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind"], name="one_track_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.connection_id}"


class PriceRule(models.Model):
    """An admin's own price for orders, before the built-in price book (prices.py). Amounts in millicredits.

    Empty `model`, `resolution` or open ends of the seconds range match anything; the most particular rule wins.
    """

    class Certainty(models.TextChoices):
        """How sure the figure is."""

        EXACT = "exact", "Exact"
        ESTIMATED = "estimated", "Estimated"

    provider = models.CharField(max_length=20)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="price_rules")
    model = models.CharField(max_length=80, blank=True)
    resolution = models.CharField(max_length=10, blank=True)
    seconds_from = models.PositiveIntegerField(default=0)
    seconds_to = models.PositiveIntegerField(default=3600)
    fixed = models.BigIntegerField(default=0)
    per_second = models.BigIntegerField(default=0)
    source = models.CharField(max_length=300)
    as_of = models.DateField(default=timezone.localdate)
    certainty = models.CharField(max_length=10, choices=Certainty, default=Certainty.ESTIMATED)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(fixed__gte=0) & Q(per_second__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(seconds_to__gte=models.F("seconds_from")), name="price_range_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} {self.resolution}".strip()


class UsageRate(models.Model):
    """What one unit of reported usage costs, from a date on: `millicredits` for each `per_units` units."""

    provider = models.CharField(max_length=20)
    unit = models.CharField(max_length=40)
    millicredits = models.BigIntegerField()
    per_units = models.BigIntegerField(default=1)
    valid_from = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=300)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(millicredits__gte=0) & Q(per_units__gte=1), name="rate_not_negative"),
        ]
        indexes = [models.Index(fields=["provider", "unit", "-valid_from"], name="rates_by_unit")]

    def __str__(self) -> str:
        return f"{self.millicredits}/{self.per_units} for {self.unit}"
