"""The addresses of this app."""

from django.urls import path

from studio.jobs import views

urlpatterns = [
    path("p/<code:code>/", views.studio, name="studio"),
    path("p/<code:code>/pulse/", views.pulse, name="pulse"),
    path("p/<code:code>/composer/", views.composer, name="composer"),
    path("p/<code:code>/options/", views.options, name="options"),
    path("p/<code:code>/jobs/", views.order, name="order"),
    path("p/<code:code>/jobs/<int:number>/", views.job, name="job"),
    path("p/<code:code>/jobs/<int:number>/cancel/", views.job_cancel, name="job_cancel"),
    path("p/<code:code>/references/", views.reference_add, name="reference_add"),
]
