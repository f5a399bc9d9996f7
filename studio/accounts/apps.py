"""Django's entry for this app."""

from allauth.account import signals
from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out

from studio.accounts import session_age


class AccountsConfig(AppConfig):
    """Names the app, starts the clocks of a session at each sign-in, and says what people leave behind here."""

    name = "studio.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Connect Django's signal, which every way of signing in sends."""
        from studio.accounts import departing, limit_requests, security_log  # tables exist only now

        user_logged_in.connect(session_age.note_sign_in)
        user_logged_in.connect(limit_requests.note_sign_in)
        user_logged_in.connect(security_log.signed_in)
        user_logged_out.connect(security_log.signed_out)
        signals.password_changed.connect(security_log.password_changed)
        signals.password_set.connect(security_log.password_set)
        signals.password_reset.connect(security_log.password_reset)
        departing.register(departing.SOURCE)
