"""`manage.py credits`: grant, take, statement, verify, export, allowance.

Ends with 0 when it did what was asked, with 1 and a sentence when it could not or found the books wrong, with 2 for a command that does not exist.
"""

import os
import sys
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from django.core.management.base import CommandError

from studio.accounts.models import User
from studio.commands import StudioCommand
from studio.credits import allowances, ledger
from studio.credits.actions import give
from studio.credits.exports import entries_between, write_entries
from studio.credits.figures import credits_text, parse_credits
from studio.credits.limit_actions import whose
from studio.credits.models import Allowance, Entry, Hold
from studio.jobs.checks import verify_holds

NEWEST = 50  # entries of a statement, unless asked for more


class Command(StudioCommand):
    help = "Grant or take credits, print a person's statement, verify the books, export entries, list or run allowances."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        for name, words in (("grant", "give credits"), ("take", "take back credits that are free")):
            move = what.add_parser(name, help=words)
            move.add_argument("email")
            move.add_argument("amount", help="in credits, such as 500 or 38.5")
            move.add_argument("--reason", required=True, help="what the person reads beside it")
            move.add_argument("--key", default="", help="a name of this movement: given twice, it moves once")
        statement = what.add_parser("statement", help="print a person's credits and what moved them")
        statement.add_argument("email")
        statement.add_argument("--newest", type=_count, default=NEWEST, help=f"how many movements ({NEWEST})")
        what.add_parser("verify", help="check that balances, budgets and caps equal their entries and holds, and holds their live jobs")
        export = what.add_parser("export", help="write the entries of some days as CSV")
        export.add_argument("first", help="the first day, as in 2026-11-01")
        export.add_argument("last", help="the last day, which is included")
        export.add_argument("--to", default="-", help="a file that does not exist yet; - is the standard output")
        allowance = what.add_parser("allowance", help="list the allowances, or give and close what is due now")
        allowance.add_argument("do", choices=["list", "run"])

    def handle(self, *args: object, what: str, **options: object) -> None:
        try:
            self._do(what, options)
        except BrokenPipeError:  # whoever read it has read enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def _do(self, what: str, options: Mapping[str, object]) -> None:
        match what:
            case "verify":
                self._verify()
            case "statement":
                self._statement(_person(str(options["email"])), newest=int(str(options["newest"])))
            case "export":
                self._export(_day(str(options["first"])), _day(str(options["last"])), to=str(options["to"]))
            case "allowance":
                self._allowances(run=options["do"] == "run")
            case _:
                sign = 1 if what == "grant" else -1
                key = str(options["key"]) or f"command-{uuid.uuid4()}"
                self._move(_person(str(options["email"])), sign * _amount(str(options["amount"])), key=key, reason=str(options["reason"]))

    def _move(self, person: User, amount: int, *, key: str, reason: str) -> None:
        if amount > 0 and not person.is_active:
            raise CommandError(f"{person.email} {'has not come in yet' if person.is_invited else 'is no longer active'} and cannot be given credits.")
        try:
            moved = give(person, amount, key=key, reason=reason, by=None)
        except ledger.Insufficient as error:
            free = credits_text(error.free)
            raise CommandError(f"{person.email} has {free} credits that can be taken; the rest is held or not there.") from error
        except (ledger.LedgerError, ValueError) as error:
            raise CommandError(str(error)) from error
        account = ledger.account_of(person)
        done = ("Granted" if amount > 0 else "Took") if moved else "Moved before, not again:"
        self.stdout.write(f"{done} {credits_text(abs(amount))} credits. {person.email} has {credits_text(account.shown)}.")

    def _statement(self, person: User, *, newest: int) -> None:
        account = ledger.account_of(person)
        self.stdout.write(f"{person.email}: {credits_text(account.shown)} credits, of which {credits_text(account.held)} are held.")
        entries = Entry.objects.filter(account=account).select_related("actor").order_by("-id")
        for entry in entries[:newest]:
            by = f" by {entry.actor}" if entry.actor else ""
            what = " ".join(f"{entry.reason or entry.reference}{by}".split())  # on one line
            self.stdout.write(f"{entry.at:%Y-%m-%d %H:%M} {entry.get_kind_display():9} {credits_text(entry.change):>14}  {what}")

    def _export(self, first: date, last: date, *, to: str) -> None:
        if last < first:
            raise CommandError("The last day is before the first.")
        if to == "-":
            write_entries(entries_between(first, last), self.unchanged_stdout)
            return
        try:
            with Path(to).open("x", newline="", encoding="utf-8") as file:
                count = write_entries(entries_between(first, last), file)
        except OSError as error:
            raise CommandError(f"{to} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{count} entries in {to}.")

    def _allowances(self, *, run: bool) -> None:
        if run:
            self.stdout.write(f"{allowances.due()} portions were given or closed.")
            return
        for row in Allowance.objects.select_related("user").order_by("-is_on", "pk"):
            keeps = f", keeps up to {credits_text(row.keeps)}" if row.keeps else ""
            state = f"from {row.starts_on}" if row.is_on else "off"
            self.stdout.write(f"{row.pk:4} {whose(row)}: {credits_text(row.amount)} credits {row.get_period_display()}{keeps}, {state}")

    def _verify(self) -> None:
        violations = [*ledger.verify(), *verify_holds()]
        for violation in violations:
            self.stdout.write(violation)
        if violations:
            raise CommandError(f"{len(violations)} violation{'s' if len(violations) > 1 else ''}.")
        open_holds = Hold.objects.filter(state=Hold.State.OPEN).count()
        self.stdout.write(f"Clean: {Entry.objects.count()} entries and {Hold.objects.count()} holds, {open_holds} of them open.")


def _person(email: str) -> User:
    found = User.objects.find(email)
    if found is None:
        raise CommandError(f"Nobody has the e-mail address {email}.")
    return found


def _count(text: str) -> int:
    """A number of lines, at least 1."""
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise ArgumentTypeError(f"{text} is not a number of movements, such as {NEWEST}.")
    return int(text)


def _amount(text: str) -> int:
    """Millicredits above 0."""
    try:
        amount = parse_credits(text)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if amount <= 0:
        raise CommandError("The amount must be more than 0.")
    return amount


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is not a day such as 2026-11-01.") from error
