"""How django-allauth behaves here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnly(DefaultAccountAdapter):
    """Nobody signs up by themselves: people come by invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False
