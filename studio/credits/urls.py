"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.credits import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("credits/", views.own, name="credits"),
    path("credits/people/", views.people, name="credits_people"),
    path("credits/people/<int:user_id>/grant/", views.grant, name="credits_grant"),
]
