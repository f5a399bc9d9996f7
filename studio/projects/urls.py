"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.projects import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("projects/new/", views.project_new, name="project_new"),
    path("p/<code:code>/settings/", views.project_settings, name="project_settings"),
    path("p/<code:code>/settings/archive/", views.project_archive, name="project_archive"),
    path("p/<code:code>/settings/members/", views.member_add, name="member_add"),
    path("p/<code:code>/settings/members/<int:user_id>/role/", views.member_role, name="member_role"),
    path("p/<code:code>/settings/members/<int:user_id>/remove/", views.member_remove, name="member_remove"),
    path("p/<code:code>/settings/members/<int:user_id>/link/", views.member_link, name="member_link"),
    path("p/<code:code>/settings/requests/<int:request_id>/", views.member_request, name="member_request"),
    path("me/projects/<int:request_id>/", views.my_request, name="my_request"),
]
