"""Django's entry for this app."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    """Names the app, and says what people leave behind here."""

    name = "studio.prompts"
    label = "prompts"

    def ready(self) -> None:
        """Register what people leave behind."""
        from studio.accounts.departing import register
        from studio.prompts.leaving import SOURCE  # tables exist only now

        register(SOURCE)
