"""A movement of many people's credits, carried out in parts: by the request, then by the worker; exactly once a person, whatever happens."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits import allowances, batch, carrying, ledger
from studio.credits.limit_actions import add_allowance
from studio.credits.models import Account, Entry
from studio.credits.movement import LeftOut, Movement
from studio.credits.periods import today
from tests.conftest import signed_in
from tests.credits.test_move import MOVE, form
from tests.credits.test_pages import words

C = 1_000


def crowd(number: int, name: str = "p") -> list[User]:
    """So many people without credits, by name."""
    made = User.objects.bulk_create((User(email=f"{name}{one:05d}@example.org") for one in range(number)), batch_size=500)
    return sorted(made, key=lambda user: user.email)


def begin(people: list[User], by: User, *, act: str = "grant", amount: int = 5 * C) -> Movement:
    """A movement that nobody has worked on yet."""
    seen = batch.plan(people, act, amount).seen
    movement, is_first = carrying.start(people, act, amount, key=uuid4(), seen=seen, reason="Reshoots", by=by)
    assert is_first
    return movement


def to_the_end(movement: Movement) -> Movement:
    """Carried out by tasks, each of one part."""
    while not carrying.carry_on(movement.pk, seconds=0):
        assert Movement.objects.filter(pk=movement.pk, is_running=True).exists()
    movement.refresh_from_db()
    return movement


def page_of(movement: Movement) -> str:
    return f"/credits/people/moved/{movement.key}/"


def test_two_thousand_people_whom_a_search_finds_are_granted_in_one_go(dave):
    crowd(2_000)
    browser = signed_in(dave)
    asked = browser.post(MOVE, {"which": "all", "q": "@example.org"})
    assert asked.context["number"] == 2_001  # and Dave himself
    sent = {name: asked.context["form"][name].value() for name in ("who", "key")} | {"act": "grant", "amount": "2.5", "reason": "Autumn"}

    preview = browser.post(MOVE, sent | {"step": "preview"})
    sent |= {"step": "do", "seen": preview.context["plan"].seen}
    first = browser.post(MOVE, sent, follow=True)
    again = browser.post(MOVE, sent, follow=True)
    while carrying.go_on():
        pass
    end = browser.get(first.redirect_chain[0][0])

    assert "2,000 people" in words(preview)  # nobody gives credits to themselves
    assert "Grant 5,000" in words(preview)
    assert first.redirect_chain == again.redirect_chain
    assert "counted once" in words(again)
    assert "5,000 granted 2,000 people" in words(end)
    assert "cannot give credits to themselves" in words(end)
    assert Account.objects.filter(balance=2_500).count() == Account.objects.count() == 2_000
    assert Entry.objects.aggregate(Count("pk"), Sum("amount")) == {"pk__count": 2_000, "amount__sum": 2_000 * 2_500}
    assert AuditEvent.objects.filter(action="credits.granted", actor=dave, reason="Autumn").count() == 2_000
    assert ledger.verify() == []


def test_a_request_ends_soon_and_says_how_far_it_is_and_the_worker_goes_on(dave, monkeypatch):
    monkeypatch.setattr(carrying, "AT_ONCE", 0)
    browser, people = signed_in(dave), crowd(500)
    sent = form(people, amount="5")

    page = browser.post(MOVE, sent | {"step": "do", "seen": browser.post(MOVE, sent).context["plan"].seen}, follow=True)

    assert "Moving the credits of 500 people" in words(page)
    assert "100 of 500 done" in words(page)
    assert 'aria-valuenow="100"' in page.content.decode()
    assert "Dave is moving the credits of 500 people: 100 are done." in words(browser.get("/credits/people/"))
    assert carrying.go_on() == 1
    assert carrying.go_on() == 0
    assert "2,500 granted 500 people" in words(browser.get(page.redirect_chain[0][0]))
    assert set(Account.objects.values_list("balance", flat=True)) == {5 * C}


def test_a_part_costs_the_same_number_of_queries_whoever_is_in_it(dave):
    few, many = begin(crowd(3), dave), None
    with CaptureQueriesContext(connection) as small:
        carrying.carry_on(few.pk, seconds=0)
    many = begin(crowd(100, "q"), dave)
    with CaptureQueriesContext(connection) as large:
        carrying.carry_on(many.pk, seconds=0)

    more = 12 if connection.features.max_query_params else 0  # SQLite takes a long list of rows in several statements
    assert len(large) <= len(small) + more


@pytest.mark.parametrize("table", ["credits_entry", "credits_account", "accounts_auditevent", "credits_leftout", "credits_movement"])
def test_a_process_that_dies_in_the_middle_is_followed_by_another_and_everybody_is_moved_once(dave, table):
    people = crowd(450)
    movement = begin(people, dave)
    User.objects.filter(pk=people[-1].pk).update(is_active=False)
    assert not carrying.carry_on(movement.pk, seconds=0)

    def die(execute, sql, params, many, context):
        if table in sql and not sql.startswith("SELECT") and (table != "credits_movement" or '"done"' in sql):
            raise DatabaseError("killed")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(die), pytest.raises(DatabaseError, match="killed"):
        to_the_end(movement)
    Movement.objects.filter(pk=movement.pk, is_running=True).update(leased_until=timezone.now() + carrying.LEASE)  # it never gave it back
    assert carrying.go_on() == 0
    Movement.objects.filter(pk=movement.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
    to_the_end(movement)

    assert (movement.done, movement.moved) == (450, 449)
    assert Entry.objects.values("account").distinct().count() == Entry.objects.count() == 449
    assert AuditEvent.objects.filter(action="credits.granted").count() == 449
    assert ledger.verify() == []


def test_who_left_was_granted_elsewhere_or_was_removed_meanwhile_is_left_out_and_named(dave, ada):
    gone, granted, removed, other = crowd(4)
    movement = begin([gone, granted, removed, other], dave)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    ledger.grant(granted, C, key="elsewhere", reason="By hand", actor=ada)
    removed.delete()

    to_the_end(movement)

    assert movement.moved == 1
    assert ledger.account_of(granted).balance == C
    page = words(signed_in(dave).get(page_of(movement)))
    assert f"{gone} is no longer active and cannot be given credits." in page
    assert f"{granted} was granted or taken credits by somebody else meanwhile." in page
    assert "Somebody was removed meanwhile." in page
    assert "5 granted 1 person" in page


def test_an_allowance_that_comes_meanwhile_stops_nobodys_grant(dave, alice):
    seen = batch.plan([alice], "grant", 5 * C).seen
    allowance = add_allowance(person=alice, role="", amount=20 * C, period="month", keeps=0, starts_on=today(), by=None)
    assert allowances.give(allowance, alice, today())

    movement, _ = carrying.start([alice], "grant", 5 * C, key=uuid4(), seen=seen, reason="Reshoots", by=dave)
    to_the_end(movement)

    assert ledger.account_of(alice).balance == 25 * C


def test_what_was_ordered_meanwhile_is_never_taken(dave, alice, bob):
    for user in (alice, bob):
        ledger.grant(user, 10 * C, key=str(user.pk), reason="Start", actor=None)
    movement = begin([alice, bob], dave, act="take", amount=10 * C)
    ledger.hold(bob, 4 * C, reference="clip")

    to_the_end(movement)

    assert [ledger.account_of(user).balance for user in (alice, bob)] == [0, 10 * C]
    assert "6 credits that can be taken" in LeftOut.objects.get(user=bob).why
    assert ledger.verify() == []


def test_a_set_balance_is_what_was_said_whatever_was_spent_meanwhile(dave, alice, bob):
    ledger.grant(alice, 10 * C, key="a", reason="Start", actor=None)
    movement = begin([alice, bob], dave, act="set", amount=25 * C)
    ledger.hold(alice, 4 * C, reference="clip")
    ledger.settle("clip", 4 * C)

    to_the_end(movement)

    assert [ledger.account_of(user).shown for user in (alice, bob)] == [25 * C, 25 * C]
    assert movement.changed == 44 * C


def test_somebody_who_owes_repays_first(dave, alice):
    ledger.hold(alice, 0, reference="clip")
    ledger.settle("clip", 3 * C)

    to_the_end(begin([alice], dave))

    account = ledger.account_of(alice)
    assert (account.balance, account.owed) == (2 * C, 0)
    assert ledger.verify() == []


def test_while_one_movement_is_under_way_another_waits_and_nothing_typed_is_lost(dave, ada):
    movement = begin(crowd(3), dave)
    browser, others = signed_in(ada), crowd(2, "q")
    sent = form(others, reason="Winter")
    seen = browser.post(MOVE, sent).context["plan"].seen

    page = browser.post(MOVE, sent | {"step": "do", "seen": seen})

    assert page.status_code == 409
    assert "Dave is moving the credits of 3 people at this moment, 0 of them done. Nothing of yours has moved." in words(page)
    assert "Winter" in words(page)
    to_the_end(movement)
    assert browser.post(MOVE, sent | {"step": "do", "seen": seen}, follow=True).status_code == 200
    assert Account.objects.filter(user__in=others, balance=500 * C).count() == 2


def test_a_movement_that_ends_at_once_leaves_nothing_for_the_worker(dave):
    movement = begin([dave], dave, act="set", amount=0)

    assert not movement.is_running
    assert not carrying.waiting()
    assert "Nothing was moved" in words(signed_in(dave).get(page_of(movement)))
    assert "Dave has exactly this already." in words(signed_in(dave).get(page_of(movement)))


def test_a_stopped_movement_leaves_the_rest_out_and_is_recorded(dave, ada):
    movement = begin(crowd(300), dave)
    carrying.carry_on(movement.pk, seconds=0)

    page = signed_in(ada).post(f"{page_of(movement)}stop/", follow=True)
    assert not signed_in(ada).post(f"{page_of(movement)}stop/", follow=True).context["movement"].is_running

    assert "Ada stopped it after 100 of 300 people." in words(page)
    assert "was not reached before it was stopped" in words(page)
    assert carrying.go_on() == 0
    assert Account.objects.filter(balance=5 * C).count() == 100
    assert AuditEvent.objects.filter(action="credits.stopped", actor=ada).count() == 1
    assert AuditEvent.objects.filter(action="credits.granted").count() == 100


def test_the_result_as_a_file_has_everybody_and_no_formula(dave, alice, bob):
    User.objects.filter(pk=alice.pk).update(name="=HYPERLINK(1)")
    alice.refresh_from_db()
    movement = begin([alice, bob], dave)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    to_the_end(movement)

    text = b"".join(signed_in(dave).get(f"{page_of(movement)}?as=csv")).decode("utf-8-sig")

    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["'=HYPERLINK(1)", "alice@example.org", "5", ""],
        ["Bob", "bob@example.org", "0", "is no longer active and cannot be given credits"],
    ]


def test_only_credit_managers_see_or_stop_a_movement(dave, alice):
    movement = begin(crowd(2), dave)

    assert signed_in(alice).get(page_of(movement)).status_code == 403
    assert signed_in(alice).post(f"{page_of(movement)}stop/").status_code == 403
    assert Movement.objects.get().is_running
