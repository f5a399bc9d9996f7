"""Django's entry for this app."""

from django.apps import AppConfig


class CreditsConfig(AppConfig):
    """Names the app."""

    name = "studio.credits"
    label = "credits"
