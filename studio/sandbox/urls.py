"""The played providers under their real paths, their videos, and the admin's page."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.sandbox import acedata, comet, files, grokimagine, pages, ttapi, xai

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.faults, name="sandbox"),
    path("faults/<int:fault_id>", pages.change, name="sandbox_fault"),
    path("files/<slug:name>.mp4", files.video, name="sandbox_video"),
    path("ttapi/grok/generations", ttapi.generations),
    path("ttapi/grok/fetch", ttapi.fetch),
    path("grokimagine/v1/generate", grokimagine.generate),
    path("grokimagine/v1/status", grokimagine.status),
    path("acedata/grok/videos", acedata.videos),
    path("acedata/grok/tasks", acedata.tasks),
    path("acedata/<path:path>", acedata.no_api),
    path("comet/grok/v1/videos/generations", comet.generations),
    path("comet/grok/v1/videos/<str:request_id>", comet.video),
    path("comet/", comet.wrong_path),
    path("comet/<path:path>", comet.wrong_path),
    path("xai/v1/videos/generations", xai.generations),
    path("xai/v1/videos/<str:request_id>", xai.video),
]
