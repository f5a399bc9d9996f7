"""Django's entry for this app."""

from django.apps import AppConfig


class SharedStateConfig(AppConfig):
    """Names the app."""

    name = "studio.shared_state"
    label = "shared_state"
