"""Passwords and the tokens of password reset links.

How hard a password is to guess is estimated by zxcvbn: leaked passwords, words, names, dates, keyboard patterns, and what is known about the person.
"""

import re

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from studio.accounts.models import User

STRONG = 3  # zxcvbn's score of 0 to 4: at least 10^8 guesses
MOST_MEASURED = 30  # characters; the estimate takes up to 0.2 s of CPU for 30 and more than a second for 72
PRODUCT = ("studio", "imagine", "grok")
GENERIC = "Use several uncommon words, without your name, your e-mail address or the team's name."


class StrengthValidator:
    """Refuses passwords that are easy to guess, also those made of the person's name, their e-mail address or the team's name."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raise ValidationError for a password that is easy to guess."""
        result = zxcvbn(password[:MOST_MEASURED], user_inputs=_known_words(user))
        if result["score"] >= STRONG:
            return
        reason = result["feedback"]["warning"] or "This password is too easy to guess."
        raise ValidationError(f"{reason.rstrip('.')}. {GENERIC}", code="password_easy_to_guess")

    def get_help_text(self) -> str:
        """What Django's forms say about this rule."""
        return GENERIC


def _known_words(user: AbstractBaseUser | None) -> list[str]:
    """What somebody who knows the person and the installation would try first."""
    known = [settings.TEAM_NAME, *PRODUCT]
    if isinstance(user, User):
        known += [user.email, user.name]
    words = [word for text in known for word in re.split(r"[\W_]+", text) if word]
    return [*known, *words, *("".join(re.split(r"\W+", text)) for text in known)]


class ResetTokenGenerator(PasswordResetTokenGenerator):
    """Tokens that also end when the person's sessions are ended (User.session_stamp)."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}|{user.session_stamp}"
