"""Django's entry for this app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Names the app."""

    name = "studio.routing"
    label = "routing"
