"""What caps, budgets and allowances would say to an order stands in the composer before the click, in the words of the refusal."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.credits import allowances, ledger
from studio.credits.limit_actions import add_allowance, give_waiver, set_budget, set_cap, set_own_cap
from studio.credits.periods import today
from studio.jobs.models import Job
from studio.jobs.pricing import Shortage
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import BRIEF, form

C = 1_000
HTMX = {"HX-Request": "true"}


@pytest.fixture
def as_alice(funded: User, dave: User) -> Client:
    return signed_in(funded)


def words(response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode())))


def bar(browser: Client, xai: Connection, **fields: str):
    """The composer's bar for a brief of 56 credits."""
    return browser.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk), **fields})


def refusal(browser: Client, xai: Connection) -> str:
    """What an order gets, which must be a refusal."""
    page = browser.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    assert page.status_code == 422
    assert not Job.objects.filter(prompt=BRIEF["prompt"]).exists()
    return words(page)


def test_nothing_is_said_where_nothing_limits(as_alice, tide, xai):
    page = bar(as_alice, xai)

    assert page.context["composer"].limits.stop is None
    assert "limit-said" not in page.content.decode()
    assert "944 left after this" in words(page)


def test_a_daily_cap_is_told_before_the_click_with_until_when_and_who_can_help(as_alice, alice, tide, xai, ada):
    set_cap(alice, credits_a_day=50 * C, jobs_at_once=None, by=ada)
    tomorrow = today() + timedelta(days=1)
    sentence = f"This needs 56 credits; 50 are left of the 50 a day that are your cap. They are whole again on {tomorrow:%-d %B}."

    text = words(bar(as_alice, xai))

    assert f"{sentence} Ada and Dave can change that, or let one order through." in text
    assert "left after this" not in text
    assert sentence in refusal(as_alice, xai)
    assert "limit-said" not in bar(as_alice, xai, duration="5").content.decode()  # a shorter clip fits


def test_clips_at_once_are_told_before_the_click(as_alice, alice, tide, xai, dave):
    set_cap(alice, credits_a_day=None, jobs_at_once=1, by=dave)
    ledger.hold(alice, C, reference="another")
    sentence = "1 of your clips are in progress, and your cap is 1 at once. Order again when one has ended."

    assert sentence in words(bar(as_alice, xai))
    assert sentence in refusal(as_alice, xai)


def test_ones_own_cap_leads_to_where_one_can_change_it(as_alice, alice, tide, xai):
    set_own_cap(alice, credits_a_day=10 * C, jobs_at_once=None)

    page = bar(as_alice, xai)

    assert "a day that you set as your own cap" in words(page)
    assert 'href="/credits/caps/"' in page.content.decode()
    assert "can change that" not in words(page)


@pytest.mark.parametrize("period", ["month", "all"])
def test_a_hard_budget_is_told_before_the_click(as_alice, tide, xai, dave, period):
    set_budget(tide, amount=20 * C, period=period, hard=True, by=dave)
    then = f"It is whole again on {(today().replace(day=28) + timedelta(days=4)).replace(day=1):%-d %B}." if period == "month" else "can raise it."

    text = words(bar(as_alice, xai))

    assert "This needs 56 credits; 20 are left of TIDE’s budget of 20" in text
    assert then in text
    assert then in refusal(as_alice, xai)


def test_a_soft_budget_warns_and_lets_it_through(as_alice, tide, xai, dave):
    set_budget(tide, amount=20 * C, period="all", hard=False, by=dave)

    page = bar(as_alice, xai)

    assert "With this order TIDE’s budget of 20 credits in all is exceeded: 56 would be held or spent. It still goes through." in words(page)
    assert "limit-said" not in page.content.decode()
    assert as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX).status_code == 200


def test_leave_for_one_order_is_told_as_such_and_used_by_the_order(as_alice, alice, tide, xai, dave):
    set_cap(alice, credits_a_day=10 * C, jobs_at_once=None, by=dave)
    give_waiver(alice, project=None, lifts="cap", reason="Deadline", by=dave)

    text = words(bar(as_alice, xai))

    assert "You have leave for one order to pass it: this one would use it up." in text
    assert "944 left after this" in text
    assert as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX).status_code == 200
    assert "leave for one order" not in words(bar(as_alice, xai))


def test_a_manager_who_is_stopped_is_led_to_the_limits(tide: Project, xai: Connection, ada: User):
    ledger.grant(ada, 1_000 * C, key="ada", reason="Start", actor=None)
    set_cap(ada, credits_a_day=10 * C, jobs_at_once=None, by=ada)

    page = bar(signed_in(ada), xai)

    assert 'href="/credits/limits/"' in page.content.decode()


def test_who_has_used_up_an_allowance_reads_when_the_next_one_comes(alice, tide, xai):
    allowance = add_allowance(person=alice, role="", amount=20 * C, period="month", keeps=0, starts_on=today(), by=None)
    allowances.give(allowance, alice, today())
    first = (today().replace(day=28) + timedelta(days=4)).replace(day=1)

    text = words(bar(signed_in(alice), xai))

    assert f"36 are missing. Your next allowance, 20 credits, comes on {first:%-d %B}." in text


def test_who_owes_is_told_what_must_be_there_first_and_so_where_no_price_is_known(alice, tide, xai):
    ledger.hold(alice, 0, reference="clip")
    ledger.settle("clip", 3 * C)

    assert "59 are missing" in words(bar(signed_in(alice), xai))
    assert str(Shortage(0, 0, 3 * C)) == "You owe 3 credits. Nothing can be ordered until a grant repays them."


def test_the_bar_costs_the_same_queries_however_much_was_ordered_and_however_many_limits_there_are(
    as_alice, alice, tide, xai, dave, django_assert_max_num_queries
):
    def asked() -> int:
        with django_assert_max_num_queries(32) as queries:
            bar(as_alice, xai)
        return len(queries)

    set_cap(alice, credits_a_day=50 * C, jobs_at_once=1, by=dave)
    set_budget(tide, amount=C, period="month", hard=True, by=dave)
    few = asked()
    for number in range(8):
        other = Project.objects.create(code=f"P{number}", name="Other")
        set_budget(other, amount=C, period="all", hard=True, by=dave)
        give_waiver(alice, project=other, lifts="both", reason="Once", by=dave)
        User.objects.create(email=f"manager{number}@example.org", role="credit_manager")
        if number == 0:
            ledger.hold(alice, C, reference="now")

    assert asked() == few
