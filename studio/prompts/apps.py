"""Django's entry for this app."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    """Names the app."""

    name = "studio.prompts"
    label = "prompts"
