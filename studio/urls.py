"""Every address of the studio, by app. Sign-in is the default for every view; the open doors say so where they stand."""

from django.conf import settings
from django.urls import include, path, register_converter
from django.urls.resolvers import URLPattern, URLResolver

from studio.control import sandbox
from studio.projects.codes import ProjectCode

register_converter(ProjectCode, "code")
handler500 = "studio.control.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("studio.control.urls")),
    path("", include("studio.accounts.urls")),
    path("", include("studio.projects.urls")),
    path("", include("studio.prompts.urls")),
    path("", include("studio.credits.urls")),
    path("", include("studio.jobs.urls")),
    path("", include("studio.gallery.urls")),
]
if settings.SANDBOX:
    urlpatterns += [
        path("sandbox/", sandbox.faults, name="sandbox"),
        path("sandbox/faults/<int:fault_id>", sandbox.change, name="sandbox_fault"),
        path("sandbox/", include("studio.sandbox.urls")),
    ]
