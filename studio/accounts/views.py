"""Pages about people: the link that lets somebody in, everybody's list for admins, one's own page, a forgotten password."""

from http import HTTPStatus

from allauth.account import views as allauth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from studio.accounts import actions, departing, door, rate_limits, security_log
from studio.accounts.departing import Departure, departing_page
from studio.accounts.forms import ChooseRole, Invite, Me, Switch, Welcome
from studio.accounts.invitations import Handover, hand_over
from studio.accounts.models import AccessLink, User


@login_not_required  # whoever has the link has no account yet, or no password
@never_cache
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password1", "password2")
def access_link(request: HttpRequest, token: str) -> HttpResponse:
    """Let one person in, once. Only a POST uses the link up: chat programs and mail scanners open every address that they see."""
    link = AccessLink.of(token)
    if link is None:  # an address with a known token is nobody's guess
        rate_limits.check(request, "unknown_link")
    if link is None or not link.is_open:
        return _link_over(request, link)
    if link.kind == AccessLink.Kind.SIGN_IN:
        return _sign_in_by(request, link)
    form = Welcome(request.POST or None, person=link.user)
    if request.method == "POST" and form.is_valid():
        taken = actions.accept(link, name=form.cleaned_data["name"], password=form.cleaned_data["password1"])
        return _come_in(request, link) if taken else _link_over(request, link)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return render(request, "accounts/welcome.html", {"form": form, "person": link.user, "known": link.user.is_active}, status=status)


def _sign_in_by(request: HttpRequest, link: AccessLink) -> HttpResponse:
    """The page that asks before it signs in; a POST does."""
    if request.method != "POST":
        return render(request, "accounts/sign_in_by_link.html", {"person": link.user})
    return _come_in(request, link) if actions.use_sign_in_link(link) else _link_over(request, link)


def _come_in(request: HttpRequest, link: AccessLink) -> HttpResponse:
    """Home, signed in."""
    security_log.note_method(request, "link" if link.kind == AccessLink.Kind.SIGN_IN else "invitation")
    login(request, link.user)
    return redirect("home")


def _link_over(request: HttpRequest, link: AccessLink | None) -> HttpResponse:
    """Why the link does not work, and what to do."""
    state = "unknown" if link is None else "used" if link.used_at else "over"
    security_log.failed(request, "link_refused", state=state, user=link.user_id if link else None)
    status = HTTPStatus.NOT_FOUND if link is None else HTTPStatus.GONE
    return render(request, "accounts/link_over.html", {"link": link}, status=status)


@login_not_required
@never_cache
def reset_password(request: HttpRequest) -> HttpResponseBase:
    """Ask for a new password by e-mail; where the installation sends none, say so and whom to ask."""
    if not settings.EMAIL_URL:
        return render(request, "account/password_reset_off.html")
    return allauth.password_reset(request)


@never_cache
@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, for admins; a POST invites one more."""
    user = door.admin(request)
    form = Invite(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person, token = actions.invite(form.cleaned_data["email"], role=form.cleaned_data["role"], by=user)
        except actions.CannotDo as refusal:
            form.add_error("email", str(refusal))
        else:
            return _list(request, user, Invite(), hand_over(request, person, token, by=user))
    return _list(request, user, form, None)


def _list(request: HttpRequest, user: User, form: Invite, handover: Handover | None) -> HttpResponse:
    """The page with everybody; `handover` is the link that was just made, shown this once."""
    now = timezone.now()
    invited = Q(access_links__kind=AccessLink.Kind.INVITATION, access_links__used_at=None, access_links__expires_at__gt=now)
    rows = User.objects.annotate(link_until=Max("access_links__expires_at", filter=invited)).order_by("-is_active", "name", "email")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    context = {"people": rows, "form": form, "handover": handover, "me": user, "roles": User.Role.choices}
    return render(request, "accounts/people.html", context, status=status)


@require_POST
def person_role(request: HttpRequest, user_id: int) -> HttpResponse:
    """Give somebody another role."""
    user, person, form = door.admin(request), get_object_or_404(User, pk=user_id), ChooseRole(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("people")
    try:
        if actions.change_role(person, form.cleaned_data["role"], by=user):
            _keep_own_session(request, person)
            messages.success(request, f"{person} is now {person.get_role_display().lower()}.")
    except actions.CannotDo as refusal:
        messages.error(request, str(refusal))
    return redirect("home" if person == user and not person.is_admin else "people")


@never_cache
@require_http_methods(["GET", "POST"])
def person_switch(request: HttpRequest, user_id: int) -> HttpResponse:
    """Switch somebody off or on. A GET asks first, and lists what the person leaves behind."""
    user, person, form = door.admin(request), get_object_or_404(User, pk=user_id), Switch(request.POST)
    if request.method == "GET":
        return _asked_to_switch_off(request, Departure(person=person, by=user))
    if not form.is_valid():
        messages.error(request, "Say whether to switch on or off.")
        return redirect("people")
    on = form.cleaned_data["to"] == "on"
    try:
        changed = actions.switch_on(person, by=user) if on else actions.switch_off(person, by=user, keep=departing.kept_in(request.POST))
        if changed:
            messages.success(request, f"{person} can sign in again." if on else f"{person} can no longer come in.")
    except actions.CannotDo as refusal:
        messages.error(request, str(refusal))
    return redirect("people")


def _asked_to_switch_off(request: HttpRequest, departure: Departure) -> HttpResponse:
    """What switching off ends, and what can be kept; in a dialog where there is a script."""
    person = departure.person
    context = {
        "departure": departure,
        "left": departing.found(departure),
        "title": f"Switch off {person}",
        "intro": f"{person} can no longer come in. Everything that they made stays, and an admin can switch them on again.",
        "goes": reverse("person_switch", args=[person.pk]),
        "back": reverse("people"),
        "hidden": [("to", "off")],
        "button": "Switch off",
    }
    return departing_page(request, context)


@require_POST
def person_sign_out(request: HttpRequest, user_id: int) -> HttpResponse:
    """End all sessions of somebody."""
    user, person = door.admin(request), get_object_or_404(User, pk=user_id)
    actions.end_sessions(person, by=user)
    security_log.succeeded(request, "sessions_ended", person=person.pk)
    _keep_own_session(request, person)
    messages.success(request, f"{person} is signed out everywhere{' else' if person == user else ''}.")
    return redirect("people")


def _keep_own_session(request: HttpRequest, person: User) -> None:
    """After a change that ends a person's sessions: the one of whoever made it goes on, if it is their own."""
    if request.user == person:
        update_session_auth_hash(request, person)


@never_cache
@require_POST
def person_link(request: HttpRequest, user_id: int) -> HttpResponse:
    """Make a fresh link for somebody: a new invitation, or a new password for one who forgot it."""
    user, person = door.admin(request), get_object_or_404(User, pk=user_id)
    try:
        token = actions.issue_link(person, by=user)
    except actions.CannotDo as refusal:
        messages.error(request, str(refusal))
        return redirect("people")
    return _list(request, user, Invite(), hand_over(request, person, token, by=user))


@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End all of one's own sessions but this one."""
    user = door.person(request)
    actions.end_sessions(user, by=user)
    security_log.succeeded(request, "sessions_ended", person=user.pk)
    _keep_own_session(request, user)
    messages.success(request, "You are signed out everywhere else.")
    return redirect("me")


@require_http_methods(["GET", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """One's own name, time zone and way of writing dates."""
    user = door.person(request)
    form = Me(request.POST or None, initial={"name": user.name, "time_zone": user.time_zone, "locale": user.locale})
    if request.method == "POST" and form.is_valid():
        actions.describe(user, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("me")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "accounts/me.html", {"form": form, "me": user}, status=status)
