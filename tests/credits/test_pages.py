"""The pages about credits, and granting."""

import re
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger, statement
from studio.credits import people as listed
from studio.credits.models import Account, Entry
from tests.conftest import person, signed_in

C = 1_000
PEOPLE = "/credits/people/"


def grant_address(user: User) -> str:
    return reverse("credits_grant", args=[user.pk])


def form(amount: str = "500", reason: str = "Reshoots", key: UUID | str | None = None) -> dict[str, str]:
    return {"amount": amount, "reason": reason, "key": str(key or uuid4())}


def shown(user: User) -> int:
    return ledger.account_of(user).shown // C


def words(response) -> str:
    """The text of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def history(user: User) -> None:
    ledger.grant(user, 100 * C, key=f"start {user.pk}", reason="A start", actor=None)
    for number, amount, charge in ((1, 40, 30), (2, 20, 20)):
        ledger.hold(user, amount * C, reference=f"{user.pk}-{number}", reason=f"TIDE-00{number}")
        ledger.settle(f"{user.pk}-{number}", charge * C)
    ledger.hold(user, 15 * C, reference=f"{user.pk}-3", reason="TIDE-003")


# One's own page


def test_alice_sees_her_balance_what_is_held_and_every_entry(alice):
    history(alice)

    page = signed_in(alice).get("/credits/")

    assert page.status_code == 200
    text = words(page)
    assert "Balance 50" in text
    assert "Can be spent 35" in text
    assert "Held now 15 by 1 clip in progress or in doubt" in text
    assert "Spent this month 50" in text
    assert "TIDE-003" in text
    rows = [(line.entry.reason, line.entry.change // C, line.balance // C) for line in page.context["lines"]]
    assert rows == [("TIDE-002", -20, 50), ("TIDE-001", -30, 70), ("A start", 100, 100)]
    assert "+100" in text
    assert "−30" in text


def test_somebody_who_never_had_credits_sees_an_explanation_and_gets_no_account(alice):
    page = signed_in(alice).get("/credits/")

    assert "Nothing has moved yet." in words(page)
    assert not Account.objects.exists()


def test_what_is_owed_is_said_and_how_it_ends(alice):
    ledger.grant(alice, 10 * C, key="start", reason="A start", actor=None)
    ledger.hold(alice, 10 * C, reference="dear", reason="TIDE-001")
    ledger.settle("dear", 25 * C)

    text = words(signed_in(alice).get("/credits/"))

    assert "15 credits are owed" in text
    assert "Balance −15" in text
    assert "15 of it owed" in text


def test_repayments_are_told(alice):
    ledger.grant(alice, 100 * C, key="start", reason="A start", actor=None)
    for reference in ("dear", "other"):
        ledger.hold(alice, 50 * C, reference=reference)
    ledger.settle("dear", 65 * C)
    ledger.release("other")
    ledger.hold(alice, 0, reference="unknown", reason="TIDE-009")

    text = words(signed_in(alice).get("/credits/"))

    assert "Credits that came back repaid what was owed" in text
    assert "TIDE-009" in text
    assert "price not known" in text


def test_a_long_ledger_is_read_page_by_page_without_gaps(alice):
    last = 2 * statement.LINES + 3
    for number in range(1, last + 1):
        ledger.grant(alice, number * C, key=f"g{number}", reason=f"Grant {number}", actor=None)
    browser, seen, address = signed_in(alice), [], "/credits/"

    while address:
        page = browser.get(address)
        seen += [(line.entry.reason, line.balance // C) for line in page.context["lines"]]
        address = f"/credits/?before={page.context['older']}" if page.context["older"] else ""

    assert seen == [(f"Grant {number}", number * (number + 1) // 2) for number in range(last, 0, -1)]
    assert "Newest" in words(page)
    assert "Nothing older." in words(browser.get("/credits/?before=1"))


@pytest.mark.parametrize("before", ["", "x", "-1", "٣", "9" * 30, "1e3"])
def test_an_edited_address_shows_the_beginning(alice, before):
    history(alice)

    assert len(signed_in(alice).get("/credits/", {"before": before}).context["lines"]) == 3


def test_nobody_sees_another_persons_ledger(alice, mallory):
    history(alice)

    text = words(signed_in(mallory).get("/credits/"))

    assert "TIDE" not in text
    assert "A start" not in text


def test_only_managers_are_led_to_everybodys_credits(alice, dave):
    assert PEOPLE not in signed_in(alice).get("/credits/").content.decode()
    assert PEOPLE in signed_in(dave).get("/credits/").content.decode()


def queries(browser, address: str) -> int:
    browser.get(address)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert browser.get(address).status_code == 200
    return len(captured)


def test_the_ledger_costs_the_same_queries_at_any_length(alice, dave):
    browser = signed_in(alice)

    def fill(start: int, end: int) -> None:
        for number in range(start, end):
            ledger.grant(alice, C, key=f"g{number}", reason="More", actor=dave)

    fill(0, 10)
    few = queries(browser, "/credits/")
    fill(10, 200)
    assert queries(browser, "/credits/") == few
    assert len(browser.get("/credits/").context["lines"]) == statement.LINES


# Everybody's page


@pytest.mark.parametrize("who", ["alice", "carol", "mallory"])
def test_people_who_do_not_manage_credits_see_nobodys(request, alice, who):
    browser = signed_in(request.getfixturevalue(who))

    assert browser.get(PEOPLE).status_code == 403
    assert browser.get(grant_address(alice)).status_code == 403
    assert browser.post(grant_address(alice), form()).status_code == 403
    assert not Entry.objects.exists()


def test_a_manager_who_was_switched_off_is_out(dave):
    browser = signed_in(dave)
    User.objects.filter(pk=dave.pk).update(is_active=False)

    assert browser.get(PEOPLE).status_code in {302, 403}


@pytest.mark.parametrize("who", ["dave", "ada"])
def test_managers_and_admins_see_everybodys_balance_held_and_spent(request, alice, bob, who):
    history(alice)

    page = signed_in(request.getfixturevalue(who)).get(PEOPLE)

    people = {row.email: row for row in page.context["people"]}
    row = people["alice@example.org"]
    assert (row.balance // C, row.held // C, row.spent // C, row.owed) == (50, 15, 50, 0)
    assert (people["bob@example.org"].balance, people["bob@example.org"].spent) == (0, 0)
    assert "In all accounts 50" in words(page)


@pytest.mark.parametrize(
    ("search", "found"),
    [("ALI", ["alice"]), ("example.org", ["alice", "bob", "dave"]), ("bob@", ["bob"]), ("%", []), ("nobody", []), ("\x00bob ", ["bob"])],
)
def test_people_are_found_by_name_or_address(alice, bob, dave, search, found):
    page = signed_in(dave).get(PEOPLE, {"q": search})

    assert [row.email.split("@")[0] for row in page.context["people"]] == found
    if not found:
        assert "name or address contains" in words(page)


def test_everybody_is_on_exactly_one_page(dave):
    everybody = 2 * listed.PAGE + 3
    names = ["Zoe", "anna", "", "Anna"]
    User.objects.bulk_create(User(email=f"p{number}@example.org", name=names[number % 4]) for number in range(everybody - 1))
    browser, seen, address = signed_in(dave), [], f"{PEOPLE}?q=example"

    while address:
        page = browser.get(address)
        seen += [row.pk for row in page.context["people"]]
        address = f"{PEOPLE}?q=example&after={page.context['more']}" if page.context["more"] else ""

    assert sorted(seen) == sorted(User.objects.values_list("pk", flat=True))
    assert len(seen) == len(set(seen)) == everybody
    people = User.objects.in_bulk(seen)
    keys = [str(people[pk]).lower() for pk in seen]
    assert keys == sorted(keys)
    assert browser.get(PEOPLE, {"after": "999999999"}).context["people"][0].pk == seen[0]


def test_the_list_of_people_costs_the_same_queries_at_any_length(dave):
    browser = signed_in(dave)

    def fill(start: int, end: int) -> None:
        for number in range(start, end):
            user = User.objects.create(email=f"p{number}@example.org")
            Entry.objects.create(account=Account.objects.create(user=user, balance=C), kind="grant", reference=f"g{number}", amount=C, reason="Start")

    fill(0, 10)
    few = queries(browser, PEOPLE)
    fill(10, 200)
    assert queries(browser, PEOPLE) == few
    assert ledger.verify() == []


# Granting


def test_dave_grants_credits_with_a_reason_and_it_is_recorded(alice, dave):
    history(alice)
    browser = signed_in(dave)

    page = browser.post(grant_address(alice), form("1,000.5", "Reshoots, approved by Maya"), follow=True)

    assert page.redirect_chain == [(PEOPLE, 302)]
    assert "Granted 1,000.5 credits to Alice." in words(page)
    entry = Entry.objects.get(kind="grant", reason="Reshoots, approved by Maya")
    assert (entry.amount, entry.actor) == (1_000_500, dave)
    event = AuditEvent.objects.get(action="credits.granted")
    assert (event.actor, event.subject, event.reason) == (dave, "alice@example.org", "Reshoots, approved by Maya")
    assert (event.before, event.after) == ({"millicredits": 50_000}, {"millicredits": 1_050_500})
    assert ledger.verify() == []


def test_two_clicks_grant_once(alice, dave):
    browser, twice = signed_in(dave), form("500")

    first = browser.post(grant_address(alice), twice)
    second = browser.post(grant_address(alice), twice, follow=True)

    assert first.status_code == 302
    assert "counted once" in words(second)
    assert shown(alice) == 500
    assert AuditEvent.objects.filter(action="credits.granted").count() == 1


def test_a_form_that_granted_cannot_grant_another_amount(alice, dave):
    browser, key = signed_in(dave), uuid4()
    browser.post(grant_address(alice), form("500", key=key))

    page = browser.post(grant_address(alice), form("600", key=key))

    assert page.status_code == 422
    assert "This has already moved 500 credits. Open the form anew to move more." in words(page)
    assert shown(alice) == 500


@pytest.mark.parametrize(
    ("amount", "reason", "sentence"),
    [
        ("", "Why", "Enter a number of credits"),
        ("ten", "Why", "Use digits only"),
        ("38,5", "Why", "A comma separates thousands"),
        ("0.0001", "Why", "at most 3 decimals"),
        ("0", "Why", "Nothing would move"),
        ("99999999999", "Why", "At most 1,000,000,000 credits"),
        ("9" * 41, "Why", "too long for a number"),
        ("500", "", "Say why"),
        ("500", "   ", "Say why"),
        ("500", "x" * 301, "at most 300 characters"),
    ],
)
def test_a_bad_grant_is_explained_beside_its_field_and_what_was_typed_stays(alice, dave, amount, reason, sentence):
    sent = form(amount, reason)

    page = signed_in(dave).post(grant_address(alice), sent)

    assert page.status_code == 422
    field = "reason" if amount == "500" else "amount"
    assert any(sentence in error for error in page.context["form"].errors[field])
    assert sentence in words(page)
    assert page.context["form"].data["amount"] == amount
    html = page.content.decode()
    assert (f'value="{amount}"' in html) or not amount
    assert sent["key"] in html  # the same form, so that the next click counts with this one
    assert not Entry.objects.exists()


@pytest.mark.parametrize("key", ["", "not-a-uuid"])
def test_a_form_without_its_key_asks_to_be_sent_again_with_a_fresh_one(alice, dave, key):
    page = signed_in(dave).post(grant_address(alice), {"amount": "500", "reason": "Why", "key": key})

    assert page.status_code == 422
    assert "This form was damaged on its way. Send it again." in words(page)
    fresh = re.search(r'name="key" value="([0-9a-f-]{36})"', page.content.decode())
    assert fresh is not None
    assert signed_in(dave).post(grant_address(alice), form(key=fresh[1])).status_code == 302
    assert shown(alice) == 500


def test_a_minus_takes_back_what_is_free_and_no_more(alice, dave):
    history(alice)  # 50, of which 15 held
    browser = signed_in(dave)

    refused = browser.post(grant_address(alice), form("-36"))
    assert refused.status_code == 422
    assert "Alice has 35 credits that can be taken; the rest is held or not there." in words(refused)
    taken = browser.post(grant_address(alice), form("-35", "Too much"), follow=True)

    assert "Took 35 credits from Alice." in words(taken)
    assert shown(alice) == 15
    assert AuditEvent.objects.get().action == "credits.taken"
    assert Entry.objects.get(kind="adjust").amount == -35 * C
    assert ledger.verify() == []


def test_somebody_who_left_is_given_nothing_but_may_be_taken_from(alice, dave):
    history(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    browser = signed_in(dave)

    refused = browser.post(grant_address(alice), form("500"))
    assert refused.status_code == 422
    assert "Alice is no longer active and cannot be given credits." in words(refused)
    assert browser.post(grant_address(alice), form("-35")).status_code == 302

    assert shown(alice) == 15


def test_granting_to_nobody_is_not_found(dave):
    browser = signed_in(dave)

    assert browser.get("/credits/people/999999/grant/").status_code == 404
    assert browser.post("/credits/people/999999/grant/", form()).status_code == 404


def test_the_form_opens_in_the_page_or_alone(alice, dave):
    browser = signed_in(dave)

    whole = browser.get(grant_address(alice)).content.decode()
    fragment = browser.get(grant_address(alice), headers={"HX-Request": "true"}).content.decode()

    assert "<html" in whole
    assert "<html" not in fragment
    assert 'id="grant-form"' in whole
    assert 'id="grant-form"' in fragment
    assert whole.count('name="key"') == 1


def test_in_the_dialog_an_error_comes_back_as_the_form_and_success_leads_on(alice, dave):
    browser, htmx = signed_in(dave), {"HX-Request": "true"}

    wrong = browser.post(grant_address(alice), form("ten"), headers=htmx)
    right = browser.post(grant_address(alice), form("10"), headers=htmx)

    assert wrong.status_code == 422
    assert "<html" not in wrong.content.decode()
    assert right.headers["HX-Redirect"] == PEOPLE
    assert shown(alice) == 10


def test_names_are_written_not_run(dave):
    person("eve@example.org")
    User.objects.filter(email="eve@example.org").update(name="<script>alert(1)</script>")

    page = signed_in(dave).get(PEOPLE, {"q": "<script>"})

    assert b"<script>alert(1)" not in page.content
    assert b"&lt;script&gt;alert(1)" in page.content
