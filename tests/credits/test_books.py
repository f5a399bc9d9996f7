"""Verify finds every way in which the books can be wrong; the database refuses most of them before."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import allowances, ledger
from studio.credits.limit_actions import add_allowance, give_waiver, set_cap
from studio.credits.models import Account, Entry, Hold, Portion, Tally, Waiver
from studio.credits.periods import today
from tests.conftest import person

C = 1_000


@pytest.fixture
def books(alice, bob, tide, ada):
    """Alice with a settled, a released and an open hold, and something owed and repaid; Bob with a grant, a portion that lapsed, and a waiver used."""
    allowance = add_allowance(person=bob, role="", amount=5 * C, period="day", keeps=C, starts_on=today(), by=None)
    allowances.give(allowance, bob, today() - timedelta(days=1))
    allowances.close(Portion.objects.select_related("account__user").get())
    set_cap(bob, credits_a_day=0, jobs_at_once=None, by=None)
    give_waiver(bob, project=None, lifts="cap", reason="Once", by=ada)
    ledger.grant(bob, 1, key="a trifle", reason="Start", actor=None)
    ledger.hold(bob, 1, reference="waived")
    ledger.release("waived")
    ledger.adjust(bob, -(C + 1), key="even", reason="Even", actor=None)
    ledger.grant(alice, 100 * C, key="alice", reason="Start", actor=None)
    ledger.grant(bob, 10 * C, key="bob", reason="Start", actor=None)
    for reference, amount in (("settled", 30), ("released", 20), ("open", 40)):
        ledger.hold(alice, amount * C, reference=reference, project=tide, provider="xai")
    ledger.settle("settled", 45 * C)  # 30 held, 10 free, 5 owed
    ledger.release("released")  # repays the 5
    assert ledger.verify() == []


def entry(account: str, **fields: object) -> Callable[[], object]:
    return lambda: Entry.objects.create(account=Account.objects.get(user__email=f"{account}@example.org"), **{"reference": "stray", **fields})


MUTANTS: list[tuple[str, Callable[[], object], str]] = [
    ("a balance too high", lambda: Account.objects.filter(user__email="bob@example.org").update(balance=F("balance") + 1), "balance is 10.001"),
    ("a balance too low", lambda: Account.objects.filter(user__email="bob@example.org").update(balance=F("balance") - 1), "balance is 9.999"),
    ("a held figure too low", lambda: Account.objects.filter(held__gt=0).update(held=F("held") - 1), "held is 39.999"),
    ("a held figure without a hold", lambda: Account.objects.filter(held=0).update(held=1), "held is 0.001"),
    ("an entry changed", lambda: Entry.objects.filter(reference="bob").update(amount=9 * C), "its entries sum to 9"),
    ("an entry deleted", lambda: Entry.objects.filter(reference="bob").delete(), "its entries sum to 0"),
    ("an entry of another person", lambda: Entry.objects.filter(kind="charge").update(account=Account.objects.get(held=0)), "without a hold"),
    ("a charge without a hold", entry("bob", kind="charge", amount=-1), "0.001 credits were charged without a hold"),
    ("a charge for an open hold", entry("alice", kind="charge", amount=-1, reference="open"), "a hold that is open was charged"),
    ("a charge for a released hold", entry("alice", kind="charge", amount=-1, reference="released"), "a hold that is released was charged"),
    (
        "another charge than the hold's",
        lambda: Hold.objects.filter(reference="settled").update(charged=44 * C),
        "44 credits were settled without an entry",
    ),
    ("a settled hold without its charge", lambda: Entry.objects.filter(kind="charge").delete(), "45 credits were settled without an entry"),
    ("a charged hold said to be free", lambda: Hold.objects.filter(reference="settled").update(charged=0), "the amounts of this hold cannot be"),
    ("a hold reopened", lambda: Hold.objects.filter(reference="released").update(state="open", ended_at=None), "its open holds sum to 60"),
    ("a hold deleted", lambda: Hold.objects.filter(reference="open").delete(), "its open holds sum to 0"),
    ("a hold grown", lambda: Hold.objects.filter(reference="open").update(amount=41 * C), "its open holds sum to 41"),
    ("a repayment of nobody's", entry("alice", kind="repay", amount=-1, owed=-1), "repaid what was owed without a hold"),
    ("a repayment by an open hold", entry("alice", kind="repay", amount=-1, owed=-1, reference="open"), "an open hold repaid"),
    ("a grant of nothing", entry("bob", kind="grant", amount=0), "do not make a grant"),
    ("a hold that is not counted", lambda: Account.objects.filter(held__gt=0).update(holding=0), "0 holds are counted, 1 are open"),
    (
        "a charge for another project",
        lambda: Entry.objects.filter(kind="charge").update(project=None),
        "45 credits were settled without an entry that says so",
    ),
    (
        "a charge at another provider",
        lambda: Entry.objects.filter(kind="charge").update(provider="comet"),
        "45 credits were settled without an entry that says so",
    ),
    ("a day's tally too low", lambda: Tally.objects.filter(account__held__gt=0).update(spent=F("spent") - 1), "44.999 spent are counted"),
    (
        "a budget's tally too high",
        lambda: Tally.objects.filter(project__code="TIDE").update(held=F("held") + 1),
        "TIDE, from 0001-01-01: 40.001 held",
    ),
    ("a day without its tally", lambda: Tally.objects.exclude(account=None).delete(), "0 held and 0 spent are counted, its holds say 40 and 45"),
    (
        "a project without its tallies",
        lambda: Tally.objects.exclude(project=None).delete(),
        "TIDE, from 0001-01-01: 0 held and 0 spent are counted, its holds say 40 and 45",
    ),
    ("a hold of another day", lambda: Hold.objects.filter(reference="open").update(day="2020-01-01"), "its holds say 0 and 45"),
    ("a portion without its grant", lambda: Portion.objects.update(amount=6 * C), "6 credits were to be granted, without an entry"),
    ("a lapse that its portion does not know", lambda: Portion.objects.update(lapsed=0), "0 credits lapsed, and its entry says something else"),
    ("a lapse without a portion", entry("bob", kind="lapse", amount=-1), "0.001 credits lapsed without an allowance"),
    ("a waiver of somebody else", lambda: Waiver.objects.update(user=User.objects.get(email="alice@example.org")), "somebody else’s order used"),
    ("an adjustment that makes a debt", entry("bob", kind="adjust", amount=0, owed=5), "do not make a adjust"),
]


@pytest.mark.parametrize(("mutant", "sentence"), [(run, words) for _, run, words in MUTANTS], ids=[name for name, _, _ in MUTANTS])
def test_verify_names_what_is_broken(books, mutant, sentence):
    mutant()

    assert any(sentence in violation for violation in ledger.verify()), ledger.verify()


def alice_account() -> Account:
    return Account.objects.get(user__email="alice@example.org")


def _portion(reference: str) -> Portion:
    return Portion.objects.create(
        allowance=Portion.objects.all()[0].allowance, account=alice_account(), reference=reference, starts_on=today(), ends_on=today(), amount=1
    )


FORBIDDEN: list[tuple[str, Callable[[], object]]] = [
    ("held below nothing", lambda: Account.objects.update(held=-1)),
    ("owed below nothing", lambda: Account.objects.update(owed=-1)),
    ("more held than there is", lambda: Account.objects.update(held=F("balance") + 1)),
    ("owed while something is free", lambda: Account.objects.filter(held=0).update(owed=1)),
    ("a hold below nothing", lambda: Hold.objects.create(account=alice_account(), reference="x", amount=-1)),
    ("a charge below nothing", lambda: Hold.objects.filter(reference="settled").update(charged=-1)),
    ("an unknown state", lambda: Hold.objects.filter(reference="open").update(state="lost")),
    ("an open hold that charges", lambda: Hold.objects.filter(reference="open").update(charged=1)),
    ("a released hold that charges", lambda: Hold.objects.filter(reference="released").update(charged=1)),
    ("an open hold that has ended", lambda: Hold.objects.filter(reference="open").update(ended_at=timezone.now())),
    ("an ended hold without an end", lambda: Hold.objects.filter(reference="settled").update(ended_at=None)),
    ("a second hold of one reference", lambda: Hold.objects.create(account=alice_account(), reference="open", amount=1)),
    ("a second charge of one hold", lambda: Entry.objects.create(account=alice_account(), kind="charge", reference="settled", amount=-1)),
    ("a second grant of one key", lambda: Entry.objects.create(account=alice_account(), kind="grant", reference="bob", amount=1)),
    ("an unknown kind", lambda: Entry.objects.create(account=alice_account(), kind="gift", reference="x", amount=1)),
    ("a grant that takes", lambda: Entry.objects.create(account=alice_account(), kind="grant", reference="x", amount=-1)),
    ("a charge that gives", lambda: Entry.objects.create(account=alice_account(), kind="charge", reference="x", amount=1)),
    ("a lapse that gives", lambda: Entry.objects.create(account=alice_account(), kind="lapse", reference="x", amount=1)),
    ("a tally below nothing", lambda: Tally.objects.update(spent=-1)),
    ("a tally of nobody", lambda: Tally.objects.create(starts_on=today(), ends_on=today())),
    ("a second open portion", lambda: [Portion.objects.update(closed_at=None), _portion("x"), _portion("y")]),
    ("a waiver with two ends", lambda: Waiver.objects.update(withdrawn_at=timezone.now())),
    ("an uneven repayment", lambda: Entry.objects.create(account=alice_account(), kind="repay", reference="x", amount=-1, owed=-2)),
]


@pytest.mark.parametrize("wrong", [run for _, run in FORBIDDEN], ids=[name for name, _ in FORBIDDEN])
def test_the_database_refuses_rows_that_cannot_be(books, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        wrong()

    assert ledger.verify() == []


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("held = -1", "less than nothing is held"),
        ("owed = -1", "less than nothing is owed"),
        ("held = balance + 1", "more is held than the balance"),
        ("owed = balance - held + 1, held = 0", "something is owed although credits are free"),
    ],
)
def test_verify_does_not_lean_on_the_checks(books, broken, sentence):
    """A restored or hand-mended database may lack the constraints."""
    names = ("held_not_negative", "owed_not_negative", "held_within_balance", "owed_only_when_nothing_is_free")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        else:  # rolled back with the test
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for name in names:
                cursor.execute(f"ALTER TABLE credits_account DROP CONSTRAINT {name}")
        try:
            cursor.execute(f"UPDATE credits_account SET {broken} WHERE balance > 0")  # noqa: S608 - from the table above
            assert any(sentence in violation for violation in ledger.verify())
        finally:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints = OFF")


def test_checking_many_accounts_costs_what_checking_one_does(books, django_assert_num_queries):
    for number in range(30):
        ledger.grant(person(f"person{number}@example.org"), C, key=f"p{number}", reason="Start", actor=None)

    with django_assert_num_queries(26):
        assert ledger.verify() == []
