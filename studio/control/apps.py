"""Django's entry for this app."""

from django.apps import AppConfig


class ControlConfig(AppConfig):
    """Names the app."""

    name = "studio.control"
    label = "control"
