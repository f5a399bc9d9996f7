"""Every address of the studio, by app. Sign-in is the default for every view; the open doors say so where they stand."""

from django.conf import settings
from django.urls import include, path, register_converter

from studio.projects.codes import ProjectCode

register_converter(ProjectCode, "code")

urlpatterns = [
    path("", include("studio.control.urls")),
    path("", include("studio.accounts.urls")),
    path("", include("studio.projects.urls")),
    path("", include("studio.credits.urls")),
    path("", include("studio.jobs.urls")),
    path("", include("studio.gallery.urls")),
]
if settings.SANDBOX:
    urlpatterns += [path("sandbox/", include("studio.sandbox.urls"))]
