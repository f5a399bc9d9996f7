"""Pages about projects: the way in, a new one, its settings and members."""

from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts import departing
from studio.accounts.actions import CannotDo
from studio.accounts.departing import Departure, departing_page
from studio.accounts.door import person
from studio.accounts.invitations import Handover, hand_over
from studio.accounts.models import User
from studio.projects import actions, asking
from studio.projects.door import Pass, enter
from studio.projects.forms import AddMember, Archive, ChooseRole, NewProject, Rename, free_code
from studio.projects.lately import last
from studio.projects.models import Membership, Project


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The Studio of the project where the person was last, or the way to a first one."""
    project = last(request, person(request))
    return redirect("studio", project.code) if project else render(request, "projects/home.html")


@require_http_methods(["GET", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    """Start a project. While the name is typed, htmx asks for the code it would get."""
    user, form = person(request), NewProject(request.POST or None)
    if request.method == "GET" and "name" in request.GET:
        code = free_code(request.GET["name"][:80])
        return render(request, "projects/_code.html", {"form": NewProject(initial={"code": request.GET.get("code", "")}), "suggestion": code})
    if form.is_valid():
        try:
            return redirect("studio", actions.start(form.cleaned_data["name"], form.cleaned_data["code"], by=user).code)
        except actions.CodeIsTaken as refusal:
            form.add_error("code", str(refusal))
    away = Project.objects.for_user(user).filter(archived_at__isnull=False)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "projects/new.html", {"form": form, "suggestion": "", "away": away}, status=status)


@require_http_methods(["GET", "POST"])
def project_settings(request: HttpRequest, code: str) -> HttpResponse:
    """Name and members, for everybody in the project; a POST by an owner renames it."""
    entry = enter(request, code, to="own" if request.method == "POST" else "look")
    form = Rename(request.POST or None, initial={"name": entry.project.name})
    if not form.is_valid():
        return _settings(request, entry, rename=form)
    if actions.rename(entry.project, form.cleaned_data["name"], by=entry.user):
        messages.success(request, f"The project is now called {entry.project.name}.")
    return redirect("project_settings", entry.project.code)


def _settings(
    request: HttpRequest, entry: Pass, *, rename: Rename | None = None, add: AddMember | None = None, handover: Handover | None = None
) -> HttpResponse:
    """The settings page; `handover` is an invitation that was just made, shown this once."""
    members = list(entry.project.memberships.select_related("user"))
    context = {
        "entry": entry,
        "members": members,
        "renewable": actions.renewable([member.user for member in members], by=entry.user) if entry.may_own else set(),
        "roles": Membership.Role.choices,
        "rename": rename or Rename(initial={"name": entry.project.name}),
        "add": add or AddMember(),
        "handover": handover,
        "requests": list(asking.requests_of(entry.project)) if entry.may_own else [],
        "invites": asking.may_invite(entry.user, ""),
    }
    wrong = (rename and rename.errors) or (add and add.errors)
    return render(request, "projects/settings.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK)


@require_POST
def project_archive(request: HttpRequest, code: str) -> HttpResponse:
    """Put the project away, or bring it back."""
    entry, form = enter(request, code, to="own"), Archive(request.POST)
    if not form.is_valid():
        messages.error(request, "Say whether to archive the project or to bring it back.")
    elif form.cleaned_data["to"] == "archive":
        actions.archive(entry.project, by=entry.user)
        messages.success(request, f"{entry.project} is archived. Nothing was deleted.")
    else:
        actions.bring_back(entry.project, by=entry.user)
        messages.success(request, f"{entry.project} is back in the lists.")
    return redirect("project_settings", entry.project.code)


@never_cache
@require_POST
def member_add(request: HttpRequest, code: str) -> HttpResponse:
    """Add somebody by their e-mail address; one who is new here gets an invitation. Where the owner may not do that, it is asked for."""
    entry, form = enter(request, code, to="own"), AddMember(request.POST)
    if not form.is_valid():
        return _settings(request, entry, add=form)
    try:
        added = asking.add(entry.project, form.cleaned_data["email"], form.cleaned_data["role"], by=entry.user)
    except CannotDo as refusal:
        form.add_error("email", str(refusal))
        return _settings(request, entry, add=form)
    if added is None:
        messages.success(request, f"Asked. {form.cleaned_data['email']} is added when they accept, or when an admin lets them in.")
        return redirect("project_settings", entry.project.code)
    member, token = added
    if not token:
        messages.success(request, f"{member.user} is now {member.get_role_display().lower()} of {entry.project}.")
        return redirect("project_settings", entry.project.code)
    return _settings(request, entry, handover=hand_over(request, member.user, token, by=entry.user, project=entry.project.name))


@never_cache
@require_POST
def member_role(request: HttpRequest, code: str, user_id: int) -> HttpResponse:
    """Give a member another role. Where something of theirs would end, it is listed first; `sure` says that it was."""
    entry, form = enter(request, code, to="own"), ChooseRole(request.POST)
    member = _member(entry, user_id)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("project_settings", entry.project.code)
    role = form.cleaned_data["role"]
    departure = actions.departure(member, by=entry.user, role=role)
    if role != member.role and "sure" not in request.POST and departing.found(departure):
        return _asked_for_role(request, entry, member, departure)
    try:
        if actions.change_role(member, role, by=entry.user, keep=departing.kept_in(request.POST)):
            messages.success(request, f"{member.user} is now {member.get_role_display().lower()}.")
    except CannotDo as refusal:
        messages.error(request, str(refusal))
    return redirect("project_settings", entry.project.code)


def _asked_for_role(request: HttpRequest, entry: Pass, member: Membership, departure: Departure) -> HttpResponse:
    """What another role ends, and what can be kept."""
    role = Membership.Role(departure.role)
    context = {
        "departure": departure,
        "left": departing.found(departure),
        "title": f"Make {member.user} {role.label.lower()} of {entry.project}",
        "intro": f"{member.user} is {member.get_role_display().lower()} now, and may do less then. Their clips and comments stay.",
        "goes": reverse("member_role", args=[entry.project.code, member.user_id]),
        "back": reverse("project_settings", args=[entry.project.code]),
        "hidden": [("role", role.value), ("sure", "1")],
        "button": "Change the role",
    }
    return departing_page(request, context)


@never_cache
@require_http_methods(["GET", "POST"])
def member_remove(request: HttpRequest, code: str, user_id: int) -> HttpResponse:
    """Take a member out of the project. A GET asks first, and lists what the person leaves behind."""
    entry = enter(request, code, to="own")
    member = _member(entry, user_id)
    if request.method == "GET":
        return _asked_to_remove(request, entry, member)
    try:
        actions.remove(member, by=entry.user, keep=departing.kept_in(request.POST))
    except CannotDo as refusal:
        messages.error(request, str(refusal))
        return redirect("project_settings", entry.project.code)
    messages.success(request, f"{member.user} no longer belongs to {entry.project}.")
    left = member.user == entry.user and not entry.user.is_admin
    return redirect("home") if left else redirect("project_settings", entry.project.code)


def _asked_to_remove(request: HttpRequest, entry: Pass, member: Membership) -> HttpResponse:
    """What removing ends, and what can be kept; in a dialog where there is a script."""
    departure, is_self = actions.departure(member, by=entry.user), member.user == entry.user
    context = {
        "departure": departure,
        "left": departing.found(departure),
        "title": f"Leave {entry.project}" if is_self else f"Remove {member.user} from {entry.project}",
        "intro": f"{'You no longer see' if is_self else f'{member.user} no longer sees'} this project. Clips and comments stay.",
        "goes": reverse("member_remove", args=[entry.project.code, member.user_id]),
        "back": reverse("project_settings", args=[entry.project.code]),
        "hidden": [],
        "button": "Leave" if is_self else "Remove",
    }
    return departing_page(request, context)


@never_cache
@require_POST
def member_link(request: HttpRequest, code: str, user_id: int) -> HttpResponse:
    """Make a new invitation for a member who has not come in yet."""
    entry = enter(request, code, to="own")
    member = _member(entry, user_id)
    try:
        token = actions.renew_invitation(member, by=entry.user)
    except CannotDo as refusal:
        messages.error(request, str(refusal))
        return redirect("project_settings", entry.project.code)
    return _settings(request, entry, handover=hand_over(request, member.user, token, by=entry.user, project=entry.project.name))


@never_cache
@require_POST
def member_request(request: HttpRequest, code: str, request_id: int) -> HttpResponse:
    """Answer a request to add somebody: `do=accept` by an admin, `do=drop` by an owner or an admin."""
    entry = enter(request, code, to="own")
    found = asking.requests_of(entry.project).filter(pk=request_id).first()
    back = request.POST.get("next") == "people" and entry.user.is_admin
    if found and request.POST.get("do") == "accept" and entry.user.is_admin:
        try:
            added = asking.accept(found, by=entry.user)
        except CannotDo as refusal:
            messages.error(request, str(refusal))
            return redirect("people") if back else redirect("project_settings", entry.project.code)
        if added and added[1]:
            return _settings(request, entry, handover=hand_over(request, added[0].user, added[1], by=entry.user, project=entry.project.name))
        messages.success(request, f"{found.email} belongs to {entry.project} now.")
    elif found and request.POST.get("do") == "drop" and asking.drop(found, by=entry.user):
        messages.success(request, f"{found.email} is not added.")
    else:
        messages.error(request, "This request was answered already, or only an admin can do that.")
    return redirect("people") if back else redirect("project_settings", entry.project.code)


@require_POST
def my_request(request: HttpRequest, request_id: int) -> HttpResponse:
    """Accept or decline that one is added to a project, by the person whose address was named."""
    user = person(request)
    found = asking.requests_for(user).filter(pk=request_id).first()
    if found and request.POST.get("do") == "accept":
        try:
            asking.accept(found, by=user)
        except CannotDo as refusal:
            messages.error(request, str(refusal))
            return redirect("me")
        return redirect("studio", found.project.code)
    if found and request.POST.get("do") == "drop" and asking.drop(found, by=user):
        messages.success(request, f"You do not join {found.project}.")
    else:
        messages.error(request, "There is no such invitation any more.")
    return redirect("me")


def _member(entry: Pass, user_id: int) -> Membership:
    """The membership of this person in the project, or Http404."""
    member = entry.project.memberships.select_related("user", "project").filter(user=get_object_or_404(User, pk=user_id)).first()
    if member is None:
        raise Http404
    return member
