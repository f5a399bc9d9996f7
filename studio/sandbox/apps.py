"""The app's registration."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The sandbox, label `sandbox`."""

    name = "studio.sandbox"
    label = "sandbox"
    verbose_name = "Sandbox"
