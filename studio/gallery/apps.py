"""Django's entry for this app."""

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Names the app."""

    name = "studio.gallery"
    label = "gallery"
