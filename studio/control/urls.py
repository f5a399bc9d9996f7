"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.control import alert_pages, frame_views, keeping_views, price_views, room_views, views
from studio.web.csp_reports import csp_report

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("csp-report/", csp_report, name="csp_report"),
    path("found/", frame_views.found, name="found"),
    path("keys/", frame_views.keymap, name="keymap"),
    path("guides/<str:name>/close/", frame_views.guide_close, name="guide_close"),
    path("connections/", views.connections, name="connections"),
    path("connections/new/", views.connection_new, name="connection_new"),
    path("connections/drift/", views.drift, name="drift"),
    path("connections/<int:connection>/", views.connection_edit, name="connection_edit"),
    path("connections/<int:connection>/switch/", views.connection_switch, name="connection_switch"),
    path("connections/<int:connection>/check/", views.connection_check, name="connection_check"),
    path("connections/<int:connection>/balance/", views.connection_balance, name="connection_balance"),
    path("connections/<int:connection>/resume/", views.connection_resume, name="connection_resume"),
    path("connections/<int:connection>/prices/", price_views.price_add, name="price_add"),
    path("connections/<int:connection>/prices/<int:rule>/remove/", price_views.price_remove, name="price_remove"),
    path("connections/<int:connection>/rates/", price_views.rate_add, name="rate_add"),
    path("control/", room_views.control, name="control"),
    path("control/storage/", keeping_views.storage_all, name="storage"),
    path("control/alerts/", alert_pages.alert_list, name="alerts"),
    path("control/alerts/<uuid:attempt>/settle/", alert_pages.alert_settle, name="alert_settle"),
    path("control/missing/", keeping_views.missing_clips, name="missing"),
    path("control/files/<uuid:clip>/check/", keeping_views.file_check, name="file_check"),
    path("control/files/<uuid:clip>/fetch/", keeping_views.file_fetch, name="file_fetch"),
    path("control/files/<uuid:clip>/lost/", keeping_views.file_lost, name="file_lost"),
    path("control/doubt/", room_views.doubts, name="doubts"),
    path("control/doubt/<uuid:job>/<str:verdict>/", room_views.doubt_verdict, name="doubt_verdict"),
]
