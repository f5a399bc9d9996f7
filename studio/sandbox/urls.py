"""The played providers under their real paths, and their videos. The admin's page has its addresses above, where people are known."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.sandbox import acedata, comet, files, grokimagine, ttapi, xai, xai_files

urlpatterns: list[URLPattern | URLResolver] = [
    path("files/<slug:name>.mp4", files.video, name="sandbox_video"),
    path("ttapi/grok/generations", ttapi.generations),
    path("ttapi/grok/fetch", ttapi.fetch),
    path("ttapi/grok/v1/videos/generations", ttapi.shaped_generations),
    path("ttapi/grok/v1/videos/extensions", ttapi.shaped_extensions),
    path("ttapi/grok/v1/videos/<str:request_id>", ttapi.shaped_video),
    path("grokimagine/v1/generate", grokimagine.generate),
    path("grokimagine/v1/status", grokimagine.status),
    path("acedata/grok/videos", acedata.videos),
    path("acedata/grok/tasks", acedata.tasks),
    path("acedata/<path:path>", acedata.no_api),
    path("comet/grok/v1/videos/generations", comet.generations),
    path("comet/grok/v1/videos/edits", comet.edits),
    path("comet/user/quota", comet.balance),
    path("comet/grok/v1/videos/<str:request_id>", comet.video),
    path("comet/", comet.wrong_path),
    path("comet/<path:path>", comet.wrong_path),
    path("xai/v1/videos/generations", xai.generations),
    path("xai/v1/videos/edits", xai.edits),
    path("xai/v1/videos/extensions", xai.extensions),
    path("xai/v1/videos/<str:request_id>", xai.video),
    path("xai/v1/files", xai_files.listed),
    path("xai/v1/files/<str:file_id>", xai_files.one),
    path("xai/v1/files/<str:file_id>/content", xai_files.content),
]
