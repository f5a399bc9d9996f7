"""The addresses of this app."""

from django.urls import path

from studio.jobs import views

urlpatterns = [
    path("p/<str:code>/", views.studio, name="studio"),
    path("p/<str:code>/pulse/", views.pulse, name="pulse"),
    path("p/<str:code>/composer/", views.composer, name="composer"),
    path("p/<str:code>/options/", views.options, name="options"),
    path("p/<str:code>/jobs/", views.order, name="order"),
    path("p/<str:code>/jobs/<int:number>/", views.job, name="job"),
    path("p/<str:code>/jobs/<int:number>/cancel/", views.job_cancel, name="job_cancel"),
    path("p/<str:code>/references/", views.reference_add, name="reference_add"),
]
