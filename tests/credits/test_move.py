"""Granting, taking and setting credits of many people at once: chosen, seen before, done once."""

from uuid import UUID, uuid4

import pytest

from studio.accounts.models import AuditEvent, User
from studio.credits import batch, carrying, ledger
from studio.credits.models import Account, Entry
from tests.conftest import person, signed_in
from tests.credits.test_pages import words

C = 1_000
MOVE = "/credits/people/move/"


@pytest.fixture
def team(alice: User, bob: User, carol: User) -> list[User]:
    """Alice has 100, Bob 50 of which 30 are held, Carol never had credits."""
    ledger.grant(alice, 100 * C, key="a", reason="Start", actor=None)
    ledger.grant(bob, 50 * C, key="b", reason="Start", actor=None)
    ledger.hold(bob, 30 * C, reference="held")
    return [alice, bob, carol]


def form(people: list[User], *, act: str = "grant", amount: str = "500", reason: str = "Reshoots", key: UUID | None = None, step: str = "preview"):
    who = ",".join(str(user.pk) for user in people)
    return {"who": who, "act": act, "amount": amount, "reason": reason, "key": str(key or uuid4()), "step": step}


def do(browser, sent: dict[str, str]):
    """Preview what is sent, then do exactly that."""
    seen = browser.post(MOVE, sent).context["plan"].seen
    return browser.post(MOVE, sent | {"step": "do", "seen": seen}, follow=True)


def balances(people: list[User]) -> list[int]:
    return [ledger.account_of(user).shown // C for user in people]


def test_the_ticked_are_asked_about_by_name(dave, team):
    page = signed_in(dave).post(MOVE, {"which": "chosen", "who": [str(user.pk) for user in team[:2]]})

    text = words(page)
    assert "Credits of 2 people" in text
    assert "Alice Bob" in text
    assert not Entry.objects.filter(actor=dave).exists()


def test_all_that_match_are_everybody_of_the_search_and_nobody_else(dave, team):
    page = signed_in(dave).post(MOVE, {"which": "all", "q": "example.org"})

    assert page.context["number"] == 4
    assert signed_in(dave).post(MOVE, {"which": "all", "q": "ali"}).context["number"] == 1


@pytest.mark.parametrize("sent", [{"which": "chosen"}, {"which": "all", "q": "nobody"}, {"who": ["x", "999999", "9" * 30]}, {"step": "back"}])
def test_nobody_chosen_leads_back_with_a_sentence(dave, team, sent):
    page = signed_in(dave).post(MOVE, sent, follow=True)

    assert page.redirect_chain == [("/credits/people/", 302)]
    assert "Choose at least one person first." in words(page)


def test_the_preview_tells_before_change_after_and_the_sum_and_moves_nothing(dave, team):
    page = signed_in(dave).post(MOVE, form(team))

    text = words(page)
    assert "This would move the credits of 3 people" in text
    assert "alice@example.org 100 +500 600" in text
    assert "carol@example.org 0 +500 500" in text
    assert "Together 150 +1,500 1,650" in text
    assert "Grant 1,500" in text
    assert balances(team) == [100, 50, 0]


@pytest.mark.parametrize(
    ("act", "amount", "after", "left_out"),
    [
        ("grant", "500", [600, 550, 500], []),
        ("take", "20", [80, 30, 0], ["Carol has 0 credits that can be taken"]),
        ("take", "21", [79, 50, 0], ["Bob has 20 credits that can be taken", "Carol has 0"]),
        ("set", "100", [100, 100, 100], ["Alice has exactly this already"]),
        ("set", "0", [0, 50, 0], ["Bob has 20 credits", "Carol has exactly this already"]),
    ],
)
def test_what_was_previewed_is_done_and_who_was_left_out_is_named(dave, team, act, amount, after, left_out):
    browser, sent = signed_in(dave), form(team, act=act, amount=amount)

    preview = words(browser.post(MOVE, sent))
    page = do(browser, sent)

    for sentence in left_out:
        assert sentence in preview
    assert balances(team) == after
    assert page.redirect_chain == [(f"/credits/people/moved/{sent['key']}/", 302)]
    assert ledger.verify() == []


def test_each_movement_is_recorded_with_its_reason(dave, team):
    do(signed_in(dave), form(team, reason="Reshoots, approved by Maya"))

    assert {entry.reason for entry in Entry.objects.filter(actor=dave)} == {"Reshoots, approved by Maya"}
    assert AuditEvent.objects.filter(action="credits.granted", actor=dave).count() == 3


def test_somebody_who_left_is_left_out_and_named(dave, team):
    User.objects.filter(pk=team[0].pk).update(is_active=False)
    browser, sent = signed_in(dave), form(team)

    assert "Alice is no longer active and cannot be given credits." in words(browser.post(MOVE, sent))
    do(browser, sent)

    assert balances(team) == [100, 550, 500]


def test_two_clicks_move_once_and_lead_to_the_same_page(dave, team):
    browser, sent = signed_in(dave), form(team)
    first = do(browser, sent)

    second = browser.post(MOVE, sent | {"step": "do", "seen": "old"}, follow=True)

    assert first.redirect_chain == second.redirect_chain
    assert "counted once" in words(second)
    assert balances(team) == [600, 550, 500]


def test_two_managers_who_do_the_same_at_once_do_it_once(dave, ada, team):
    his, hers = form(team), form(team)
    seen = [signed_in(user).post(MOVE, sent).context["plan"].seen for user, sent in ((dave, his), (ada, hers))]

    signed_in(dave).post(MOVE, his | {"step": "do", "seen": seen[0]})
    late = signed_in(ada).post(MOVE, hers | {"step": "do", "seen": seen[1]})

    assert late.status_code == 409
    assert "Nothing has moved; these are the figures now." in words(late)
    assert "alice@example.org 600 +500 1,100" in words(late)
    assert balances(team) == [600, 550, 500]


def test_a_charge_meanwhile_does_not_stop_a_grant(dave, team):
    browser, sent = signed_in(dave), form(team)
    seen = browser.post(MOVE, sent).context["plan"].seen
    ledger.settle("held", 30 * C)

    browser.post(MOVE, sent | {"step": "do", "seen": seen})

    assert balances(team) == [600, 520, 500]


def test_what_was_previewed_is_what_is_done_whatever_is_sent_afterwards(dave, team):
    browser, sent = signed_in(dave), form(team)
    seen = browser.post(MOVE, sent).context["plan"].seen

    for change in ({"amount": "5000"}, {"act": "take"}, {"who": str(team[0].pk)}):
        assert browser.post(MOVE, sent | change | {"step": "do", "seen": seen}).status_code == 409

    assert balances(team) == [100, 50, 0]


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"amount": ""}, "amount", "Enter a number of credits"),
        ({"amount": "ten"}, "amount", "Use digits only"),
        ({"amount": "38,5"}, "amount", "A comma separates thousands"),
        ({"amount": "0.0001"}, "amount", "at most 3 decimals"),
        ({"amount": "99999999999"}, "amount", "At most 1,000,000,000 credits"),
        ({"amount": "-5"}, "amount", "Enter 5 without a minus"),
        ({"amount": "0"}, "amount", "Nothing would move"),
        ({"reason": " "}, "reason", "Say why"),
        ({"reason": "x" * 301}, "reason", "at most 300 characters"),
        ({"act": "steal"}, "act", "not one of the available choices"),
    ],
)
def test_a_bad_form_is_explained_beside_its_field_and_what_was_typed_stays(dave, team, change, field, sentence):
    sent = form(team) | change

    page = signed_in(dave).post(MOVE, sent)

    assert page.status_code == 422
    assert any(sentence in error for error in page.context["form"].errors[field])
    assert sentence in words(page)
    assert page.context["form"]["amount"].value() == sent["amount"]
    assert sent["key"] in page.content.decode()
    assert page.context["number"] == 3


def test_changing_ones_mind_brings_the_form_back_as_it_was(dave, team):
    page = signed_in(dave).post(MOVE, form(team, act="set", amount="12.5", reason="Maya’s word", step="back"))

    assert page.status_code == 200
    html = page.content.decode()
    assert 'value="12.5"' in html
    assert "Maya’s word" in html


def test_a_form_whose_key_was_lost_gets_a_fresh_one(dave, team):
    page = signed_in(dave).post(MOVE, form(team) | {"key": "broken"})

    assert page.status_code == 422
    assert UUID(str(page.context["key"]))


def test_a_page_of_a_form_that_moved_nothing_says_so(dave):
    assert "moved nothing" in words(signed_in(dave).get(f"/credits/people/moved/{uuid4()}/"))


def test_many_are_shown_in_part_and_moved_in_whole(dave):
    people = [person(f"p{number:03d}@example.org") for number in range(203)]
    browser, sent = signed_in(dave), form(people, amount="1")

    preview = words(browser.post(MOVE, sent))
    page = do(browser, sent)

    assert "203 people" in preview
    assert "and 3 more people" in preview
    carrying.go_on()  # what the request left for the worker
    page = browser.get(page.redirect_chain[0][0])
    assert "203 granted 203 people" in words(page)
    assert "and 3 more people, all of them in the CSV" in words(page)
    assert Account.objects.filter(balance=C).count() == 203


def test_too_many_at_once_are_refused_by_name_of_the_limit(dave, team, monkeypatch):
    monkeypatch.setattr(batch, "MOST", 2)

    assert "At most 2 people at once" in words(signed_in(dave).post(MOVE, {"which": "all"}, follow=True))
