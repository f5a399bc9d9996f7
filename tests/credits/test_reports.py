"""The overview, the whole ledger, the spend report and statements: who sees them, what they say, what they cost, and their files."""

import csv
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import entries, ledger, monthly, reports
from studio.credits.models import Account, Entry, Spending
from studio.credits.periods import today
from studio.projects.models import Membership, Project
from tests.conftest import person, signed_in
from tests.credits.test_pages import words

C = 1_000
OVERVIEW, LEDGER, SPEND, STATEMENTS = "/credits/overview/", "/credits/ledger/", "/credits/spend/", "/credits/statements/"
MANAGERS = [OVERVIEW, LEDGER, SPEND, "/credits/people/", "/credits/people/move/"]


@pytest.fixture
def season(alice: User, bob: User, tide: Project) -> Project:
    """Alice and Bob were granted 1,000 each and spent on Tidewater and on nothing in particular."""
    for user in (alice, bob):
        ledger.grant(user, 1_000 * C, key=f"start {user}", reason="Start of the season", actor=bob)
    charge(alice, 40 * C, "1", tide, "xai")
    charge(alice, 60 * C, "2", tide, "comet")
    charge(bob, 5 * C, "3", None, "xai")
    ledger.hold(bob, 30 * C, reference="back", project=tide)
    ledger.release("back")
    ledger.hold(alice, 20 * C, reference="open", project=tide)
    return tide


def charge(user: User, amount: int, number: str, project: Project | None, provider: str) -> None:
    ledger.hold(user, amount, reference=number, reason=f"TIDE-00{number}", project=project, provider=provider)
    ledger.settle(number, amount)


def month_path(kind: str, *more: str) -> str:
    return f"{STATEMENTS}{today():%Y/%-m}/{'/'.join([kind, *more])}/"


def lines(answer) -> list[list[str]]:
    """The rows of a CSV answer; it must be what spreadsheets open."""
    content = b"".join(answer.streaming_content)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(content.decode("utf-8-sig").splitlines()))


def cost(browser, address: str) -> int:
    browser.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("address", MANAGERS)
def test_people_who_do_not_manage_credits_are_refused(alice, address):
    assert signed_in(alice).get(address).status_code == 403


# The overview


def test_the_overview_tells_what_there_is_what_was_spent_and_what_came_back(dave, season):
    page = signed_in(dave).get(OVERVIEW)

    text = words(page)
    for said in ("In the pool 1,895", "Spent this month 105 $1.05", "Held now 20 by 1 clip", "Returned this month 30 1 clip that cost nothing"):
        assert said in text
    assert "Tidewater TIDE 100 2 charges" in text
    assert "Alice 100 2 charges Bob 5 1 charge" in text
    assert [provider for provider, _ in page.context["chart"].legend] == ["comet", "xai"]


def test_the_overview_in_dollars(dave, season):
    assert "CometAPI $0.60" in words(signed_in(dave).get(OVERVIEW, {"unit": "usd"}))


def test_an_empty_installation_has_an_overview(dave):
    text = words(signed_in(dave).get(OVERVIEW))

    assert "Nothing was spent in these days." in text
    assert "Nothing in these days." in text


def test_this_month_is_compared_with_the_same_days_of_the_month_before(dave, season):
    Spending.objects.filter(account__user__name="Bob", charged__gt=0).update(day=today().replace(day=1) - timedelta(days=1), charged=50 * C)
    earlier = (today().replace(day=1) - timedelta(days=1)).replace(day=1)
    Spending.objects.filter(account__user__name="Bob", charged__gt=0).update(day=earlier)

    assert "100 % more than by" in words(signed_in(dave).get(OVERVIEW)).replace("\u202f", " ").replace("&#8239;", " ")


def test_only_ten_are_ranked_and_the_others_are_one_line(dave):
    for number in range(reports.TOP + 2):
        user = person(f"p{number:02d}@example.org")
        ledger.grant(user, 100 * C, key=f"g{number}", reason="Start", actor=None)
        charge(user, (number + 1) * C, f"c{number}", None, "xai")

    people = signed_in(dave).get(OVERVIEW).context["people"]

    assert len(people) == reports.TOP + 1
    assert (people[-1].subject, people[-1].charged) == (None, 3 * C)


# The ledger


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 5),
        ({"kind": "grant"}, 2),
        ({"who": "ALI"}, 3),
        ({"who": "bob@example.org", "kind": "charge"}, 1),
        ({"project": "TIDE"}, 2),
        ({"project": "-"}, 3),
        ({"provider": "comet"}, 1),
        ({"least": "50"}, 3),
        ({"least": "40", "most": "60"}, 2),
        ({"reason": "season"}, 2),
        ({"first": "2020-01-01", "last": "2020-12-31"}, 0),
        ({"reason": "x", "kind": "lapse"}, 0),
    ],
)
def test_the_ledger_is_filtered_and_its_file_holds_the_same(dave, season, query, found):
    browser = signed_in(dave)

    page, sheet = browser.get(LEDGER, query), browser.get(LEDGER, query | {"as": "csv"})

    assert len(page.context["lines"]) == found
    header, *rows = lines(sheet)
    assert header == entries.COLUMNS
    assert [row[0] for row in rows] == [str(entry.pk) for entry, _ in page.context["lines"]]
    if not found:
        assert "No entry is like that." in words(page)


def test_the_ledger_is_filtered_by_millions_too(alice, dave):
    ledger.grant(alice, 5_000_000 * C, key="g", reason="Much", actor=dave)
    browser = signed_in(dave)

    found = [len(browser.get(LEDGER, query).context["lines"]) for query in ({"least": "4000000"}, {"most": "4000000"}, {"most": "5000000"})]

    assert found == [1, 0, 1]


def test_the_file_of_the_ledger_says_whose_what_and_how_much(dave, season):
    [row] = lines(signed_in(dave).get(LEDGER, {"provider": "comet", "as": "csv"}))[1:]

    assert row[3:] == ["Alice", "alice@example.org", "Spent", "TIDE-002", "TIDE", "comet", "Studio", "-60", "0"]


def test_a_reason_that_looks_like_a_formula_stays_text_in_the_file(alice, dave):
    ledger.grant(alice, C, key="g", reason='=HYPERLINK("http://evil.example")', actor=dave)

    [row] = lines(signed_in(dave).get(LEDGER, {"as": "csv"}))[1:]

    assert row[6].startswith("'=")


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ({"least": "38,5"}, "least", "A comma separates thousands"),
        ({"most": "ten"}, "most", "Use digits only"),
        ({"least": "0.0001"}, "least", "at most 3 decimals"),
        ({"least": "5", "most": "4"}, "most", "less than the least"),
        ({"first": "2026-11-02", "last": "2026-11-01"}, "last", "before the first day"),
        ({"first": "yesterday"}, "first", "Enter a day"),
        ({"kind": "gift"}, "kind", "not one of the available choices"),
    ],
)
def test_a_bad_filter_is_explained_beside_its_field_and_what_was_typed_stays(dave, season, query, field, sentence):
    page = signed_in(dave).get(LEDGER, query)

    assert any(sentence in error for error in page.context["form"].errors[field])
    assert sentence in words(page)
    assert page.context["form"][field].value() == query[field]


def test_a_single_persons_entries_tell_the_balance_after_each(alice, dave, season):
    browser = signed_in(dave)

    alone = browser.get(LEDGER, {"person": alice.pk}).context["lines"]
    narrowed = browser.get(LEDGER, {"person": alice.pk, "kind": "charge"}).context["lines"]

    assert [balance // C for _, balance in alone] == [900, 960, 1_000]
    assert [balance for _, balance in narrowed] == [None, None]


def test_the_ledger_is_read_page_by_page_without_gaps(alice, dave):
    number = entries.LINES * 2 + 3
    for place in range(number):
        ledger.grant(alice, C, key=f"g{place}", reason=f"{place}", actor=None)
    browser, seen, address = signed_in(dave), [], f"{LEDGER}?kind=grant"

    while address:
        page = browser.get(address)
        seen += [entry.reason for entry, _ in page.context["lines"]]
        address = f"{LEDGER}?kind=grant&before={page.context['older']}" if page.context["older"] else ""

    assert seen == [str(place) for place in reversed(range(number))]
    assert "Nothing older." in words(browser.get(f"{LEDGER}?before=1"))


# Spending in every direction


def test_the_spend_report_names_person_project_and_provider(dave, season):
    browser = signed_in(dave)

    text = words(browser.get(SPEND))
    rows = lines(browser.get(SPEND, {"as": "csv"}))

    assert "Together 3 105" in text
    assert rows[1:] == [
        ["Alice", "alice@example.org", "TIDE", "comet", "1", "60", "0.60"],
        ["Alice", "alice@example.org", "TIDE", "xai", "1", "40", "0.40"],
        ["Bob", "bob@example.org", "", "xai", "1", "5", "0.05"],
    ]


@pytest.mark.parametrize(("query", "rows"), [({"who": "bob"}, 1), ({"project": "TIDE"}, 2), ({"provider": "xai"}, 2), ({"period": "last-month"}, 0)])
def test_the_spend_report_is_narrowed(dave, season, query, rows):
    page = signed_in(dave).get(SPEND, query)

    assert len(page.context["page"].rows) == rows


def test_a_long_spend_report_says_how_much_its_file_holds_more(alice, dave, tide):
    account = ledger.account_of(alice)
    Spending.objects.bulk_create(
        Spending(day=today(), account=account, provider=f"p{number}", charged=number + 1) for number in range(reports.ROWS + 3)
    )
    browser = signed_in(dave)

    assert "and 3 smaller rows" in words(browser.get(SPEND))
    assert len(lines(browser.get(SPEND, {"as": "csv"}))) == reports.ROWS + 4


# Statements


def test_a_person_reads_their_own_statement_and_nobody_elses(alice, bob, season):
    browser = signed_in(alice)

    page = browser.get(month_path("people", str(alice.pk)))

    text = words(page)
    assert "Opening balance" in text
    assert "Start of the season" in text
    assert "TIDE Tidewater" in text
    assert page.context["statement"].closing == 900 * C
    assert browser.get(month_path("people", str(bob.pk))).status_code == 403
    assert browser.get(month_path("team")).status_code == 403


def test_owners_read_what_their_project_cost_and_no_balance(bob, alice, carol, mallory, dave, season):
    page = signed_in(bob).get(month_path("projects", "TIDE"))

    text = words(page)
    assert "Statement of spending" in text
    assert "Alice" in text
    assert page.context["statement"].closing == 100 * C
    assert "900" not in text
    assert "Start of the season" not in text
    assert signed_in(dave).get(month_path("projects", "TIDE")).status_code == 200
    assert [signed_in(user).get(month_path("projects", "TIDE")).status_code for user in (alice, carol, mallory)] == [403, 403, 404]


def test_the_teams_statement_tells_grants_by_who_made_them(dave, season):
    page = signed_in(dave).get(month_path("team"))

    assert "by Bob 2 2,000" in words(page)
    assert page.context["statement"].closing == 1_895 * C


def test_a_statement_is_a_file_too(alice, season):
    rows = lines(signed_in(alice).get(month_path("people", str(alice.pk)), {"as": "csv"}))

    assert rows[0] == monthly.COLUMNS
    assert rows[1][0::6] == ["Opening", "0"]
    assert rows[-1][0::6] == ["Closing", "900"]
    assert sum(float(row[-1]) for row in rows[1:-1]) == float(rows[-1][-1])
    assert {len(row) for row in rows} == {len(monthly.COLUMNS)}


@pytest.mark.parametrize("path", ["2026/13", "1999/1", "2026/0", "9999/1"])
def test_there_is_no_statement_of_a_month_that_is_none(dave, path):
    assert signed_in(dave).get(f"{STATEMENTS}{path}/team/").status_code == 404


def test_there_is_no_statement_of_a_month_to_come(dave):
    after = today().replace(day=1) + timedelta(days=40)

    assert signed_in(dave).get(f"{STATEMENTS}{after:%Y/%-m}/team/").status_code == 404


def test_everybody_is_led_to_the_statements_that_they_may_read(alice, bob, dave, season):
    Entry.objects.filter(reference="start Alice").update(at=timezone.now() - timedelta(days=70))
    own, owner, manager = (signed_in(user).get(STATEMENTS) for user in (alice, bob, dave))

    assert "Tidewater" not in str(own.context["projects"])
    assert [project.code for project in owner.context["projects"]] == ["TIDE"]
    assert [row.name for row in manager.context["people"]] == ["Alice", "Bob", "Carol", "Dave"]
    assert len(manager.context["months"]) >= 3
    assert "Nobody’s name" in words(signed_in(dave).get(STATEMENTS, {"q": "zzz", "month": "nonsense"}))


def test_an_owner_of_two_projects_sees_each_once(bob, season):
    second = Project.objects.create(code="KOI", name="Koi")
    Membership.objects.create(project=second, user=bob, role="owner")

    assert [project.code for project in signed_in(bob).get(STATEMENTS).context["projects"]] == ["KOI", "TIDE"]


# What they cost


def test_every_page_costs_the_same_queries_with_few_entries_and_with_many(dave, alice, tide):
    ledger.grant(dave, C, key="dave", reason="Start", actor=dave)
    addresses = [OVERVIEW, LEDGER, f"{LEDGER}?person={alice.pk}", SPEND, STATEMENTS, "/credits/people/", month_path("team")]
    addresses += [month_path("people", str(alice.pk)), month_path("projects", "TIDE")]
    browser = signed_in(dave)

    def fill(start: int, end: int) -> None:
        for number in range(start, end):
            user = alice if number % 3 else person(f"p{number}@example.org")
            ledger.grant(user, 10 * C, key=f"g{number}", reason="More", actor=dave)
            charge(user, C, f"c{number}", tide if number % 2 else None, ("xai", "comet")[number % 2])

    fill(0, 12)
    few = {address: cost(browser, address) for address in addresses}
    fill(12, 120)
    many = {address: cost(browser, address) for address in addresses}

    assert many == few
    assert Account.objects.count() > 30


@pytest.mark.parametrize("name", ["", "يوسف الحداد", "🎬 Kit", "x" * 120, "<b>bold</b>"])
def test_any_name_fits_every_page(dave, tide, name):
    user = person("somebody@example.org")
    User.objects.filter(pk=user.pk).update(name=name)
    ledger.grant(user, 10 * C, key="g", reason="More", actor=dave)
    charge(user, C, "c", tide, "xai")
    browser = signed_in(dave)

    for address in [OVERVIEW, LEDGER, SPEND, "/credits/people/", month_path("people", str(user.pk)), month_path("projects", "TIDE")]:
        page = browser.get(address)
        assert page.status_code == 200
        assert b"<b>bold</b>" not in page.content
    assert browser.get(reverse("statement_person", args=[today().year, today().month, user.pk]), {"as": "csv"}).status_code == 200
