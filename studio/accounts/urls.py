"""The addresses of this app. Of allauth's only those that are needed: no sign-up, no managing of addresses, no social accounts."""

from allauth.account import views as allauth
from django.urls import path, re_path
from django.urls.resolvers import URLPattern, URLResolver

from studio.accounts import audit_pages, sessions, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/inactive/", allauth.account_inactive, name="account_inactive"),
    path("accounts/password/change/", allauth.password_change, name="account_change_password"),
    path("accounts/password/set/", allauth.password_set, name="account_set_password"),
    path("accounts/password/reset/", views.reset_password, name="account_reset_password"),
    path("accounts/password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    path("accounts/password/reset/key/done/", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("session/", sessions.session, name="session"),
    path("in/<str:token>/", views.access_link, name="access_link"),
    path("people/", views.people, name="people"),
    path("people/<int:user_id>/role/", views.person_role, name="person_role"),
    path("people/<int:user_id>/switch/", views.person_switch, name="person_switch"),
    path("people/<int:user_id>/sign-out/", views.person_sign_out, name="person_sign_out"),
    path("people/<int:user_id>/link/", views.person_link, name="person_link"),
    path("audit/", audit_pages.events, name="audit"),
    path("audit/export.csv", audit_pages.export, name="audit_export"),
    path("me/", views.me, name="me"),
    path("me/sign-out-elsewhere/", views.sign_out_elsewhere, name="sign_out_elsewhere"),
]
