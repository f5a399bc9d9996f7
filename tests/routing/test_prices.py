"""What orders and reported usage cost."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from studio.providers.contract import Brief, Operation
from studio.providers.registry import PROVIDERS, capabilities_of
from studio.routing.models import Connection, PriceRule, UsageRate
from studio.routing.prices import BASIS_LENGTH, BOOK, LARGEST, PRICES, USAGE, Rate, price, quote, rate_for

ONE_EACH = Rate(1_000, 1, "a test")
TICKS = Rate(1, 100_000, "a test")


def connected(provider: str) -> Connection:
    return Connection.objects.create(provider=provider, label=f"Our {provider}")


def brief(model: str = "", *, seconds: int | None = 8, resolution: str = "", images: int = 0) -> Brief:
    return Brief(prompt="A calm sea", model=model, duration=seconds, resolution=resolution, images=("https://example.org/a.png",) * images)


@pytest.mark.parametrize(
    ("provider", "wish", "millicredits", "certainty"),
    [
        ("xai", brief("grok-imagine-video", resolution="480p"), 40_000, "exact"),
        ("xai", brief("grok-imagine-video", resolution="720p"), 56_000, "exact"),
        ("xai", brief("grok-imagine-video", resolution="720p", images=3), 56_600, "exact"),
        ("xai", brief("grok-imagine-video-1.5", resolution="1080p", seconds=4), 100_000, "exact"),
        ("xai", brief("grok-imagine-video-1.5", resolution="480p", images=1), 65_000, "exact"),
        ("xai", brief("grok-imagine-video-1.5-lite", resolution="480p"), 16_000, "exact"),
        ("xai", brief("grok-imagine-video-1.5-lite", resolution="720p", images=1), 25_000, "exact"),
        ("xai", brief("grok-imagine-video-1.5-lite", resolution="1080p"), 112_000, "exact"),
        ("xai", brief("grok-imagine-video-1.5", resolution="720p", images=7), 119_000, "exact"),
        ("xai", brief("grok-imagine-video"), 40_000, "exact"),  # xAI's own default is 480p
        ("xai", brief("grok-imagine-video", seconds=None, resolution="480p"), 40_000, "estimated"),  # and 8 s
        ("xai", brief("something-new", resolution="4k"), 200_000, "estimated"),
        ("comet", brief("grok-imagine-video", resolution="720p"), 56_000, "estimated"),
        ("acedata", brief("grok-imagine-video:official", resolution="720p"), 56_000, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", resolution="480p", seconds=6), 56_700, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", resolution="1080p", seconds=10), 56_700, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", resolution="480p", seconds=11), 113_400, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast", resolution="720p", seconds=20), 113_400, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", resolution="720p", seconds=21), 170_100, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", resolution="720p", seconds=30), 170_100, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", resolution="720p", seconds=60), 170_100, "estimated"),
        ("acedata", brief("grok-imagine-video-1.5-fast:reverse", seconds=None), 56_700, "estimated"),
        ("ttapi", brief("grok-imagine-1.0-video", resolution="720p", seconds=30), 9_000, "estimated"),
        ("ttapi", brief("grok-imagine-video-1.5-preview", resolution="720p"), 18_000, "estimated"),
        ("ttapi", brief("grok-imagine-video", resolution="720p"), 56_000, "estimated"),  # the Official route
        ("acedata", brief("grok-imagine-video", seconds=None, resolution="480p"), 30_000, "estimated"),  # 6 s are sent
        ("acedata", brief("grok-imagine-video-1.5-preview", resolution="720p", images=1), 113_000, "estimated"),
        ("grokimagine", brief(seconds=None), 40_000, "exact"),
    ],
)
def test_the_built_in_book_knows_what_providers_publish_and_says_what_it_guesses(db, provider, wish, millicredits, certainty):
    found = quote(connected(provider), wish)

    assert (found.millicredits, found.certainty) == (millicredits, certainty)


def test_a_quote_says_how_it_was_reckoned_and_from_where(db):
    assert quote(connected("xai"), brief("grok-imagine-video", resolution="720p", images=2)).basis == (
        "8 s × 7 + 2 × 0.2 for reference images (xAI's list, docs.x.ai, November 2026)"
    )
    assert quote(connected("grokimagine"), brief(seconds=None)).basis.startswith("40 (40 credits a generation")


def changing(operation: Operation, *, clip: float, added: int | None = None, resolution: str = "") -> Brief:
    return replace(
        brief("grok-imagine-video", seconds=added, resolution=resolution), operation=operation, video="https://example.org/a.mp4", video_seconds=clip
    )


@pytest.mark.parametrize(
    ("provider", "wish", "millicredits"),
    [
        ("xai", changing(Operation.EDIT, clip=8.0), 64_000),  # 8 s made and 8 s looked at
        ("xai", changing(Operation.EDIT, clip=8.0, resolution="480p"), 48_000),
        ("xai", changing(Operation.EDIT, clip=5.04), 48_000),  # begun seconds count
        ("xai", changing(Operation.EXTEND, clip=8.0, added=10), 78_000),
        ("xai", changing(Operation.EXTEND, clip=8.0), 50_000),  # 6 s are sent
        ("comet", changing(Operation.EDIT, clip=8.0), 64_000),
        ("ttapi", changing(Operation.EXTEND, clip=8.0, added=10), 78_000),
        ("ttapi", changing(Operation.EXTEND, clip=8.0), 50_000),
    ],
)
def test_changing_a_clip_costs_the_seconds_made_and_the_seconds_looked_at(db, provider, wish, millicredits):
    found = quote(connected(provider), wish)

    assert (found.millicredits, found.certainty) == (millicredits, "estimated")
    assert "for the clip" in found.basis


def test_a_change_that_nobody_sells_has_no_price(db):
    assert quote(connected("grokimagine"), changing(Operation.EDIT, clip=8.0)).certainty == "unknown"
    assert quote(connected("comet"), changing(Operation.EXTEND, clip=8.0)).certainty == "unknown"
    assert quote(connected("ttapi"), changing(Operation.EDIT, clip=8.0)).certainty == "unknown"


def test_a_rule_that_is_exact_for_new_clips_only_estimates_changed_ones(db):
    PriceRule.objects.create(provider="xai", per_second=500, certainty="exact", source="ours")

    found = quote(connected("xai"), changing(Operation.EDIT, clip=7.5))
    assert (found.millicredits, found.certainty) == (4_000, "estimated")


def test_a_quote_asks_the_database_once(db, django_assert_num_queries):
    connection = connected("xai")
    with django_assert_num_queries(1):
        quote(connection, changing(Operation.EDIT, clip=8.0))


@pytest.mark.parametrize(("provider", "dialect"), [(kind.key, dialect) for kind in PROVIDERS.values() for dialect in kind.dialects])
def test_everything_that_a_provider_can_do_has_a_price(db, provider, dialect):
    connection = connected(provider)
    for can in capabilities_of(provider, dialect):
        for resolution in can.resolutions or ("",):
            for seconds in can.durations or (None,):
                found = quote(connection, brief(can.model, seconds=seconds, resolution=resolution, images=can.images[1]))
                assert 0 < found.millicredits < LARGEST
                assert found.certainty in {"exact", "estimated"}
                assert 0 < len(found.basis) <= BASIS_LENGTH


@pytest.mark.parametrize(
    ("provider", "unit"), [(kind.key, dialect.usage_unit) for kind in PROVIDERS.values() for dialect in kind.dialects.values() if dialect.usage_unit]
)
def test_everything_that_a_provider_reports_has_a_rate(db, provider, unit):
    assert rate_for(provider, unit) is not None


def test_every_line_of_the_book_and_every_rate_names_its_source():
    for source in (*(line.source for line in PRICES), *(unit.source for unit in USAGE.values())):
        assert source.words
        assert date(2026, 1, 1) <= source.as_of <= date(2026, 12, 31)
    assert sum(len(lines) for lines in BOOK.values()) == len(PRICES)


def test_only_what_a_provider_publishes_for_itself_is_exact():
    assert {line.provider for line in PRICES if line.certainty == "exact"} == {"xai", "grokimagine"}
    assert {line.certainty for line in PRICES} == {"exact", "estimated"}


def test_a_provider_without_any_price_is_unknown_and_holds_the_least_of_its_connection(db):
    found = quote(connected("newcomer"), brief())

    assert (found.millicredits, found.certainty) == (50_000, "unknown")
    assert "No price is known for Our newcomer" in found.basis


def test_the_most_particular_rule_wins(db):
    connection, other = connected("xai"), Connection.objects.create(provider="xai", label="Another")
    make = PriceRule.objects.create
    make(provider="comet", fixed=1, source="another provider")
    make(provider="xai", connection=other, fixed=2, source="another connection")
    make(provider="xai", model="grok-imagine-video-1.5", fixed=3, source="another model")
    make(provider="xai", resolution="1080p", fixed=4, source="another resolution")
    make(provider="xai", seconds_from=9, fixed=5, source="longer")
    make(provider="xai", seconds_to=7, fixed=6, source="shorter")
    wish = brief("grok-imagine-video", resolution="720p")
    assert quote(connection, wish).millicredits == 56_000  # none of these is for it

    for fixed, narrower in (
        (10, {}),
        (11, {"as_of": timezone.localdate() + timedelta(days=1)}),
        (12, {"seconds_from": 5, "seconds_to": 10}),
        (13, {"resolution": "720p"}),
        (14, {"model": "grok-imagine-video"}),
        (15, {"model": "grok-imagine-video", "resolution": "720p"}),
        (16, {"connection": connection}),
        (17, {"connection": connection, "model": "grok-imagine-video"}),
    ):
        make(provider="xai", fixed=fixed, source=f"rule {fixed}", **{"as_of": date(2026, 1, 1), **narrower})
        assert quote(connection, wish).millicredits == fixed


def test_a_rule_prices_by_the_clip_and_by_the_second(db):
    PriceRule.objects.create(provider="xai", fixed=2_000, per_second=500, certainty="exact", source="the contract of May")

    found = quote(connected("xai"), brief(seconds=6))
    assert (found.millicredits, found.certainty, found.basis) == (5_000, "exact", "2 + 6 s × 0.5 (the contract of May)")
    open_end = quote(Connection.objects.get(), brief(seconds=None))
    assert (open_end.millicredits, open_end.certainty) == (6_000, "estimated")  # the length is the provider's choice


def test_a_rule_for_the_providers_default_resolution_meets_a_brief_that_names_none(db):
    PriceRule.objects.create(provider="xai", resolution="480p", fixed=7, source="ours")

    assert quote(connected("xai"), brief()).millicredits == 7


def test_a_slip_of_the_keyboard_is_a_price_that_nobody_can_pay_and_no_crash(db):
    PriceRule.objects.create(provider="xai", fixed=9 * 10**18, source="s" * 300)

    found = quote(connected("xai"), brief())
    assert found.millicredits == LARGEST
    assert len(found.basis) == BASIS_LENGTH


@pytest.mark.parametrize(("credit_usd", "millicredits"), [(0.01, 56_000), (0.1, 5_600), (1.0, 560), (0.03, 18_667), (0.001, 560_000), (1000.0, 1)])
def test_prices_follow_what_a_credit_is_worth(db, settings, credit_usd, millicredits):
    settings.CREDIT_USD = credit_usd

    assert quote(connected("xai"), brief("grok-imagine-video", resolution="720p")).millicredits == millicredits


@pytest.mark.parametrize(
    ("provider", "unit", "amount", "millicredits"),
    [
        ("ttapi", "quota", "9", 9_000),
        ("grokimagine", "consumed_credits", "40", 40_000),
        ("xai", "cost_in_usd_ticks", "500000000", 5_000),
        ("comet", "cost_in_usd_ticks", "500000000", 5_000),
        ("ttapi", "cost_in_usd_tocks", "500000000", 5_000),
        ("xai", "cost_in_usd_ticks", "2500000000", 25_000),
    ],
)
def test_reported_usage_becomes_credits(db, provider, unit, amount, millicredits):
    assert price(amount, rate_for(provider, unit)) == millicredits


def test_a_unit_that_nobody_priced_has_no_rate(db):
    assert rate_for("acedata", "quota") is None
    assert rate_for("xai", "tokens") is None
    assert price("9", None) is None


def test_the_rate_is_the_one_in_force_at_the_time(db):
    now = timezone.now()
    for days, millicredits in ((-10, 1), (-1, 2), (1, 3)):
        UsageRate.objects.create(
            provider="ttapi", unit="quota", millicredits=millicredits, per_units=7, valid_from=now + timedelta(days=days), source=f"{days}"
        )

    assert rate_for("ttapi", "quota") == Rate(2, 7, "-1")
    assert rate_for("ttapi", "quota", at=now - timedelta(days=5)) == Rate(1, 7, "-10")
    assert rate_for("ttapi", "quota", at=now + timedelta(days=2)) == Rate(3, 7, "1")
    before_any = rate_for("ttapi", "quota", at=now - timedelta(days=20))
    assert before_any is not None
    assert (before_any.millicredits, before_any.per_units) == (1_000, 1)
    assert rate_for("grokimagine", "quota") is None


@pytest.mark.parametrize("credit_usd", [0.01, 0.03, 1e-6, 1000.0, 0.012345678901234567, 1.2345678901234567e-06])
def test_a_rate_always_fits_its_columns(db, settings, credit_usd):
    settings.CREDIT_USD = credit_usd

    for provider, unit in USAGE:
        rate = rate_for(provider, unit)
        assert rate is not None
        assert 0 < rate.millicredits < 2**63
        assert 0 < rate.per_units < 2**63
        dollars = float(USAGE[provider, unit].usd)
        assert rate.millicredits / rate.per_units == pytest.approx(dollars * 1000 / credit_usd, rel=1e-9)


@pytest.mark.parametrize(
    ("amount", "millicredits"),
    [
        ("9", 9_000),
        ("9.0", 9_000),
        (" 9 ", 9_000),
        ("0", 0),
        ("0.0004", 0),
        ("0.0005", 1),
        ("2.5e2", 250_000),
        (9, 9_000),
        (0.5, 500),
        (Decimal("1.25"), 1_250),
    ],
)
def test_a_figure_may_be_text_or_a_number(amount, millicredits):
    assert price(amount, ONE_EACH) == millicredits


def test_rounding_happens_once_and_half_goes_up():
    assert price("149999", TICKS) == 1
    assert price("150000", TICKS) == 2
    assert price("249999.999999", TICKS) == 2


@pytest.mark.parametrize(
    "amount",
    [
        "", " ", "nine", "9 quota", "NaN", "nan", "Infinity", "-inf", "-1", "-0", "+9", "1,000", "1_000", "٣", "\uff19", "0x10", "1.", ".5", "1e999", "1e-999",
        "0e99999", str(10**18), str(10**400), "1" * 41, None, True, False, [], {}, b"9", float("nan"), float("inf"), -3, 10**18,
    ],
)  # fmt: skip
def test_a_figure_that_cannot_be_believed_is_no_money(amount):
    assert price(amount, ONE_EACH) is None


def test_a_rate_that_cannot_be_makes_no_money():
    assert price("9", Rate(1, 0, "broken")) is None
    assert price("9", Rate(-1, 1, "broken")) is None


@given(st.text() | st.integers() | st.floats() | st.none() | st.decimals() | st.from_regex(r"-?[0-9]{1,50}(\.[0-9]{1,50})?([eE][+-]?[0-9]{1,5})?"))
def test_any_figure_is_a_believable_price_or_none(amount):
    cost = price(amount, ONE_EACH)

    assert cost is None or 0 <= cost <= LARGEST
