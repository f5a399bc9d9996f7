"""`manage.py audit verify`: whether the record of changes is as it was written. Exit code 1 if it is not."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from studio.accounts import audit_chain
from studio.commands import StudioCommand


class Command(StudioCommand):
    help = "Check the chain of hashes over the record of changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        verify = what.add_parser("verify", help="read every event and compare it with its seal")
        verify.add_argument("--head", default="", help="a head from the log, which must still be in the chain")

    def handle(self, *args: object, head: str, **options: object) -> None:
        verdict = audit_chain.verify()
        self.stdout.write(f"{verdict.count} sealed events checked, {verdict.waiting} wait for their seal. Head: {verdict.head or 'none'}")
        if verdict.wrong:
            raise CommandError(verdict.wrong)
        if head and not audit_chain.holds(head):
            raise CommandError("This head is not in the chain: events were cut off at the end, or the chain was made new.")
        self.stdout.write("The record of changes is as it was written.")
