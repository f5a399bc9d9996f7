"""What a price is called before the click, and what is held for it."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from studio.accounts.models import User
from studio.credits import ledger, requests
from studio.credits.models import Account, CreditRequest, Hold
from studio.jobs.actions import Order, order
from studio.jobs.composing import compose
from studio.jobs.models import Attempt
from studio.jobs.pricing import Shortage, how_sure, price_text, shortage_of
from studio.jobs.wanted import Wanted
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.routing import track
from studio.routing.choice import Option, option
from studio.routing.models import Connection, PriceRule, UsageRate
from studio.routing.track import DONE, Sample, Tracks
from tests.conftest import signed_in
from tests.jobs.conftest import work_through
from tests.jobs.rows import HTMX, form, sure

C = 1_000
BRIEF = Brief(prompt="p", aspect_ratio="16:9", duration=8, resolution="720p", model="grok-imagine-video")


def charged(connection: Connection, *ratios: float, brief: Brief = BRIEF, price: str = "") -> None:
    """So many orders there were charged these shares of their quotes."""
    price = price or option(brief, connection).quote.price
    for ratio in ratios:
        track.record(connection.pk, track.kind_of(brief), Sample(0.0, DONE, seconds=20.0, ratio=ratio, price=price))


def chosen(connection: Connection, brief: Brief = BRIEF) -> Option:
    return option(brief, connection, tracks=track.read([connection.pk]))


@pytest.fixture
def rough(xai: Connection) -> Connection:
    """A connection whose price is an estimate."""
    xai.provider = "comet"
    xai.save()
    return xai


def test_an_estimate_is_told_as_what_orders_there_cost_and_held_so(rough, funded, tide):
    charged(rough, *[1.1, 1.12, 1.12, 1.12, 1.3])
    found = chosen(rough)
    assert price_text(found) == "about 62.72 credits"
    assert how_sure(found) == "about; as 5 orders cost"

    job = order(author=funded, project=tide, what=Order(connection=rough, brief=BRIEF), order_key=uuid4())

    assert (job.estimate, Hold.objects.get().amount) == (62_720, 62_720)
    assert job.estimate_basis.endswith(", × 1.12 as the last 5 orders cost")
    attempt = Attempt.objects.get()
    assert (attempt.quoted, attempt.price) == (56_000, found.quote.price)


def test_words_for_how_sure_a_price_is(rough, xai):
    assert how_sure(chosen(rough)) == "about; too few orders to say more"
    charged(rough, *[0.9, 1.0, 1.1, 1.2, 1.3])
    assert how_sure(chosen(rough)) == "about; mostly 56 to 67.2 in 5 orders"


def test_an_exact_price_says_how_often_it_was(xai):
    assert (price_text(chosen(xai)), how_sure(chosen(xai))) == ("56 credits", "exact")
    charged(xai, *[1.0] * 12)
    assert how_sure(chosen(xai)) == "exact, as 12 orders cost"


def test_a_price_that_nobody_knows_stays_unknown(xai):
    found = option(BRIEF, xai, rules=[])
    xai.provider = "grokimagine"
    unknown = type(found)(
        connection=xai,
        can=found.can,
        brief=BRIEF,
        reasons={},
        quote=type(found.quote)(0, "unknown", ""),
        forecast=type(found.forecast)(0, 0, 0, "unknown", 0, ""),
        usual_seconds=1.0,
    )
    assert (price_text(unknown), how_sure(unknown)) == ("price not known", "not known until it is charged")
    assert shortage_of(Account(), unknown) is None


def test_an_admins_rule_goes_before_what_past_orders_cost(rough, funded, tide):
    charged(rough, *[1.5] * 9)
    PriceRule.objects.create(provider="comet", per_second=5 * C, source="our contract", certainty="exact")

    assert price_text(chosen(rough)) == "40 credits"
    assert how_sure(chosen(rough)) == "exact"
    job = order(author=funded, project=tide, what=Order(connection=rough, brief=BRIEF), order_key=uuid4())
    assert (job.estimate, job.estimate_basis) == (40 * C, "8 s × 5 (our contract)")


def test_a_rate_or_a_price_that_changes_while_a_job_runs_does_not_change_the_job(ordered, connection, funded):
    job = ordered()
    before = Attempt.objects.values("estimate", "estimate_basis", "quoted", "price").get()

    PriceRule.objects.create(provider="xai", fixed=900 * C, source="dearer")
    charged(connection, *[3.0] * 9, brief=BRIEF)
    from_now = UsageRate.objects.create(provider="xai", unit="cost_in_usd_ticks", millicredits=1, per_units=100, source="dearer")
    assert Decimal(from_now.millicredits) == 1
    job.refresh_from_db()

    assert Attempt.objects.values("estimate", "estimate_basis", "quoted", "price").get() == before
    assert Hold.objects.get().amount == before["estimate"] == job.estimate


def test_what_a_job_was_charged_becomes_a_sample_at_the_price_it_was_quoted(ordered):
    job = work_through(ordered())

    attempt = Attempt.objects.get(job=job)
    [sample] = track.read([job.connection_id]).samples[job.connection_id, attempt.kind]
    assert sample.price == attempt.price
    assert sample.ratio == pytest.approx(sure(attempt.charged) / attempt.quoted)


@pytest.fixture
def entry(alice: User, tide: Project) -> Pass:
    return Pass(alice, tide, "maker")


def test_what_is_left_after_an_order_stands_beside_the_button(entry, funded, xai):
    composer = compose(entry, Wanted(connection=xai.pk))
    assert (composer.left, composer.short) == (944 * C, None)
    page = signed_in(funded).get("/p/TIDE/options/", {"connection": str(xai.pk), "duration": "8", "resolution": "720p", "aspect_ratio": "16:9"})
    assert "944 left after this" in page.content.decode()


def test_who_is_short_reads_have_need_missing_and_asks_for_a_sensible_amount(entry, alice, xai):
    ledger.grant(alice, 6 * C, key="k", reason="r", actor=None)

    composer = compose(entry, Wanted(connection=xai.pk))

    assert (composer.left, composer.asked) == (None, None)
    assert composer.short == Shortage(56 * C, 6 * C, 50 * C)
    assert str(composer.short) == "You have 6 credits; this needs 56. 50 are missing."
    assert (sure(composer.short).to_ask, composer.asks_for) == ("50", "A clip in Tidewater for 56 credits")


def test_a_refused_order_keeps_the_brief_and_offers_to_ask(as_alice, tide, xai):
    page = as_alice.post(reverse("order", args=["TIDE"]), form(xai, prompt="A gull over sand"), headers=HTMX)

    assert page.status_code == 422
    text = page.content.decode()
    assert "A gull over sand" in text
    assert "Ask for 100" in text


def test_an_open_request_stands_where_the_button_was(entry, alice, xai):
    made = requests.ask(alice, 100 * C, reason="r")
    assert compose(entry, Wanted(connection=xai.pk)).asked == made


def test_an_answer_reaches_an_open_board_with_its_polls_until_the_page_has_shown_it(as_alice, alice, dave, tide, xai):
    page = as_alice.get("/p/TIDE/")
    tag = str(page.context["tag"])
    requests.decline(requests.ask(alice, 100 * C, reason="r"), note="Monday", by=dave)
    said = "Dave declined your request for 100 credits. Monday"

    first = as_alice.get("/p/TIDE/pulse/", headers={**HTMX, "HX-PTag": tag})

    assert said in first.headers["HX-Trigger"]
    assert "credits" in first.headers["HX-Trigger"]
    again = as_alice.get("/p/TIDE/pulse/", headers={**HTMX, "HX-PTag": tag})
    assert said in again.headers["HX-Trigger"]  # the first response may have been lost
    assert requests.mark_told(alice, [CreditRequest.objects.get().pk]) == 1
    assert "HX-Trigger" not in as_alice.get("/p/TIDE/pulse/", headers={**HTMX, "HX-PTag": tag}).headers


def test_tracks_that_hold_older_samples_are_still_read(xai):
    tracks = Tracks({(xai.pk, track.kind_of(BRIEF)): [Sample(0.0, DONE, 20.0, 1.5)] * 9})
    assert option(BRIEF, xai, tracks=tracks).millicredits == 56 * C
