"""The addresses of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

from studio.credits import limit_pages, moving, report_views, request_pages, statement_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("credits/", views.own, name="credits"),
    path("credits/people/", views.people, name="credits_people"),
    path("credits/people/<int:user_id>/grant/", views.grant, name="credits_grant"),
    path("credits/ask/", request_pages.ask, name="credits_ask"),
    path("credits/requests/", request_pages.listed, name="credits_requests"),
    path("credits/requests/told/", request_pages.told, name="credits_told"),
    path("credits/requests/<int:request_id>/answer/", request_pages.answer, name="credits_answer"),
    path("credits/requests/<int:request_id>/withdraw/", request_pages.withdraw, name="credits_withdraw"),
    path("credits/caps/", limit_pages.own_cap, name="credits_own_cap"),
    path("credits/limits/", limit_pages.limits, name="credits_limits"),
    path("credits/limits/allowances/", limit_pages.allowance_add, name="credits_allowance_add"),
    path("credits/limits/allowances/<int:allowance_id>/", limit_pages.allowance_change, name="credits_allowance"),
    path("credits/limits/allowances/<int:allowance_id>/switch/", limit_pages.allowance_switch, name="credits_allowance_switch"),
    path("credits/limits/budgets/", limit_pages.budget_set, name="credits_budget_set"),
    path("credits/limits/caps/", limit_pages.cap_set, name="credits_cap_set"),
    path("credits/limits/waivers/", limit_pages.waiver_give, name="credits_waiver_give"),
    path("credits/limits/waivers/<int:waiver_id>/withdraw/", limit_pages.waiver_withdraw, name="credits_waiver_withdraw"),
    path("credits/people/find/", limit_pages.people_found, name="credits_find"),
    path("credits/people/move/", moving.move, name="credits_move"),
    path("credits/people/moved/<uuid:batch>/", moving.moved, name="credits_moved"),
    path("credits/people/moved/<uuid:batch>/stop/", moving.stop, name="credits_moved_stop"),
    path("credits/overview/", report_views.overview, name="credits_overview"),
    path("credits/spend/", report_views.spend, name="credits_spend"),
    path("credits/ledger/", report_views.ledger, name="credits_ledger"),
    path("credits/statements/", statement_views.statements, name="credits_statements"),
    path("credits/statements/<int:year>/<int:month>/team/", statement_views.team, name="statement_team"),
    path("credits/statements/<int:year>/<int:month>/people/<int:user_id>/", statement_views.person, name="statement_person"),
    path("credits/statements/<int:year>/<int:month>/projects/<code:code>/", statement_views.project, name="statement_project"),
]
