"""Django's entry for this app."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in

from studio.accounts import session_age


class AccountsConfig(AppConfig):
    """Names the app, starts the clocks of a session at each sign-in, and says what people leave behind here."""

    name = "studio.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Connect Django's signal, which every way of signing in sends."""
        from studio.accounts import departing, limit_requests  # tables exist only now

        user_logged_in.connect(session_age.note_sign_in)
        user_logged_in.connect(limit_requests.note_sign_in)
        departing.register(departing.SOURCE)
