"""The addresses of this app."""

from django.urls import path

from studio.jobs import act_views, batch_views, callbacks, draft_views, frame_views, library, rescue_views, views

urlpatterns = [
    path("hooks/<uuid:attempt>/<str:token>/", callbacks.hook, name="hook"),
    path("p/<code:code>/", views.studio, name="studio"),
    path("p/<code:code>/pulse/", views.pulse, name="pulse"),
    path("p/<code:code>/news/", views.news, name="news"),
    path("p/<code:code>/looked/", views.looked, name="looked"),
    path("p/<code:code>/composer/", views.composer, name="composer"),
    path("p/<code:code>/draft/", draft_views.draft, name="draft"),
    path("p/<code:code>/options/", views.options, name="options"),
    path("p/<code:code>/jobs/", batch_views.order, name="order"),
    path("p/<code:code>/jobs/<int:number>/", views.job, name="job"),
    path("p/<code:code>/jobs/act/", act_views.jobs_act, name="jobs_act"),
    path("p/<code:code>/jobs/<int:number>/menu/", act_views.job_menu, name="job_menu"),
    path("p/<code:code>/jobs/<int:number>/retry/", views.job_retry, name="job_retry"),
    path("p/<code:code>/batches/sheet/", batch_views.sheet, name="batch_sheet"),
    path("p/<code:code>/batches/template/", batch_views.template, name="batch_template"),
    path("p/<code:code>/batches/plans/<uuid:plan_id>/", batch_views.planned, name="batch_planned"),
    path("p/<code:code>/batches/<int:number>/", batch_views.batch, name="batch"),
    path("p/<code:code>/batches/<int:number>/act/", batch_views.act, name="batch_act"),
    path("p/<code:code>/jobs/<int:number>/rescue/", rescue_views.job_rescue, name="job_rescue"),
    path("p/<code:code>/jobs/<int:number>/upload/", rescue_views.job_upload, name="job_upload"),
    path("p/<code:code>/jobs/<int:number>/give-up/", rescue_views.job_give_up, name="job_give_up"),
    path("p/<code:code>/library/", library.picker, name="library_picker"),
    path("p/<code:code>/library/keep/", library.keep, name="library_keep"),
    path("p/<code:code>/values/", library.values, name="values"),
    path("p/<code:code>/references/", views.reference_add, name="reference_add"),
    path("p/<code:code>/frames/", frame_views.frames, name="frames"),
    path("p/<code:code>/clips/<uuid:clip_id>/frame/", frame_views.clip_frame, name="clip_frame"),
]
