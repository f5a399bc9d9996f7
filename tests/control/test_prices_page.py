"""Prices of one's own: entered in credits, checked, recorded, and in force with the next order."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.providers.contract import Brief
from studio.routing.models import Connection, PriceRule, UsageRate
from studio.routing.prices import Rate, quote, rate_for
from tests.conftest import signed_in
from tests.jobs.rows import sure

RULE = {
    "scope": "connection",
    "model": "grok-imagine-video",
    "resolution": "720p",
    "seconds_from": "1",
    "seconds_to": "15",
    "fixed": "1,000.5",
    "per_second": "6.5",
    "source": "Our contract",
    "certainty": "exact",
}
BRIEF = Brief(prompt="A boat", model="grok-imagine-video", resolution="720p", duration=10)


@pytest.fixture
def admin(ada: User) -> Client:
    return signed_in(ada)


def rate(**fields: str) -> dict[str, str]:
    return {
        "unit": "cost_in_usd_ticks",
        "credits": "1.25",
        "per_units": "1000000000",
        "valid_from": f"{timezone.localdate():%Y-%m-%d}",
        "source": "Our contract",
        **fields,
    }


def test_the_page_shows_the_book_with_source_date_and_certainty(admin: Client, real: Connection):
    page = admin.get(f"/connections/{real.pk}/").content.decode()

    assert "7 a second + 0.2 a reference image" in page
    assert "xAI&#x27;s list, docs.x.ai, November 2026" in page
    assert "Exact" in page
    assert "100,000 cost_in_usd_ticks" in page


def test_a_model_that_nobody_publishes_a_price_for_is_unknown(admin: Client):
    other = Connection.objects.create(provider="ttapi", label="TTAPI")

    page = admin.get(f"/connections/{other.pk}/").content.decode()

    assert page.count("<td>Unknown</td>") == page.count("Nobody publishes it")


def test_a_provider_that_reports_no_usage_has_no_rates(admin: Client):
    other = Connection.objects.create(provider="acedata", label="AceData")

    assert 'id="rates"' not in admin.get(f"/connections/{other.pk}/").content.decode()


def test_a_price_of_ones_own_is_entered_in_credits_and_comes_before_the_book(admin: Client, ada: User, real: Connection):
    answer = admin.post(f"/connections/{real.pk}/prices/", RULE, follow=True)

    rule = PriceRule.objects.get()
    assert (rule.connection, rule.fixed, rule.per_second, rule.seconds_from, rule.seconds_to) == (real, 1_000_500, 6_500, 1, 15)
    assert quote(real, BRIEF).millicredits == 1_000_500 + 65_000
    assert "1,000.5 an order + 6.5 a second" in answer.content.decode()
    event = AuditEvent.objects.get(action="price.added")
    assert (event.actor, sure(event.after)["fixed"], sure(event.after)["connection"]) == (ada, 1_000_500, "xAI, team account")


def test_a_price_for_the_provider_holds_at_all_its_connections(admin: Client, real: Connection, xai: Connection):
    admin.post(f"/connections/{real.pk}/prices/", {**RULE, "scope": "provider", "model": "", "resolution": "", "seconds_from": "", "seconds_to": ""})

    rule = PriceRule.objects.get()
    assert (rule.connection, rule.model, rule.seconds_from, rule.seconds_to) == (None, "", 0, 3600)
    assert quote(xai, BRIEF).millicredits == 1_000_500 + 65_000


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"fixed": "1,5"}, "A comma separates thousands"),
        ({"fixed": "seven"}, "Use digits only"),
        ({"per_second": "0.0001"}, "Credits have at most 3 decimals."),
        ({"per_second": "9999999999999"}, "At most 1,000,000,000 credits"),
        ({"per_second": "-1"}, "A price is not below 0."),
        ({"fixed": "1" * 41}, "That is too long for a number of credits."),
        ({"fixed": "", "per_second": ""}, "For free, write 0."),
        ({"seconds_from": "10", "seconds_to": "5"}, "The range ends before it begins."),
        ({"seconds_to": "99999"}, "less than or equal to 3600"),
        ({"model": "sora"}, "Select a valid choice."),
        ({"source": ""}, "Say where the figure is from."),
        ({"certainty": "perhaps"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_with_a_price_is_said_beside_it(fields: dict[str, str], complaint: str, admin: Client, real: Connection):
    answer = admin.post(f"/connections/{real.pk}/prices/", {**RULE, **fields})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert complaint in page
    assert '<details class="adding" id="price-new" open>' in page
    assert 'value="Our contract"' in page or fields.get("source") == ""
    assert not PriceRule.objects.exists()


def test_a_price_of_zero_means_free(admin: Client, real: Connection):
    admin.post(f"/connections/{real.pk}/prices/", {**RULE, "fixed": "0", "per_second": ""})

    assert quote(real, BRIEF).millicredits == 0


def test_a_price_is_removed_with_a_record_of_what_it_was(admin: Client, real: Connection):
    rule = PriceRule.objects.create(provider="xai", connection=real, per_second=1_000, source="Our contract")

    admin.post(f"/connections/{real.pk}/prices/{rule.pk}/remove/")

    assert not PriceRule.objects.exists()
    assert sure(AuditEvent.objects.get().before)["per_second"] == 1_000


def test_a_price_of_another_provider_is_not_removed_from_here(admin: Client, real: Connection):
    rule = PriceRule.objects.create(provider="comet", per_second=1_000, source="Our contract")

    answer = admin.post(f"/connections/{real.pk}/prices/{rule.pk}/remove/", follow=True)

    assert PriceRule.objects.exists()
    assert "was not there any more" in answer.content.decode()


def test_a_rate_from_today_is_in_force_at_once(admin: Client, ada: User, real: Connection):
    admin.post(f"/connections/{real.pk}/rates/", rate())

    assert rate_for("xai", "cost_in_usd_ticks") == Rate(1_250, 1_000_000_000, "Our contract")
    event = AuditEvent.objects.get(action="rate.added")
    assert (event.actor, event.subject, sure(event.after)["millicredits"]) == (ada, "xAI", 1_250)
    assert sure(event.before)["per_units"] == 100_000


def test_a_rate_from_a_later_day_waits_and_what_is_in_force_stays(admin: Client, real: Connection):
    later = timezone.localdate() + timedelta(days=9)

    page = admin.post(f"/connections/{real.pk}/rates/", rate(valid_from=f"{later:%Y-%m-%d}"), follow=True).content.decode()

    now = rate_for("xai", "cost_in_usd_ticks")
    then = rate_for("xai", "cost_in_usd_ticks", at=timezone.now() + timedelta(days=10))
    assert now is not None
    assert then == Rate(1_250, 1_000_000_000, "Our contract")
    assert now.per_units == 100_000
    assert "1.25 credits for 1,000,000,000" in page


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"credits": ""}, "Enter a number of credits, such as 7 or 0.5."),
        ({"credits": "1,5"}, "A comma separates thousands"),
        ({"credits": "-2"}, "A price is not below 0."),
        ({"per_units": "0"}, "greater than or equal to 1"),
        ({"per_units": "1.5"}, "Enter a whole number."),
        ({"per_units": "9" * 16}, "less than or equal to"),
        ({"valid_from": "2020-01-01"}, "A rate begins today or later"),
        ({"valid_from": "soon"}, "Write a day like 2026-12-01."),
        ({"unit": "quota"}, "Select a valid choice."),
        ({"source": ""}, "Say where the figure is from."),
    ],
)
def test_what_is_wrong_with_a_rate_is_said_beside_it(fields: dict[str, str], complaint: str, admin: Client, real: Connection):
    answer = admin.post(f"/connections/{real.pk}/rates/", rate(**fields))

    assert answer.status_code == 422
    assert complaint in answer.content.decode()
    assert not UsageRate.objects.exists()
