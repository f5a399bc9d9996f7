"""Browsers in which somebody has signed in before: strangers who try passwords for an account cannot lock its owner out of these.

A signed cookie names the accounts. It opens nothing: its browser has tries of its own at their passwords, instead of those that everybody shares. It ends
for an account when the person signs out everywhere or gets another role.
"""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from studio.accounts.models import User
from studio.web.cookies import cookie_name

NAME = "known"
AGE = 365 * 86_400  # seconds
MOST = 5  # accounts
SIGNER = "studio.known-browser"


def browser_id(request: HttpRequest, user: User) -> str:
    """Return the id of this browser if the person has signed in in it, else ""."""
    browser, accounts = _read(request)
    return browser if accounts.get(str(user.pk)) == _mark(user) else ""


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Note in the cookie that this person has signed in in this browser."""
    browser, accounts = _read(request)
    accounts = {**{key: mark for key, mark in accounts.items() if key != str(user.pk)}, str(user.pk): _mark(user)}
    value = {"browser": browser or get_random_string(22), "accounts": dict(list(accounts.items())[-MOST:])}
    name = cookie_name(NAME)
    cookie = signing.dumps(value, salt=SIGNER, compress=True)
    response.set_cookie(name, cookie, max_age=AGE, secure=settings.HTTPS, httponly=True, samesite="Lax")


def _mark(user: User) -> str:
    """What ends with all of the person's sessions; it does not tell their stamp."""
    return salted_hmac(SIGNER, user.session_stamp).hexdigest()[:16]


def _read(request: HttpRequest) -> tuple[str, dict[str, str]]:
    try:
        value = signing.loads(request.COOKIES.get(cookie_name(NAME), ""), salt=SIGNER, max_age=AGE)
        return str(value["browser"]), dict(value["accounts"])
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return "", {}
