"""How django-allauth behaves here: by invitation only, in plain words, and every new password is written down."""

import logging
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from studio.accounts import security_log, sign_in_limits
from studio.accounts.client_address import client_address
from studio.accounts.models import AccessLink, AuditEvent, User
from studio.plain_text import lines, one_line
from studio.web.too_many_requests import in_words

log = logging.getLogger(__name__)


class InvitedOnly(DefaultAccountAdapter):
    """Nobody signs up by themselves: people come by invitation."""

    error_messages: dict[str, Any] = {  # noqa: RUF012 - allauth declares it so
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail address and password do not match.",
        "enter_current_password": "This is not your current password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth asks with it
        """Never."""
        return False

    def format_email_subject(self, subject: str) -> str:
        """With the team's name in front."""
        return f"{settings.TEAM_NAME}: {subject}"

    def render_mail(self, template_prefix: str, email: str | list[str], context: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """The library's letter, cleaned as our own are."""
        letter = super().render_mail(template_prefix, email, context, headers)
        letter.subject, letter.body = one_line(str(letter.subject)), lines(str(letter.body))
        return letter

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Below the public address where there is one: whoever asks for somebody else's reset could name any host as ours."""
        address: str = super().get_reset_password_from_key_url(key)
        return f"{settings.PUBLIC_URL}{urlsplit(address).path}" if settings.PUBLIC_URL else address

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002 - allauth asks with it
        """One's own page."""
        return reverse("me")

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Keep the new password and record that there is one. Links that would set another one, or sign in without it, end."""
        user.set_password(password)
        with transaction.atomic():
            user.save(update_fields=["password"])  # the library saves all fields, and would undo a switching off that happened meanwhile
            if isinstance(user, User):
                AccessLink.end(user)
                AuditEvent.record("person.password", user.email, actor=user)
                sign_in_limits.forget(user)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it. One that cannot be sent is logged, not shown: the answer must be the same for addresses that we know and that we do not."""
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError):
            log.exception("An e-mail could not be sent: %s", template_prefix)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address by which tries are counted. The library turns away whoever has none that it can read."""
        return client_address(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Check the password, unless there were too many tries."""
        email = str(credentials.get("email", ""))
        tries = sign_in_limits.Tries(request, email)
        if seconds := tries.begin():
            security_log.failed(request, "throttled", limit="sign_in", seconds=seconds, **security_log.account(email))
            raise ValidationError(f"Too many tries. Try again in {in_words(seconds)}, or ask for a new password.", code="too_many_tries")
        user: AbstractBaseUser | None = None
        try:
            user = super().authenticate(request, **credentials)
        finally:
            tries.end(right=user is not None)
        security_log.note_method(request, "password")
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Log it. What was typed stays out: people type passwords into the wrong box."""
        named = security_log.account(str(credentials.get("email", "")))
        security_log.failed(request, "sign_in_failed", **named, agent=security_log.agent(request))

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """Log the sign-in of somebody who is switched off."""
        security_log.failed(request, "sign_in_failed", reason="switched_off", user=user.pk, agent=security_log.agent(request))
        answer: HttpResponse = super().respond_user_inactive(request, user)
        return answer
