"""`manage.py credits`: grant, take, statement, verify."""

import uuid
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.actions import give
from studio.credits.figures import credits_text, parse_credits
from studio.credits.models import Entry, Hold
from studio.jobs.checks import verify_holds

NEWEST = 50  # entries of a statement, unless asked for more


class Command(BaseCommand):
    help = "Grant or take credits, print a person's statement, or verify the books."

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
        statement.add_argument("--newest", type=int, default=NEWEST, help=f"how many movements ({NEWEST})")
        what.add_parser("verify", help="check that balances equal their entries and holds equal live jobs")

    def handle(self, *args: object, what: str, **options: object) -> None:
        if what == "verify":
            self._verify()
        elif what == "statement":
            self._statement(_person(str(options["email"])), newest=int(str(options["newest"])))
        else:
            sign = 1 if what == "grant" else -1
            key = str(options["key"]) or f"command-{uuid.uuid4()}"
            self._move(_person(str(options["email"])), sign * _amount(str(options["amount"])), key=key, reason=str(options["reason"]))

    def _move(self, person: User, amount: int, *, key: str, reason: str) -> None:
        try:
            moved = give(person, amount, key=key, reason=reason, by=None)
        except (ledger.LedgerError, ValueError) as error:
            raise CommandError(str(error)) from error
        account = ledger.account_of(person)
        done = ("Granted" if amount > 0 else "Took") if moved else "Moved before, not again:"
        self.stdout.write(f"{done} {credits_text(abs(amount))} credits. {person.email} has {credits_text(account.shown)}.")

    def _statement(self, person: User, *, newest: int) -> None:
        account = ledger.account_of(person)
        self.stdout.write(f"{person.email}: {credits_text(account.shown)} credits, of which {credits_text(account.held)} are held.")
        entries = Entry.objects.filter(account=account).select_related("actor").order_by("-id")
        for entry in entries[: max(0, newest)]:
            by = f" by {entry.actor}" if entry.actor else ""
            line = f"{entry.at:%Y-%m-%d %H:%M} {entry.get_kind_display():9} {credits_text(entry.change):>14}  {entry.reason or entry.reference}{by}"
            self.stdout.write(line)

    def _verify(self) -> None:
        violations = [*ledger.verify(), *verify_holds()]
        for violation in violations:
            self.stdout.write(violation)
        if violations:
            raise CommandError(f"{len(violations)} violation{'s' if len(violations) > 1 else ''}.")
        open_holds = Hold.objects.filter(state=Hold.State.OPEN).count()
        self.stdout.write(f"Clean: {Entry.objects.count()} entries and {Hold.objects.count()} holds, {open_holds} of them open.")


def _person(email: str) -> User:
    found = User.objects.filter(email__iexact=email.strip()).first()
    if found is None:
        raise CommandError(f"Nobody has the e-mail address {email}.")
    return found


def _amount(text: str) -> int:
    """Millicredits above 0."""
    try:
        amount = parse_credits(text)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if amount <= 0:
        raise CommandError("The amount must be more than 0.")
    return amount
