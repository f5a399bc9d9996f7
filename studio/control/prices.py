"""What an admin does with prices, and what applies to one connection. A change is one transaction and one audit event; amounts are millicredits."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.control.price_forms import PriceForm, RateForm, units_of
from studio.credits.figures import credits_text
from studio.providers.contract import Operation
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection, PriceRule, UsageRate
from studio.routing.prices import Price, Rate, price_text, published, rate_for

OF_RULE = ("provider", "model", "resolution", "seconds_from", "seconds_to", "fixed", "per_second", "source", "certainty")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the built-in book in words. `price` is empty where nobody publishes one; then `certainty` is unknown."""

    what: str
    price: str
    certainty: str
    source: str


@dataclass(frozen=True, slots=True)
class InForce:
    """The rate for one unit of usage: what is in force (None: nothing), and what takes its place later."""

    unit: str
    words: str
    source: str
    coming: list[UsageRate]


@dataclass(frozen=True, slots=True)
class Book:
    """Every price that applies to one connection."""

    rules: list[PriceRule]
    lines: list[Line]
    rates: list[InForce]


def add_rule(form: PriceForm, connection: Connection, *, by: User) -> PriceRule:
    """The rule that a valid form describes."""
    data = form.cleaned_data
    rule = PriceRule(provider=connection.provider, connection=connection if data["scope"] == "connection" else None)
    for name in set(OF_RULE) - {"provider"}:
        setattr(rule, name, data[name])
    with transaction.atomic():
        rule.save()
        AuditEvent.record("price.added", connection.label, actor=by, after=_facts(rule))
    return rule


def remove_rule(rule: PriceRule, connection: Connection, *, by: User) -> bool:
    """Whether this call removed it. What was ordered by it keeps its estimate."""
    before = _facts(rule)
    with transaction.atomic():
        removed, _ = PriceRule.objects.filter(pk=rule.pk).delete()
        if removed:
            AuditEvent.record("price.removed", connection.label, actor=by, before=before)
    return removed > 0


def add_rate(form: RateForm, connection: Connection, *, by: User) -> UsageRate:
    """The rate that a valid form describes, for every connection to this provider."""
    data = form.cleaned_data
    with transaction.atomic():
        was = rate_for(connection.provider, data["unit"], at=data["valid_from"])
        rate = UsageRate.objects.create(
            provider=connection.provider,
            unit=data["unit"],
            millicredits=data["credits"],
            per_units=data["per_units"],
            valid_from=data["valid_from"],
            source=data["source"],
        )
        before = {"millicredits": was.millicredits, "per_units": was.per_units, "source": was.source} if was else None
        after = {"unit": rate.unit, "millicredits": rate.millicredits, "per_units": rate.per_units, "valid_from": rate.valid_from.isoformat()}
        AuditEvent.record("rate.added", PROVIDERS[rate.provider].name, actor=by, before=before, after={**after, "source": rate.source})
    return rate


def rules_of(connection: Connection) -> list[PriceRule]:
    """The admin's own rules that can meet its orders: those of this connection first. One query."""
    rules = PriceRule.objects.filter(Q(connection=None) | Q(connection=connection), provider=connection.provider).select_related("connection")
    return sorted(rules, key=lambda rule: (rule.connection_id is None, rule.model, rule.resolution, rule.seconds_from))


def book_of(connection: Connection) -> Book:
    """Every price that applies to a connection. Queries: one, and two for each unit of usage."""
    now = timezone.now()
    kind = PROVIDERS[connection.provider]
    dialect = kind.dialects.get(connection.dialect, kind.dialects[""])
    labels = {can.model: can.label for can in dialect.capabilities}
    rates = [_in_force(connection.provider, unit, now) for unit in units_of(connection)]
    return Book(rules_of(connection), _lines(connection.provider, labels), rates)


def _lines(provider: str, labels: dict[str, str]) -> list[Line]:
    """The built-in book for these models, and the models that it does not know."""
    lines = published(provider, labels)
    named = {line.model for line in lines}
    unknown = [] if "" in named else [label for model, label in labels.items() if model not in named]
    return [
        *(Line(_what(line, labels), _price(line), line.certainty, str(line.source)) for line in lines),
        *(Line(label, "", "unknown", "Nobody publishes it: nothing is held, and the charge is what it reports.") for label in unknown),
    ]


def _what(line: Price, labels: dict[str, str]) -> str:
    """What a line of the book is about: "Grok Imagine 1.5, 720p, edit"."""
    model = labels.get(line.model, line.model) or "Any other model"
    changed = line.operation.value if line.operation is not Operation.GENERATE else ""
    at = line.resolution or ("any resolution" if line.longest else "any other resolution")
    return ", ".join(filter(None, (model, at, f"up to {line.longest} s" if line.longest else "", changed)))


def _price(line: Price) -> str:
    """The figures of a line in credits."""
    parts = (
        (line.fixed, "an order"),
        (line.per_second, "a second"),
        (line.per_image, "a reference image"),
        (line.per_input_second, "a second of its clip"),
    )
    return " + ".join(f"{price_text(usd)} {words}" for usd, words in parts if usd != "0") or "0"


def _in_force(provider: str, unit: str, now: datetime) -> InForce:
    """The rate for one unit. Two queries."""
    rate = rate_for(provider, unit, at=now)
    coming = UsageRate.objects.filter(provider=provider, unit=unit, valid_from__gt=now).order_by("valid_from", "pk")
    return InForce(unit, _rate_words(rate, unit) if rate else "", rate.source if rate else "", list(coming))


def _rate_words(rate: Rate, unit: str) -> str:
    """A rate in credits: "1 credit for 1 quota"."""
    figure = credits_text(rate.millicredits)
    return f"{figure} {'credit' if figure == '1' else 'credits'} for {rate.per_units:,} {unit}"


def _facts(rule: PriceRule) -> dict[str, object]:
    """What the record of changes says about a rule."""
    return {name: getattr(rule, name) for name in OF_RULE} | {"connection": rule.connection.label if rule.connection else None}
