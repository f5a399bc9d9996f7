"""Tries at passwords: counted before the password is looked at, and given back when it was right.

So many tries at once are no more than one after the other. People behind one address who sign in correctly never add up: only while their passwords
are being checked do they take tries, and whoever comes meanwhile waits a moment instead of being refused.
"""

import time

from django.db import transaction
from django.http import HttpRequest

from studio.accounts import known_browsers, rate_limits
from studio.accounts.client_address import client_address
from studio.accounts.models import User, address_of
from studio.accounts.rate_limits import CountedUse
from studio.rates import Rate
from studio.shared_state import counters
from studio.shared_state.counters import bucket

LONGEST_WAIT = 20.0  # seconds for the passwords of others from the same address that are being checked
PAUSE = 0.1  # seconds
CHECKING = "sign_in:checking"
MANY = Rate(10_000, 60)


class Tries:
    """The tries that one attempt to sign in takes."""

    def __init__(self, request: HttpRequest, email: str) -> None:
        """Find out which tries count: by the client's network and by the account, or by the browser in which its owner has signed in before.

        That browser's tries are at one account alone, so neither strangers nor others behind the same address can use them up.
        """
        address = address_of(email)
        user = User.objects.find(address)
        browser = known_browsers.browser_id(request, user) if user else ""
        if user and browser:  # a new password begins a new count
            self._uses = list(rate_limits.uses_of(request, "sign_in_known", key=f"{browser}:{address}:{user.password}"))
        else:
            self._uses = list(rate_limits.uses_of(request, "sign_in", key=address))
        self._checking = CountedUse(CHECKING, (MANY,), bucket(client_address(request)))

    def begin(self) -> int:
        """Take the tries and return 0; or return the seconds to wait."""
        deadline = time.monotonic() + LONGEST_WAIT
        was_checking = True
        while seconds := self._take():
            is_checking = bool(counters.used_now(CHECKING, MANY, key=self._checking.key))
            # Others may have ended between the two questions: so it is asked once more
            if time.monotonic() > deadline or not (is_checking or was_checking):
                return seconds
            was_checking = is_checking
            time.sleep(PAUSE)
        return 0

    def _take(self) -> int:
        """Take the tries and say that a password is being checked, both at once; or return the seconds to wait."""
        self._taken_at = counters.now()
        with transaction.atomic():
            seconds = rate_limits.spend_all(self._uses)
            return seconds or self._checking.spend()

    def end(self, *, right: bool) -> None:
        """The password was checked: give the tries back if it was right."""
        with transaction.atomic():
            for use in self._uses if right else []:
                use.give_back(counted_at=self._taken_at)
            self._checking.give_back(counted_at=self._taken_at)


def forget(user: User) -> None:
    """Forget the tries at an account's password: it has a new one."""
    counters.forget("sign_in:key", key=bucket(user.email))
