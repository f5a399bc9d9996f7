"""Django's entry for this app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """Names the app."""

    name = "studio.projects"
    label = "projects"
