"""`manage.py connection`: list, add, off, on, check."""

import os
from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from studio.commands import StudioCommand
from studio.control import connections, fares
from studio.control.forms import ConnectionForm
from studio.jobs.hands import allowed_hosts
from studio.providers.registry import PROVIDERS
from studio.routing.checking import check
from studio.routing.models import Connection


class Command(StudioCommand):
    help = "List, add, switch or check connections to providers. Keys come from the environment and are never shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser("list", help="all connections")
        add = what.add_parser("add", help="add one")
        add.add_argument("provider", help=", ".join(PROVIDERS))
        add.add_argument("--label", required=True, help="the name that people choose it by")
        add.add_argument("--base-url", default="", help="an address other than the provider's own")
        add.add_argument("--key-env", required=True, metavar="NAME", help="the environment variable that holds the API key")
        add.add_argument("--rpm", type=int, default=60, help="requests per minute (60)")
        add.add_argument("--at-once", type=int, default=20, help="jobs at once (20)")
        add.add_argument("--dialect", default="", help="which of the provider's documents it keeps to; empty for the newest")
        add.add_argument("--position", type=int, default=100, help="its place in the house's order, smaller first (100)")
        for name, words in (("off", "send nothing new there"), ("on", "send there again"), ("check", "ask it something that costs nothing")):
            one = what.add_parser(name, help=words)
            one.add_argument("label")
            if name == "off":
                one.add_argument("--reason", default="", help="what people read beside it")

    def handle(self, *args: object, what: str, **options: object) -> None:
        given = {name: "" if value is None else str(value) for name, value in options.items()}
        if what == "list":
            self._list()
        elif what == "add":
            self._add(given)
        elif what == "check":
            self._check(_named(given["label"]))
        else:
            self._switch(_named(given["label"]), on=what == "on", reason=given.get("reason", ""))

    def _list(self) -> None:
        standings = fares.standings(timezone.now())
        if not standings:
            self.stdout.write("There are no connections yet. Add one: manage.py connection add PROVIDER --label L --key-env NAME")
        for standing in standings:
            row = standing.connection
            key = f"••••{row.key_hint}" if row.key_encrypted else "no key"
            limits = f"{row.requests_per_minute}/min, {row.jobs_at_once} at once"
            state = "on" if row.enabled else f"off {row.paused_reason}".rstrip()
            dialect = f"documents {row.dialect}, " if row.dialect else ""
            self.stdout.write(f"{row.label:30} {row.provider:12} {connections.address(row):44} {key:12} {limits:24} {state}")
            self.stdout.write(f"{'':30} {dialect}{fares.health_in_short(standing)}")

    def _add(self, given: dict[str, str]) -> None:
        if given["provider"] not in PROVIDERS:
            raise CommandError(f"There is no provider {given['provider']}. Known are {', '.join(PROVIDERS)}.")
        if given["key_env"] not in os.environ:
            raise CommandError(f"The environment has no variable {given['key_env']}. Set it to the API key; the key itself is never an argument.")
        form = ConnectionForm(
            {
                "provider": given["provider"],
                "label": given["label"],
                "base_url": given["base_url"],
                "dialect": given["dialect"],
                "position": given["position"],
                "key": os.environ[given["key_env"]],
                "requests_per_minute": given["rpm"],
                "jobs_at_once": given["at_once"],
                "keeps_copies": "on",
            }
        )
        if not form.is_valid():
            raise CommandError(" ".join(f"{form.fields[name].label}: {' '.join(map(str, words))}" for name, words in form.errors.items()))
        connection = connections.save(form, by=None)
        self.stdout.write(f"Added {connection.label}. Ask it: manage.py connection check {connection.label!r}")

    def _switch(self, connection: Connection, *, on: bool, reason: str) -> None:
        changed = connections.switch(connection, on=on, reason=reason, by=None)
        self.stdout.write(f"{connection.label} is {'now' if changed else 'already'} {'on' if on else 'off'}.")

    def _check(self, connection: Connection) -> None:
        verdict = check(connection, allowed_hosts=allowed_hosts())
        if not verdict.is_good:
            raise CommandError(f"{connection.label}: {verdict.words}")
        resumed = connections.resume(connection, why="A check found that it works.", by=None)
        self.stdout.write(f"{connection.label}: {verdict.words}{' Its pause is over.' if resumed else ''}")


def _named(label: str) -> Connection:
    found = Connection.objects.filter(label=label).first() or Connection.objects.filter(label__same=label).first()
    if found is None:
        known = ", ".join(Connection.objects.values_list("label", flat=True)) or "none yet"
        raise CommandError(f"There is no connection {label!r}. Known are: {known}.")
    return found
