"""Every order of ledger movements, limits and allowances, with repeats and on any day, against a plain dict.

The dict knows nothing of rows, repayments, tallies or guards: a person's total and the list of all holds say what everything must be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from studio.accounts.models import User
from studio.credits import allowances, ledger, limit_actions
from studio.credits.models import Account, Allowance, Budget, Entry, Hold, Portion, Waiver
from studio.credits.periods import span_of
from studio.projects.models import Project
from tests.conftest import person
from tests.long_run import SEQUENCES

AMOUNTS = st.integers(0, 12) | st.integers(0, 3_000)
KEYS = st.sampled_from([f"key-{number}" for number in range(5)])
PEOPLE = st.sampled_from(["alice", "bob"])
PROJECTS = st.sampled_from(["TIDE", "MOON"])
LIMITS = st.none() | st.integers(0, 3_000)


@dataclass
class Held:
    """One hold: whose, for what, on which day, how much, and how it ended."""

    name: str
    amount: int
    project: str | None
    day: date
    how: str = "open"
    charge: int = 0
    corrected: int = 0

    @property
    def cost(self) -> int:
        return self.amount if self.how == "open" else self.charge + self.corrected


@dataclass
class Given:
    """One portion of an allowance."""

    amount: int  # what of it raised the balance
    carried: int
    keeps: int
    starts_on: date
    ends_on: date
    is_open: bool = True
    kept: int = 0


@dataclass
class Leave:
    """One waiver, and the hold that used it."""

    name: str
    project: str | None
    lifts: str
    used_by: str = ""


class Movements(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.day = date(2026, 10, 20)
        self.clock = mock.patch.object(timezone, "now", side_effect=self.noon)
        self.clock.start()
        self.users: dict[str, User] = {name: person(f"{name}@example.org") for name in ("alice", "bob")}
        self.projects = {code: Project.objects.create(code=code, name=code.title()) for code in ("TIDE", "MOON")}
        self.totals = dict.fromkeys(self.users, 0)
        self.given: dict[tuple[str, str], tuple[str, int]] = {}  # (kind, key) -> whose, how much
        self.holds: dict[str, Held] = {}
        self.caps: dict[str, list[int | None]] = {name: [None, None] for name in self.users}  # credits a day, jobs at once
        self.budgets: dict[str, tuple[int, str, bool]] = {}  # amount, period, hard
        self.manager = User.objects.create_user("manager@example.org", role="admin")
        self.waivers: list[Leave] = []
        self.allowances: dict[str, Allowance] = {}
        self.portions: dict[str, list[Given]] = {name: [] for name in self.users}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)
        self.clock.stop()

    def noon(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)

    def held(self, name: str) -> int:
        return sum(row.amount for row in self.holds.values() if row.name == name and row.how == "open")

    def free(self, name: str) -> int:
        return max(self.totals[name] - self.held(name), 0)

    @initialize(amount=AMOUNTS, limit=st.integers(0, 2_000), at_once=st.none() | st.integers(1, 3))
    def start_with_something(self, amount: int, limit: int, at_once: int | None) -> None:
        """Alice lives within a cap and an allowance, Bob has plenty, and TIDE has a budget."""
        self.give("grant", "alice", "start of alice", 2 * amount + 1)
        self.give("grant", "bob", "start of bob", 10_000)
        self.allow("alice", 500, "week", 200)
        self.the_worker_looks(1)
        self.cap("alice", limit, at_once)
        self.budget("TIDE", limit, "month", hard=True)

    @rule(kind=st.sampled_from(["grant", "adjust"]), name=PEOPLE, key=KEYS, amount=st.integers(-2_000, 3_000).filter(bool))
    def give(self, kind: str, name: str, key: str, amount: int) -> None:
        if kind == "grant":
            amount = abs(amount)
        write = ledger.grant if kind == "grant" else ledger.adjust
        earlier = self.given.get((kind, key))
        try:
            moved = write(self.users[name], amount, key=key, reason="Because", actor=None)
        except ledger.Conflict:
            assert earlier not in {None, (name, amount)}
        except ledger.Insufficient as refusal:
            free = self.free(name)
            said = (refusal.needed, refusal.free, refusal.missing)
            assert earlier is None
            assert said == (-amount, free, -amount - free)
            assert -amount > free
        else:
            assert moved == (earlier is None)
            assert earlier in {None, (name, amount)}
            if moved:
                self.given[kind, key] = (name, amount)
                self.totals[name] += amount

    @rule(name=PEOPLE, reference=KEYS, amount=AMOUNTS, project=st.none() | PROJECTS)
    def hold(self, name: str, reference: str, amount: int, project: str | None) -> None:
        earlier = self.holds.get(reference)
        wanted = Held(name, amount, project, self.day)
        try:
            moved = ledger.hold(self.users[name], amount, reference=reference, project=self.projects.get(project or ""), provider="xai")
        except ledger.Conflict:
            assert earlier is not None
            assert (earlier.name, earlier.amount) != (name, amount)
        except ledger.Insufficient as refusal:
            missing = amount + self.held(name) - self.totals[name]
            told = (refusal.needed, refusal.missing)
            assert earlier is None
            assert told == (amount, missing)
            assert missing > 0
        except (ledger.OverCap, ledger.OverBudget) as refusal:
            assert earlier is None
            said = (type(refusal), refusal.left)
            assert said == self.refusal(wanted)
        else:
            assert moved == (earlier is None)
            if moved:
                assert self.totals[name] >= self.held(name) + amount
                assert self.refusal(wanted) is None
                for waiver in self.needed_waivers(wanted):
                    waiver.used_by = reference
                self.holds[reference] = wanted

    @rule(name=PEOPLE, amount=AMOUNTS, project=st.none() | PROJECTS)
    def hold_anew(self, name: str, amount: int, project: str | None) -> None:
        self.hold(name, f"order {len(self.holds)}", amount, project)

    @rule(amounts=st.lists(AMOUNTS, min_size=1, max_size=4))
    def hold_some_for_one_project(self, amounts: list[int]) -> None:
        for amount in amounts:
            self.hold_anew("bob", amount, "TIDE")

    def over(self, wanted: Held) -> Iterable[tuple[type[ledger.CannotHold], int, str]]:
        """Every limit that the hold would exceed, in the order in which they are asked: its error, what is left, what waives it."""
        day, at_once = self.caps[wanted.name]
        mine = [row for row in self.holds.values() if row.name == wanted.name]
        if at_once is not None and sum(row.how == "open" for row in mine) >= at_once:
            yield ledger.OverCap, 0, "cap"
        used = sum(row.cost for row in mine if row.day == self.day)
        if day is not None and used + wanted.amount > day:
            yield ledger.OverCap, max(day - used, 0), "cap"
        amount, period, hard = self.budgets.get(wanted.project or "", (0, "all", False))
        span = span_of(period, self.day)
        used = sum(row.cost for row in self.holds.values() if row.project == wanted.project and span.starts_on <= row.day < span.ends_on)
        if hard and used + wanted.amount > amount:
            yield ledger.OverBudget, max(amount - used, 0), "budget"

    def chosen(self, wanted: Held) -> Iterable[tuple[tuple[type[ledger.CannotHold], int, str], Leave | None]]:
        """Each exceeded limit with the waiver that lets the hold pass it."""
        taken: list[Leave] = []
        for limit in self.over(wanted):
            again = next((row for row in taken if row.lifts in {limit[2], "both"}), None)
            fit = [row for row in self.waivers if row.name == wanted.name and not row.used_by and row.project in {None, wanted.project}]
            best = sorted((row for row in fit if row.lifts in {limit[2], "both"} and row not in taken), key=lambda row: row.lifts == "both")
            waiver = again or next(iter(best), None)
            if waiver:
                taken.append(waiver)
            yield limit, waiver

    def refusal(self, wanted: Held) -> tuple[type[ledger.CannotHold], int] | None:
        return next((limit[:2] for limit, waiver in self.chosen(wanted) if waiver is None), None)

    def needed_waivers(self, wanted: Held) -> list[Leave]:
        return [waiver for _, waiver in self.chosen(wanted) if waiver]

    @rule(reference=KEYS, charge=st.none() | AMOUNTS)
    def end_named(self, reference: str, charge: int | None) -> None:
        self.end(reference, "settled" if charge is not None else "released", charge or 0)

    @rule(which=st.integers(0, 9), charge=st.none() | AMOUNTS)
    def end_one(self, which: int, charge: int | None) -> None:
        still_open = [reference for reference, row in self.holds.items() if row.how == "open"]
        for reference in still_open[which : which + 1]:
            self.end(reference, "settled" if charge is not None else "released", charge or 0)

    @rule(reference=KEYS, more=st.integers(-2, 2))
    def settle_about_as_held(self, reference: str, more: int) -> None:
        self.end(reference, "settled", max((self.holds[reference].amount if reference in self.holds else 0) + more, 0))

    @rule(reference=KEYS)
    def end_again(self, reference: str) -> None:
        if reference in self.holds and self.holds[reference].how != "open":
            self.end(reference, self.holds[reference].how, self.holds[reference].charge)

    @rule(which=st.integers(0, 9), charge=AMOUNTS)
    def correct(self, which: int, charge: int) -> None:
        """An admin changes what an ended hold cost, once."""
        ended = [reference for reference, row in self.holds.items() if row.how != "open"]
        for reference in ended[which : which + 1]:
            row = self.holds[reference]
            change = charge - row.charge
            try:
                moved = ledger.correct(reference, charge, reason="their invoice", actor=self.users["bob"])
            except ledger.Conflict:
                assert row.corrected not in {0, change}
                continue
            assert moved == (row.corrected == 0 and change != 0)
            if moved:
                row.corrected = change
                self.totals[row.name] -= change
            assert row.corrected == change
        for reference in [key for key, row in self.holds.items() if row.how == "open"][:1]:
            with pytest.raises(ledger.NothingHeld):
                ledger.correct(reference, charge, reason="their invoice", actor=self.users["bob"])

    def end(self, reference: str, how: str, charge: int) -> None:
        row = self.holds.get(reference)
        try:
            moved = ledger.settle(reference, charge) if how == "settled" else ledger.release(reference)
        except ledger.NothingHeld:
            assert row is None
        except ledger.Conflict:
            assert row is not None
            assert row.how != "open"
            assert (row.how, row.charge) != (how, charge)
        else:
            assert row is not None
            assert moved == (row.how == "open")
            if moved:
                row.how, row.charge = how, charge
                self.totals[row.name] -= charge
            assert (row.how, row.charge) == (how, charge)

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(name=PEOPLE, credits_a_day=LIMITS, jobs_at_once=st.none() | st.integers(0, 3))
    def cap(self, name: str, credits_a_day: int | None, jobs_at_once: int | None) -> None:
        limit_actions.set_cap(self.users[name], credits_a_day=credits_a_day, jobs_at_once=jobs_at_once, by=None)
        self.caps[name] = [credits_a_day, jobs_at_once]

    @rule(code=PROJECTS, amount=LIMITS, period=st.sampled_from(["month", "all"]), hard=st.booleans())
    def budget(self, code: str, amount: int | None, period: str, hard: bool) -> None:
        if amount is None:
            limit_actions.clear_budget(self.projects[code], by=None)
            self.budgets.pop(code, None)
        else:
            limit_actions.set_budget(self.projects[code], amount=amount, period=period, hard=hard, by=None)
            self.budgets[code] = (amount, period, hard)

    @rule(name=PEOPLE, code=st.none() | PROJECTS, lifts=st.sampled_from(["cap", "budget", "both"]))
    def waive(self, name: str, code: str | None, lifts: str) -> None:
        limit_actions.give_waiver(self.users[name], project=self.projects.get(code or ""), lifts=lifts, reason="Once", by=self.manager)
        self.waivers.append(Leave(name, code, lifts))

    @rule(name=PEOPLE, amount=st.integers(1, 2_000), period=st.sampled_from(["day", "week", "month"]), keeps=st.integers(0, 1_500))
    def allow(self, name: str, amount: int, period: str, keeps: int) -> None:
        known = {"amount": amount, "period": period, "keeps": keeps, "starts_on": self.day}
        if name in self.allowances:
            limit_actions.change_allowance(self.allowances[name], **known, by=None)  # type: ignore[arg-type]
        else:
            self.allowances[name] = limit_actions.add_allowance(person=self.users[name], role="", **known, by=None)  # type: ignore[arg-type]
        self.allowances[name].refresh_from_db()

    @rule(times=st.integers(1, 2))
    def the_worker_looks(self, times: int) -> None:
        for _ in range(times):
            allowances.due()
        for name, portions in self.portions.items():
            if portions and portions[-1].is_open and portions[-1].ends_on <= self.day:
                self.lapse(name, portions[-1])
        for name, allowance in self.allowances.items():
            if not (self.portions[name] and self.portions[name][-1].is_open):
                self.begin(name, allowance)

    def lapse(self, name: str, portion: Given) -> None:
        ordered = sum(row.cost for row in self.holds.values() if row.name == name and portion.starts_on <= row.day < portion.ends_on)
        left = max(portion.amount + portion.carried - ordered, 0)
        lapsed = min(max(left - portion.keeps, 0), self.free(name))
        self.totals[name] -= lapsed
        portion.is_open, portion.kept = False, min(left - lapsed, portion.keeps, self.free(name))

    def begin(self, name: str, allowance: Allowance) -> None:
        span, earlier = span_of(allowance.period, self.day), self.portions[name][-1:]
        carried = earlier[0].kept if earlier and earlier[0].ends_on == span.starts_on else 0
        debt = max(self.held(name) - self.totals[name], 0)
        raised = allowance.amount - min(debt, allowance.amount)
        self.totals[name] += allowance.amount
        self.portions[name].append(Given(raised, carried, allowance.keeps, span.starts_on, span.ends_on))

    @invariant()
    def the_books_are_right(self) -> None:
        assert ledger.verify() == []

    @invariant()
    def everybody_has_what_the_dict_says(self) -> None:
        for name, total in self.totals.items():
            account, held = Account.objects.filter(user=self.users[name]).first() or Account(), self.held(name)
            assert (account.balance, account.held, account.owed) == (max(total, held), held, max(held - total, 0))
            assert account.holding == sum(row.name == name and row.how == "open" for row in self.holds.values())

    @invariant()
    def every_hold_is_told_as_it_was(self) -> None:
        rows = Hold.objects.values_list("reference", "state", "charged", "project__code", "day")
        assert {row[0]: row[1:] for row in rows} == {key: (row.how, row.charge, row.project, row.day) for key, row in self.holds.items()}
        corrections = {row.reference: -row.change for row in Entry.objects.filter(kind="correct")}
        assert corrections == {key: row.corrected for key, row in self.holds.items() if row.corrected}
        charges = {row.reference: (-row.change, row.project and row.project.code, row.provider) for row in Entry.objects.filter(kind="charge")}
        assert charges == {key: (row.charge, row.project, "xai") for key, row in self.holds.items() if row.charge}

    @invariant()
    def every_waiver_is_used_by_the_order_that_needed_it(self) -> None:
        assert set(Budget.objects.values_list("project__code", "amount", "period", "hard")) == {(code, *row) for code, row in self.budgets.items()}
        rows = Waiver.objects.exclude(used_by=None).values_list("used_by__reference", "lifts", "project__code")
        assert set(rows) == {(row.used_by, row.lifts, row.project) for row in self.waivers if row.used_by}

    @invariant()
    def every_portion_is_told(self) -> None:
        rows = Portion.objects.order_by("pk").values_list("account__user__email", "starts_on", "ends_on", "carried", "kept")
        for name, portions in self.portions.items():
            told = [row[1:] for row in rows if row[0] == self.users[name].email]
            assert told == [(row.starts_on, row.ends_on, row.carried, row.kept) for row in portions]


def test_every_order_of_movements_keeps_the_books(db):
    run_state_machine_as_test(Movements, settings=settings(max_examples=SEQUENCES, stateful_step_count=40))
