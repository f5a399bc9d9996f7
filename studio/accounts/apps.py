"""Django's entry for this app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Names the app."""

    name = "studio.accounts"
    label = "accounts"
