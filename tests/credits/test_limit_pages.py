"""The pages about limits: who sets them, what is refused, and what is shown."""

import html
import re

import pytest

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.limit_pages import OFFERED
from studio.credits.limits import cap_of
from studio.credits.models import Allowance, Budget, Cap, Waiver
from studio.credits.periods import today
from studio.jobs.models import Job
from tests.conftest import signed_in
from tests.jobs.rows import BRIEF

C = 1_000
PAGE = "/credits/limits/"


def words(page) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page.content.decode()))


def post(user, what: str, **fields: str):
    prefix = {"allowances/": "allowance", "budgets/": "budget", "caps/": "cap", "waivers/": "waiver"}[what]
    return signed_in(user).post(PAGE + what, {f"{prefix}-{name}": value for name, value in fields.items()}, follow=True)


def test_a_manager_adds_changes_and_switches_an_allowance(dave, alice):
    page = post(dave, "allowances/", role="member", amount="100", period="month", starts_on="2026-11-01")
    assert "Members: 100 credits a month." in words(page)
    row = Allowance.objects.get()
    assert (row.role, row.amount, row.keeps, row.is_on) == ("member", 100 * C, 0, True)

    browser = signed_in(dave)
    changed = {"amount": "50.5", "period": "week", "keeps": "10", "starts_on": "2026-11-01"}
    assert "next period" in words(browser.post(f"{PAGE}allowances/{row.pk}/", changed, follow=True))
    browser.post(f"{PAGE}allowances/{row.pk}/switch/", {"to": "off"})

    row.refresh_from_db()
    assert (row.amount, row.period, row.keeps, row.is_on) == (50_500, "week", 10 * C, False)
    assert "Switch on" in words(browser.get(PAGE))
    actions = ["allowance.added", "allowance.changed", "allowance.switched_off"]
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == actions


def test_a_second_allowance_for_the_same_is_explained(dave, alice):
    given = {"person": alice.email, "role": "", "amount": "5", "period": "day", "starts_on": "2026-11-01"}
    post(dave, "allowances/", **given)
    page = post(dave, "allowances/", **given)

    assert page.status_code == 422
    assert "alice@example.org has an allowance already." in words(page)


@pytest.mark.parametrize(
    ("what", "fields", "sentence"),
    [
        ("allowances/", {"role": "member", "amount": "0", "period": "month", "starts_on": "2026-11-01"}, "Enter more than 0."),
        ("allowances/", {"role": "", "amount": "5", "period": "month", "starts_on": "2026-11-01"}, "Choose a role, or name one person."),
        ("allowances/", {"person": "nobody@example.org", "amount": "5", "period": "day", "starts_on": "2026-11-01"}, "Nobody here has this address."),
        ("budgets/", {"project": "TIDE", "amount": "-1", "period": "month", "hard": "hard"}, "Enter 0 or more."),
        ("budgets/", {"project": "NONE", "amount": "1", "period": "month", "hard": "hard"}, "Select a valid choice"),
        ("caps/", {"person": "alice@example.org", "credits_a_day": "lots"}, "Use digits only"),
        ("waivers/", {"person": "alice@example.org", "lifts": "both", "reason": " "}, "Say why: it is recorded."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_written(dave, tide, what, fields, sentence):
    page = post(dave, what, **fields)

    assert page.status_code == 422
    assert sentence in words(page)
    assert not any(model.objects.exists() for model in (Allowance, Budget, Cap, Waiver, AuditEvent))


def test_a_budget_is_set_shown_to_the_projects_owner_and_cleared(dave, bob, alice, tide):
    post(dave, "budgets/", project="TIDE", amount="100", period="month", hard="hard")
    ledger.grant(alice, 50 * C, key="start", reason="Start", actor=None)
    ledger.hold(alice, 40 * C, reference="a", project=tide)

    assert "40 are held or spent, 60 are left." in words(signed_in(bob).get("/p/TIDE/settings/"))
    assert "held or spent" not in words(signed_in(alice).get("/p/TIDE/settings/"))
    assert "TIDE has no budget." in words(post(dave, "budgets/", project="TIDE", amount="", period="month", hard="hard"))
    assert "No budget is set" in words(signed_in(bob).get("/p/TIDE/settings/"))


def test_caps_of_a_person_are_set_and_they_set_lower_ones(dave, alice):
    post(dave, "caps/", person=alice.email, credits_a_day="20", jobs_at_once="3")
    browser = signed_in(alice)
    assert "lets you order 20 credits a day and 3 clips at once" in words(browser.get("/credits/caps/"))
    browser.post("/credits/caps/", {"credits_a_day": "5", "jobs_at_once": ""})

    assert (cap_of(alice).day, cap_of(alice).at_once) == (5 * C, 3)
    assert "At most 5 credits a day. At most 3 clips at once." in words(browser.get("/credits/"))
    assert browser.post("/credits/caps/", {"credits_a_day": "-5"}).status_code == 422


def test_a_waiver_is_given_and_withdrawn(dave, alice, tide):
    post(dave, "waivers/", person=alice.email, project="TIDE", lifts="budget", reason="The client pays")
    waiver = Waiver.objects.get()
    assert (waiver.given_by, waiver.project, waiver.reason) == (dave, tide, "The client pays")

    browser = signed_in(dave)
    assert "It is withdrawn." in words(browser.post(f"{PAGE}waivers/{waiver.pk}/withdraw/", follow=True))
    assert "used or withdrawn already" in words(browser.post(f"{PAGE}waivers/{waiver.pk}/withdraw/", follow=True))


def test_the_page_costs_the_same_queries_however_much_there_is(dave, alice, tide, django_assert_num_queries):
    post(dave, "budgets/", project="TIDE", amount="100", period="month", hard="hard")
    post(dave, "caps/", person=alice.email, credits_a_day="20")
    browser = signed_in(dave)
    browser.get(PAGE)
    with django_assert_num_queries(16):
        browser.get(PAGE)
    for number in range(10):
        Waiver.objects.create(user=alice, project=tide, reason=f"{number}", given_by=dave)
        Allowance.objects.create(role="member", amount=1, is_on=False)
    with django_assert_num_queries(16):
        browser.get(PAGE)


def test_an_order_over_the_budget_is_refused_before_anything_is_written_and_one_over_a_soft_one_goes_through(alice, tide, xai, dave):
    ledger.grant(alice, 1_000 * C, key="start", reason="Start", actor=None)
    browser = signed_in(alice)
    order = {**BRIEF, "connection": str(xai.pk)}
    order["order_key"] = "00000000-0000-4000-8000-000000000001"
    post(dave, "budgets/", project="TIDE", amount="10", period="all", hard="hard")

    refused = browser.post("/p/TIDE/jobs/", order)
    assert refused.status_code == 422
    assert "0 can be" not in words(refused)
    assert "10 are left of TIDE’s budget of 10 in all. A credit manager can raise it." in words(refused)
    assert not Job.objects.exists()

    post(dave, "budgets/", project="TIDE", amount="10", period="all", hard="soft")
    through = browser.post("/p/TIDE/jobs/", order, headers={"HX-Request": "true"})
    assert "budget of 10 credits in all is exceeded" in words(through)
    assert Job.objects.count() == 1


def test_a_date_field_begins_with_a_day_that_browsers_read(dave):
    page = signed_in(dave).get("/credits/limits/").content.decode()
    assert f'value="{today().isoformat()}"' in page


# Finding a person


def test_people_are_found_by_parts_of_names_and_addresses_and_only_by_managers(dave, alice, bob):
    browser = signed_in(dave)

    page = browser.get("/credits/people/find/?q=ALI")

    assert 'data-value="Alice &lt;alice@example.org&gt;"' in page.content.decode()
    assert "bob@example.org" not in words(page)
    assert "Nobody here has “<zz>”" in html.unescape(words(browser.get("/credits/people/find/?q=<zz>")))
    assert signed_in(alice).get("/credits/people/find/?q=bob").status_code == 403


def test_what_is_offered_is_short_and_costs_one_question_however_many_match(dave, django_assert_max_num_queries):
    User.objects.bulk_create(User(email=f"p{number}@example.org") for number in range(300))
    browser = signed_in(dave)
    with django_assert_max_num_queries(10):  # six of them count the first search of a person
        page = browser.get("/credits/people/find/?q=example.org")

    assert page.content.decode().count('role="option"') == OFFERED
    assert "More people match." in words(page)


@pytest.mark.parametrize("typed", ["Alice <alice@example.org>", "ALICE@example.org", " alice ", "Ali", "Anybody <Alice@Example.org>"])
def test_a_person_is_named_as_the_chooser_writes_them_by_address_or_by_a_name_of_their_own(dave, alice, bob, typed):
    post(dave, "caps/", person=typed, credits_a_day="20")

    assert Cap.objects.get().user == alice


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "This field is required."),
        ("Zoe", "Nobody here has this name."),
        ("Alice <zoe@example.org>", "Nobody here has this address."),
        ("example", "This may be alice@example.org, bob@example.org, dave@example.org. Write one of these addresses."),
        ("x" * 500, "at most 400 characters"),
    ],
)
def test_a_name_that_is_nobodys_or_several_peoples_is_explained_and_stays_in_the_field(dave, alice, bob, typed, sentence):
    page = post(dave, "caps/", person=typed, credits_a_day="20")

    assert page.status_code == 422
    assert sentence in words(page)
    assert f'value="{typed}"' in html.unescape(page.content.decode()) or not typed
    assert '<details class="adding" id="cap-new" open>' in page.content.decode()


def test_a_whole_name_wins_over_longer_ones_that_contain_it(dave, alice):
    User.objects.create(email="other@example.org", name="Alice Cooper")
    post(dave, "caps/", person="alice", credits_a_day="20")

    assert Cap.objects.get().user == alice


def test_what_is_set_can_be_changed_from_its_row(dave, alice, tide):
    post(dave, "caps/", person=alice.email, credits_a_day="20.5", jobs_at_once="3")
    post(dave, "budgets/", project="TIDE", amount="1000", period="all", hard="soft")
    browser = signed_in(dave)

    cap = browser.get(f"{PAGE}?cap={alice.pk}").context
    budget = browser.get(f"{PAGE}?budget=TIDE").context

    assert cap["open"] == ["cap"]
    values = [cap["cap_form"][name].value() for name in ("person", "credits_a_day", "jobs_at_once")]
    assert values == ["Alice <alice@example.org>", "20.5", 3]
    assert [budget["budget_form"][name].value() for name in ("project", "amount", "period", "hard")] == ["TIDE", "1,000", "all", "soft"]
    for nonsense in ("?cap=x", "?cap=999999", "?budget=NONE", "?budget=%00", "?cap=" + "9" * 40):
        assert browser.get(PAGE + nonsense).context["open"] == []


def test_the_page_says_what_was_ordered_today_beside_each_cap(dave, alice):
    post(dave, "caps/", person=alice.email, credits_a_day="20")
    ledger.grant(alice, 50 * C, key="start", reason="Start", actor=None)
    ledger.hold(alice, 15 * C, reference="a")

    [(cap, used, share)] = signed_in(dave).get(PAGE).context["caps"]

    assert (cap.user, used, share) == (alice, 15 * C, 0.75)
