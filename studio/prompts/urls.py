"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.prompts import changing, files, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("prompts/", views.prompts, name="prompts"),
    path("prompts/new/", views.prompt_new, name="prompt_new"),
    path("prompts/variables/", views.prompt_variables, name="prompt_variables"),
    path("prompts/export/", files.export, name="prompts_export"),
    path("prompts/import/", files.bring, name="prompts_import"),
    path("prompts/import/<int:import_id>/", files.confirm, name="prompts_import_confirm"),
    path("prompts/<int:prompt_id>/", views.prompt, name="prompt"),
    path("prompts/<int:prompt_id>/versions/<int:number>/", views.prompt, name="prompt_version"),
    path("prompts/<int:prompt_id>/versions/<int:number>/restore/", views.prompt_restore, name="prompt_restore"),
    path("prompts/<int:prompt_id>/versions/<int:number>/label/", changing.label, name="prompt_label"),
    path("prompts/<int:prompt_id>/label-off/", changing.label_off, name="prompt_label_off"),
    path("prompts/<int:prompt_id>/edit/", views.prompt_edit, name="prompt_edit"),
    path("prompts/<int:prompt_id>/compare/", views.prompt_compare, name="prompt_compare"),
    path("prompts/<int:prompt_id>/use/", views.prompt_use, name="prompt_use"),
    path("prompts/<int:prompt_id>/details/", changing.details, name="prompt_details"),
    path("prompts/<int:prompt_id>/hand-over/", changing.hand_over, name="prompt_hand_over"),
    path("prompts/<int:prompt_id>/archive/", changing.archive, name="prompt_archive"),
]
