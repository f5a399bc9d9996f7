"""Django's entry for this app."""

from django.apps import AppConfig
from django.conf import settings


class SandboxConfig(AppConfig):
    """Names the app, and stops the start when its faults cannot be read."""

    name = "studio.sandbox"
    label = "sandbox"

    def ready(self) -> None:
        """Read the setting once, for its mistakes. Raises ImproperlyConfigured."""
        from studio.sandbox.faults import read_setting  # tables exist only now

        read_setting(settings.SANDBOX_FAULTS)
