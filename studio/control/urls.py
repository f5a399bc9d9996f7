"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.control import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("connections/", views.connections, name="connections"),
    path("connections/new/", views.connection_new, name="connection_new"),
    path("connections/<int:connection>/", views.connection_edit, name="connection_edit"),
    path("connections/<int:connection>/switch/", views.connection_switch, name="connection_switch"),
    path("connections/<int:connection>/check/", views.connection_check, name="connection_check"),
]
