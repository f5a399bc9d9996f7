"""The pages about limits: allowances, budgets, caps and waivers for credit managers; one's own lower cap for everybody."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts.door import person
from studio.accounts.models import User
from studio.credits import door
from studio.credits import limit_actions as actions
from studio.credits.figures import credits_text
from studio.credits.limit_forms import AllowanceForm, BudgetForm, CapForm, NewAllowanceForm, OwnCapForm, WaiverForm, by_name, written
from studio.credits.limits import cap_of, used_of
from studio.credits.models import Allowance, Budget, Cap, Tally, Waiver
from studio.credits.own_grants import spend_grant
from studio.credits.periods import today

NEWEST = 50  # waivers and caps on the page
OFFERED = 8  # people to choose from
CODE_LENGTH = 20
FORMS: dict[str, type[forms.Form]] = {"allowance": NewAllowanceForm, "budget": BudgetForm, "cap": CapForm, "waiver": WaiverForm}


@require_safe
def limits(request: HttpRequest) -> HttpResponse:
    """Every limit, with a form for a new one of each kind. `?cap=` and `?budget=` fill the form with what a person or a project has."""
    manager(request)
    return _page(request, fill=_filled(request))


@require_safe
def people_found(request: HttpRequest) -> HttpResponse:
    """Some people whose name or address contains what is typed into a form here, to choose one from."""
    manager(request)
    words = door.search(request)
    found = list(by_name(words)[: OFFERED + 1])
    context = {"people": [(person, written(person)) for person in found[:OFFERED]], "are_more": len(found) > OFFERED, "words": words}
    return render(request, "credits/_people_found.html", context)


@require_POST
def allowance_add(request: HttpRequest) -> HttpResponse:
    """Give a person or a role an allowance."""
    user, form = manager(request), NewAllowanceForm(request.POST, prefix="allowance")
    if not form.is_valid():
        return _page(request, allowance=form)
    spend_grant(user, form.cleaned_data["amount"])
    try:
        added = actions.add_allowance(**form.cleaned_data, by=user)
    except actions.AlreadyOne as refusal:
        form.add_error(None, str(refusal))
        return _page(request, allowance=form)
    return _done(request, f"{actions.whose(added)}: {credits_text(added.amount)} credits {added.get_period_display()}.")


@require_http_methods(["GET", "HEAD", "POST"])
def allowance_change(request: HttpRequest, allowance_id: int) -> HttpResponse:
    """What one allowance gives, to be changed."""
    user, allowance = manager(request), get_object_or_404(Allowance.objects.select_related("user"), pk=allowance_id)
    initial = {name: credits_text(getattr(allowance, name)) for name in ("amount", "keeps")}
    form = AllowanceForm(request.POST or None, initial={**initial, "period": allowance.period, "starts_on": allowance.starts_on})
    if form.is_valid():
        spend_grant(user, form.cleaned_data["amount"])
        changed = actions.change_allowance(allowance, **form.cleaned_data, by=user)
        return _done(request, "It counts from each person’s next period." if changed else "Nothing was changed.")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "credits/limits_allowance.html", {"form": form, "whose": actions.whose(allowance)}, status=status)


@require_POST
def allowance_switch(request: HttpRequest, allowance_id: int) -> HttpResponse:
    """Switch one allowance off, or on again."""
    user, allowance = manager(request), get_object_or_404(Allowance.objects.select_related("user"), pk=allowance_id)
    on = request.POST.get("to") == "on"
    try:
        actions.switch_allowance(allowance, on=on, by=user)
    except actions.AlreadyOne as refusal:
        messages.error(request, str(refusal))
        return redirect("credits_limits")
    return _done(request, f"{actions.whose(allowance)}: the allowance is {'on' if on else 'off. What was given stays until its period ends'}.")


@require_POST
def budget_set(request: HttpRequest) -> HttpResponse:
    """Give a project a budget, change it, or clear it."""
    user, form = manager(request), BudgetForm(request.POST, prefix="budget")
    if not form.is_valid():
        return _page(request, budget=form)
    given = form.cleaned_data
    project, amount = given["project"], given["amount"]
    if amount is None:
        actions.clear_budget(project, by=user)
        return _done(request, f"{project.code} has no budget.")
    actions.set_budget(project, amount=amount, period=given["period"], hard=given["hard"] == "hard", by=user)
    return _done(request, f"{project.code}’s budget is {credits_text(amount)} credits {dict(Budget.PERIODS)[given['period']]}.")


@require_POST
def cap_set(request: HttpRequest) -> HttpResponse:
    """Cap what a person may order, or lift it."""
    user, form = manager(request), CapForm(request.POST, prefix="cap")
    if not form.is_valid():
        return _page(request, cap=form)
    given = form.cleaned_data
    actions.set_cap(given["person"], credits_a_day=given["credits_a_day"], jobs_at_once=given["jobs_at_once"], by=user)
    return _done(request, f"The caps of {given['person']} are set.")


@require_POST
def waiver_give(request: HttpRequest) -> HttpResponse:
    """Let one order of a person through, once."""
    user, form = manager(request), WaiverForm(request.POST, prefix="waiver")
    if not form.is_valid():
        return _page(request, waiver=form)
    given = form.cleaned_data
    actions.give_waiver(given["person"], project=given["project"], lifts=given["lifts"], reason=given["reason"], by=user)
    return _done(request, f"{given['person']} may pass once.")


@require_POST
def waiver_withdraw(request: HttpRequest, waiver_id: int) -> HttpResponse:
    """Take leave back that was not used yet."""
    user, waiver = manager(request), get_object_or_404(Waiver.objects.select_related("user"), pk=waiver_id)
    withdrawn = actions.withdraw_waiver(waiver, by=user)
    return _done(request, "It is withdrawn." if withdrawn else "It was used or withdrawn already.")


@require_http_methods(["GET", "HEAD", "POST"])
def own_cap(request: HttpRequest) -> HttpResponse:
    """One's caps, and the lower ones that one sets for oneself."""
    user = person(request)
    cap = cap_of(user)
    own = {"credits_a_day": None if cap.own_credits_a_day is None else credits_text(cap.own_credits_a_day), "jobs_at_once": cap.own_jobs_at_once}
    form = OwnCapForm(request.POST if request.method == "POST" else None, initial=own)
    if form.is_valid():
        actions.set_own_cap(user, **form.cleaned_data)
        messages.success(request, "Your own caps are set.")
        return redirect("credits_own_cap")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "credits/limits_own.html", {"form": form, "cap": cap}, status=status)


def manager(request: HttpRequest) -> User:
    """The person who is signed in, if they manage credits."""
    user = person(request)
    if not user.manages_credits:
        raise PermissionDenied("Only credit managers and admins set limits.")
    return user


def _page(request: HttpRequest, *, fill: Mapping[str, forms.Form] | None = None, **sent: forms.Form) -> HttpResponse:
    """The page, with the form that was sent and is wrong, if one was. A number of queries that does not depend on how much there is."""
    budgets = list(Budget.objects.select_related("project").order_by("project__code"))
    allowances = Allowance.objects.select_related("user").annotate(people=Count("portions", filter=Q(portions__closed_at=None)))
    caps = list(Cap.objects.exclude(credits_a_day=None, jobs_at_once=None).select_related("user").order_by("user__email")[:NEWEST])
    context = {
        "allowances": allowances.order_by("-is_on", "pk"),
        "budgets": _with_used(budgets),
        "caps": _with_today(caps),
        "waivers": Waiver.objects.select_related("user", "project", "given_by", "used_by").order_by("-pk")[:NEWEST],
        "open": [*sent, *(fill or {})],
        **{f"{name}_form": (fill or {}).get(name) or sent.get(name) or form(prefix=name) for name, form in FORMS.items()},
    }
    return render(request, "credits/limits.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if sent else HTTPStatus.OK)


def _filled(request: HttpRequest) -> dict[str, forms.Form]:
    """The form that the address asks for, filled with what is set now; none for an address that somebody edited."""
    whose, code = door.cursor(request, "cap"), request.GET.get("budget", "").replace("\x00", "")
    if whose is not None and (cap := Cap.objects.select_related("user").filter(user=whose).first()):
        day = None if cap.credits_a_day is None else credits_text(cap.credits_a_day)
        return {"cap": CapForm(prefix="cap", initial={"person": written(cap.user), "credits_a_day": day, "jobs_at_once": cap.jobs_at_once})}
    if code and (budget := Budget.objects.select_related("project").filter(project__code=code[:CODE_LENGTH]).first()):
        facts = {"project": budget.project.code, "amount": credits_text(budget.amount), "period": budget.period}
        return {"budget": BudgetForm(prefix="budget", initial=facts | {"hard": "hard" if budget.hard else "soft"})}
    return {}


def _with_used(budgets: Sequence[Budget]) -> list[tuple[Budget, int, float]]:
    """Each budget with what is held or spent of it now, and which share of it that is."""
    used = used_of(budgets)
    return [(budget, used[budget.pk], _share(used[budget.pk], budget.amount)) for budget in budgets]


def _with_today(caps: Sequence[Cap]) -> list[tuple[Cap, int, float]]:
    """Each cap with what its person ordered today, and which share of the cap that is. One query."""
    rows = Tally.objects.filter(account__user__in=[cap.user_id for cap in caps], starts_on=today())
    used = {user_id: held + spent for user_id, held, spent in rows.values_list("account__user_id", "held", "spent")}
    return [(cap, used.get(cap.user_id, 0), _share(used.get(cap.user_id, 0), cap.credits_a_day or 0)) for cap in caps]


def _share(used: int, of: int) -> float:
    return min(1.0, used / of) if of else float(used > 0)


def _done(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect("credits_limits")
