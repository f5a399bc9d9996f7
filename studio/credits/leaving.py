"""What people leave behind of credits when they are switched off: their balance, allowances, and a request that nobody answered."""

from collections.abc import Collection

from django.db.models import Q

from studio.accounts.departing import Departure, Left, Source
from studio.credits import requests
from studio.credits.figures import credits_text
from studio.credits.models import Account, Allowance


def _find(departure: Departure) -> list[Left]:
    if departure.project is not None:
        return []
    person = departure.person
    account = Account.objects.filter(user=person).first()
    balance = account.balance if account else 0
    given = Allowance.objects.filter(Q(user=person) | Q(user=None, role=person.role), is_on=True).count()
    return [
        Left(
            name="balance",
            title="Credits",
            count=1 if balance else 0,
            what=f"{credits_text(balance)} stay on their account. A credit manager can move them.",
        ),
        Left(name="allowances", title="Allowances", count=given, what="Nothing more is given to them while they are switched off."),
        Left(name="request", title="A request for credits", count=1 if requests.open_of(person) else 0, what="It is withdrawn."),
    ]


def _end(departure: Departure, _: Collection[str]) -> dict[str, int]:
    waiting = requests.open_of(departure.person) if departure.project is None else None
    return {"requests for credits withdrawn": int(requests.withdraw(waiting, by=departure.by))} if waiting else {}


SOURCE = Source(_find, _end)
