"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.gallery import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<code:code>/gallery/", views.gallery, name="gallery"),
    path("p/<code:code>/clips/<uuid:clip_id>/", views.clip, name="clip"),
    path("p/<code:code>/clips/<uuid:clip_id>/video/", views.clip_video, name="clip_video"),
    path("p/<code:code>/clips/<uuid:clip_id>/poster/", views.clip_poster, name="clip_poster"),
    path("p/<code:code>/clips/<uuid:clip_id>/sheet/", views.clip_sheet, name="clip_sheet"),
    path("p/<code:code>/clips/<uuid:clip_id>/download/", views.clip_download, name="clip_download"),
    path("p/<code:code>/references/<uuid:reference_id>/", views.reference, name="reference"),
    path("references/<str:signed>/", views.reference_public, name="reference_public"),
]
