"""The security log: one line for each sign-in, each failure, each refusal and each change of a password, from the logger `studio.security`.

    event=sign_in_failed account=6f0c2b9d41aa7e35 user=12 address=203.0.113.7 agent="Mozilla/5.0 (X11; Linux x86_64)"

README lists the events. A line is made of `key=value`. A value that is not plain stands in quotes as JSON in ASCII, so nothing that somebody typed or sent
ends a line, moves a cursor or looks like a field of its own. People are named by their id. An e-mail address that somebody typed is named by a keyed
hash, which is the same for all tries at one account. Passwords, tokens and addresses of unknown people never stand here.
"""

import hashlib
import hmac
import json
import logging
import re
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from studio.accounts.client_address import client_address
from studio.accounts.models import User, address_of
from studio.web import fetch_metadata
from studio.web.log_redaction import redacted

log = logging.getLogger("studio.security")
PLAIN = re.compile(r"[A-Za-z0-9_.:/@+-]+")
LONGEST = 200  # characters of a value
METHOD, REASON = "studio.sign_in_method", "studio.refusal"  # notes in request.META, where no header of a client has such a name


def succeeded(request: HttpRequest, event: str, **values: object) -> None:
    """Log an event that is as it should be."""
    log.info(line_of(request, event, values))


def failed(request: HttpRequest, event: str, **values: object) -> None:
    """Log a failure or a refusal."""
    log.warning(line_of(request, event, values))


def line_of(request: HttpRequest, event: str, values: dict[str, object]) -> str:
    """Return the line: the event, its values, who is signed in unless `user` is one of the values, and the client's address."""
    signed_in = getattr(request, "user", None)
    who = {"user": signed_in.pk} if isinstance(signed_in, User) and "user" not in values else {}
    fields = {"event": event, **values, **who, "address": client_address(request)}
    return " ".join(f"{key}={written(value)}" for key, value in fields.items() if value is not None and value != "")


def written(value: object) -> str:
    """Return the value as it is where it is plain, else as JSON in ASCII; cut off where it is long."""
    text = str(value)[:LONGEST]
    return text if PLAIN.fullmatch(text) else json.dumps(text).replace("\x7f", "\\u007f")


def account_hash(email: str) -> str:
    """Return the keyed hash by which an e-mail address is named."""
    return hmac.new(settings.SECRET_KEY.encode(), b"studio.security-log:" + address_of(email).encode(), hashlib.sha256).hexdigest()[:16]


def account(email: str) -> dict[str, object]:
    """Return how an e-mail address that somebody typed is named: its hash, and the id of the person whose it is. One query."""
    person = User.objects.find(email)
    return {"account": account_hash(email), "user": person.pk if person else None}


def agent(request: HttpRequest) -> str:
    """Return what the client says that it is."""
    return request.headers.get("User-Agent", "")


def note_method(request: HttpRequest, method: str) -> None:
    """Note how somebody is about to sign in: password, link or invitation."""
    request.META[METHOD] = method


def note_refusal(request: HttpRequest, reason: str) -> None:
    """Note why a request is refused."""
    request.META[REASON] = reason


def signed_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Log a sign-in. Receives Django's `user_logged_in`, which every way of signing in sends."""
    succeeded(request, "sign_in", method=request.META.get(METHOD, "other"), account=account_hash(user.email), user=user.pk, agent=agent(request))


def signed_out(request: HttpRequest, user: User | None, **_signal: Any) -> None:
    """Log a sign-out. Receives Django's `user_logged_out`."""
    if user is not None:
        succeeded(request, "sign_out", reason=request.META.get(REASON), user=user.pk)


def password_changed(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Receives allauth's signal."""
    succeeded(request, "password_changed", method="current_password", user=user.pk)


def password_set(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Receives allauth's signal."""
    succeeded(request, "password_changed", method="first_password", user=user.pk)


def password_reset(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Receives allauth's signal."""
    succeeded(request, "password_changed", method="mailed_link", user=user.pk)


class LogRefusals(MiddlewareMixin):
    """Middleware: logs every 403, whatever refused it."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep the sentence of a refusal."""
        if isinstance(exception, PermissionDenied):
            note_refusal(request, " ".join(["permission:", *map(str, exception.args)]))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Log it and return the same answer."""
        if response.status_code == 403:  # noqa: PLR2004 - Forbidden
            log_refusal(request, status=403)
        return response


def log_refusal(request: HttpRequest, *, status: int) -> None:
    """Log that this request is refused. A project that somebody may not see is answered with 404."""
    reason = request.META.get(REASON) or ("permission" if fetch_metadata.is_ours(request) else "other_site")
    failed(request, "refused", status=status, reason=reason, method=request.method, path=redacted(request.path))
