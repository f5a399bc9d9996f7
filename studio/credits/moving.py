"""The pages on which a credit manager moves the credits of many people at once: choose, see what would happen, do it, see what happened.

people's list ──choose──> form ──preview──> what would move ──do──> how far it is, and then what was moved and who was left out
                            ^────back──────────┘  └── somebody else moved credits meanwhile: the preview anew
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts.models import User
from studio.accounts.sheets import sheet
from studio.credits import batch, carrying, door
from studio.credits.batch import Act
from studio.credits.figures import credits_cell
from studio.credits.forms import MoveForm, chosen
from studio.credits.movement import Movement
from studio.credits.own_grants import spend_grant
from studio.credits.people import found

NOBODY = "Choose at least one person first."
STALE = "Somebody was granted or taken credits since you looked. Nothing has moved; these are the figures now."
WAIT = "Nothing of yours has moved. Wait until that has ended, then do this."
SHOWN = 200  # people of a plan on a page; the figures are of all
MOVED_COLUMNS = ["Person", "Address", "Credits", "Left out because it"]


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest) -> HttpResponse:
    """The form for the chosen people; with `step` preview what would move; with `step` do the movement itself, once a form."""
    manager = door.manager(request)
    step = request.POST.get("step", "")
    if not step:
        return _form_for(request)
    form = MoveForm(request.POST)
    if not form.is_valid() or step == "back":
        return _asked(request, form, status=200 if step == "back" else 422)
    people = _people(form.cleaned_data["who"])
    if step == "do" and (answer := _done(request, form, people, manager)):
        return answer
    return _preview(request, form, people, manager)


@require_safe
def moved(request: HttpRequest, batch: UUID) -> HttpResponseBase:
    """How far one form's movement is; once it has ended, what it moved and whom it left out, or all of that as a file."""
    door.manager(request)
    movement = Movement.objects.select_related("by", "stopped_by").defer("people").filter(key=batch).first()
    if movement is None or (not movement.total and not movement.left_out.exists()):
        return render(request, "credits/moved.html", {"movement": None})
    if door.wants_sheet(request) and not movement.is_running:
        return sheet(f"moved-{movement.started_at:%Y-%m-%d}", MOVED_COLUMNS, _lines(movement))
    context: dict[str, Any] = {"movement": movement}
    if not movement.is_running:
        left_out = movement.left_out.select_related("user").order_by("user__name", "pk")
        context |= {"entries": carrying.entries(movement)[:SHOWN], "more": max(movement.moved - SHOWN, 0), "left_out": left_out[:SHOWN]}
        context["leaving"] = left_out.count()
        context["more_left_out"] = max(context["leaving"] - SHOWN, 0)
    return render(request, "credits/moved.html", context)


@require_POST
def stop(request: HttpRequest, batch: UUID) -> HttpResponse:
    """End a movement before everybody was reached. What was moved stays moved."""
    manager = door.manager(request)
    movement = get_object_or_404(Movement, key=batch)
    if not carrying.stop(movement, by=manager):
        messages.warning(request, "It had ended already.")
    return redirect("credits_moved", batch)


def _form_for(request: HttpRequest) -> HttpResponse:
    """The form for the people who were ticked, or for all who match the search."""
    words = request.POST if request.method == "POST" else request.GET  # a link may name one person
    search = words.get("q", "").replace("\x00", "").strip()[: door.SEARCH_LENGTH]
    everybody = words.get("which") == "all"
    ids = list(found(search).values_list("pk", flat=True)[: batch.MOST + 1]) if everybody else chosen(words.getlist("who"))
    people = _people(ids)
    if not people or len(ids) > batch.MOST:
        messages.error(request, f"At most {batch.MOST:,} people at once: narrow the search." if people else NOBODY)
        return redirect("credits_people")
    form = MoveForm(initial={"who": ",".join(str(person.pk) for person in people), "key": uuid4(), "act": Act.GRANT.value})
    return _asked(request, form, status=200)


def _asked(request: HttpRequest, form: MoveForm, *, status: int) -> HttpResponse:
    """The page with the form."""
    people = _people(chosen(str(form["who"].value() or "").split(",")))
    if not people:
        messages.error(request, NOBODY)
        return redirect("credits_people")
    context = {"form": form, "people": people[:SHOWN], "number": len(people), "more": max(len(people) - SHOWN, 0), "key": _key(form)}
    return render(request, "credits/move.html", context, status=status)


def _preview(request: HttpRequest, form: MoveForm, people: list[User], manager: User, *, why: str = "") -> HttpResponse:
    """The page that says what would move, and why nothing has moved yet where it was to."""
    plan = batch.plan(people, form.cleaned_data["act"], form.cleaned_data["amount"], by=manager)
    context: dict[str, Any] = {"form": form, "plan": plan, "why": why, "moving": plan.moving[:SHOWN], "refused": plan.refused[:SHOWN]}
    context["more"] = {"moving": max(len(plan.moving) - SHOWN, 0), "refused": max(len(plan.refused) - SHOWN, 0)}
    before = sum(row.before for row in plan.moving)
    context |= {"before": before, "after": before + plan.total, "taken": -plan.total}
    return render(request, "credits/move_preview.html", context, status=409 if why else 200)


def _done(request: HttpRequest, form: MoveForm, people: list[User], manager: User) -> HttpResponse | None:
    """The way to the page that says what is moved, by this click or an earlier one; the preview anew where it cannot be done as it was seen."""
    asked = form.cleaned_data
    if asked["act"] == Act.GRANT:
        spend_grant(manager, asked["amount"] * len(people))
    how = {"key": asked["key"], "seen": asked["seen"], "reason": asked["reason"], "by": manager}
    try:
        movement, is_first = carrying.start(people, asked["act"], asked["amount"], **how)
    except carrying.Stale:
        return _preview(request, form, people, manager, why=STALE)
    except carrying.Busy as busy:
        return _preview(request, form, people, manager, why=f"{busy} {WAIT}")
    if not is_first:
        messages.success(request, "It was sent twice and counted once.")
    carrying.carry_on(movement.pk, seconds=carrying.AT_ONCE)  # few are done before the answer; the worker goes on with the rest
    return redirect("credits_moved", asked["key"])


def _lines(movement: Movement) -> Iterator[list[object]]:
    """Everybody of a movement as lines of a file: who was moved, by how much; who was left out, and why."""
    for entry in carrying.entries(movement).iterator(chunk_size=2_000):
        yield [entry.account.user, entry.account.user.email, credits_cell(entry.change), ""]
    for row in movement.left_out.select_related("user").order_by("user__name", "pk").iterator(chunk_size=2_000):
        yield [row.user or "", row.user.email if row.user else "", "0", row.why]


def _people(ids: list[int]) -> list[User]:
    """These people by name; nobody twice, nobody who does not exist."""
    known: dict[int, User] = {}
    for start in range(0, len(ids), batch.SEVERAL):
        known |= User.objects.in_bulk(ids[start : start + batch.SEVERAL])
    return sorted(known.values(), key=lambda person: (str(person).casefold(), person.pk))


def _key(form: MoveForm) -> UUID:
    """The key to print into the page: the one that came, or a fresh one."""
    try:
        return UUID(str(form["key"].value()))
    except ValueError:
        return uuid4()
