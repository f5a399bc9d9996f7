"""`manage.py sign_in_link [EMAIL]`: a link that signs a person in once, for an operator who was locked out."""

from django.core.management.base import CommandError, CommandParser

from studio.accounts.models import User
from studio.commands import StudioCommand
from studio.control.first_start import first_admin, sign_in_link


class Command(StudioCommand):
    help = "Print a link that signs somebody in, once, within 30 minutes. Without an address: the first admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="?")

    def handle(self, *args: object, **options: str | None) -> None:
        email = options["email"]
        person = User.objects.find(email) if email else first_admin()
        if person is None or not person.is_active:
            raise CommandError(f"Nobody with the address {email} can sign in here." if email else "There is no admin yet: run manage.py setup.")
        self.stdout.write(sign_in_link(person))
