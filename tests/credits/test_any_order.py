"""Every order of ledger movements, with repeats, against a plain dict.

The dict knows nothing of rows, repayments or guards: a person's total and their open holds say what balance and debt must be.
"""

from dataclasses import dataclass, field

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Entry, Hold
from tests.conftest import person

AMOUNTS = st.integers(0, 12) | st.integers(0, 3_000)
KEYS = st.sampled_from([f"key-{number}" for number in range(5)])
PEOPLE = st.sampled_from(["alice", "bob"])


@dataclass
class Purse:
    """What a person's account must be."""

    total: int = 0
    holds: dict[str, int] = field(default_factory=dict)

    @property
    def held(self) -> int:
        return sum(self.holds.values())

    @property
    def balance(self) -> int:
        return max(self.total, self.held)

    @property
    def owed(self) -> int:
        return max(self.held - self.total, 0)


class Movements(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.users: dict[str, User] = {name: person(f"{name}@example.org") for name in ("alice", "bob")}
        self.purses = {name: Purse() for name in self.users}
        self.given: dict[tuple[str, str], tuple[str, int]] = {}  # (kind, key) -> whose, how much
        self.holds: dict[str, tuple[str, int]] = {}  # reference -> whose, how much
        self.ends: dict[str, tuple[str, int]] = {}  # reference -> how, charge

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    @initialize(amount=AMOUNTS)
    def start_with_something(self, amount: int) -> None:
        self.give("grant", "alice", "start", amount + 1)

    @rule(kind=st.sampled_from(["grant", "adjust"]), name=PEOPLE, key=KEYS, amount=st.integers(-2_000, 3_000).filter(bool))
    def give(self, kind: str, name: str, key: str, amount: int) -> None:
        if kind == "grant":
            amount = abs(amount)
        write = ledger.grant if kind == "grant" else ledger.adjust
        purse, earlier = self.purses[name], self.given.get((kind, key))
        try:
            moved = write(self.users[name], amount, key=key, reason="Because", actor=None)
        except ledger.Conflict:
            assert earlier not in {None, (name, amount)}
        except ledger.Insufficient as refusal:
            free = purse.balance - purse.held
            said = (refusal.needed, refusal.free, refusal.missing)
            assert earlier is None
            assert said == (-amount, free, -amount - free)
            assert -amount > free
        else:
            assert moved == (earlier is None)
            assert earlier in {None, (name, amount)}
            if moved:
                self.given[kind, key] = (name, amount)
                purse.total += amount

    @rule(name=PEOPLE, reference=KEYS, amount=AMOUNTS)
    def hold(self, name: str, reference: str, amount: int) -> None:
        purse, earlier = self.purses[name], self.holds.get(reference)
        try:
            moved = ledger.hold(self.users[name], amount, reference=reference)
        except ledger.Conflict:
            assert earlier not in {None, (name, amount)}
        except ledger.Insufficient as refusal:
            missing, said = amount + purse.held - purse.total, (refusal.needed, refusal.missing)
            assert earlier is None
            assert said == (amount, missing)
            assert missing > 0
        else:
            assert moved == (earlier is None)
            assert earlier in {None, (name, amount)}
            if moved:
                assert purse.owed == 0
                self.holds[reference] = (name, amount)
                purse.holds[reference] = amount

    @rule(reference=KEYS, charge=AMOUNTS)
    def settle(self, reference: str, charge: int) -> None:
        self.end(reference, "settled", charge)

    @rule(reference=KEYS, more=st.integers(-2, 2))
    def settle_about_as_held(self, reference: str, more: int) -> None:
        self.end(reference, "settled", max(self.holds.get(reference, ("", 0))[1] + more, 0))

    @rule(reference=KEYS)
    def release(self, reference: str) -> None:
        self.end(reference, "released", 0)

    @rule(reference=KEYS)
    def end_again(self, reference: str) -> None:
        if reference in self.ends:
            self.end(reference, *self.ends[reference])

    def end(self, reference: str, how: str, charge: int) -> None:
        earlier = self.ends.get(reference)
        try:
            moved = ledger.settle(reference, charge) if how == "settled" else ledger.release(reference)
        except ledger.NothingHeld:
            assert reference not in self.holds
        except ledger.Conflict:
            assert earlier not in {None, (how, charge)}
        else:
            assert moved == (earlier is None)
            assert earlier in {None, (how, charge)}
            if moved:
                self.ends[reference] = (how, charge)
                purse = self.purses[self.holds[reference][0]]
                del purse.holds[reference]
                purse.total -= charge

    @invariant()
    def the_books_are_right(self) -> None:
        assert ledger.verify() == []

    @invariant()
    def everybody_has_what_the_dict_says(self) -> None:
        for name, purse in self.purses.items():
            account = Account.objects.filter(user=self.users[name]).first() or Account()
            assert (account.balance, account.held, account.owed) == (purse.balance, purse.held, purse.owed)
            assert account.shown == purse.total

    @invariant()
    def every_ended_hold_is_told(self) -> None:
        assert dict(Hold.objects.exclude(state="open").values_list("reference", "charged")) == {key: end[1] for key, end in self.ends.items()}
        charges = {row.reference: -row.change for row in Entry.objects.filter(kind="charge")}
        assert charges == {key: end[1] for key, end in self.ends.items() if end[1]}


def test_every_order_of_movements_keeps_the_books(db):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(Movements, settings=settings(max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=checks))
