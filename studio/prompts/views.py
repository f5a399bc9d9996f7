"""The library's pages: the list, one prompt with its versions, writing and changing one, comparing two versions."""

from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts.actions import CannotDo
from studio.accounts.door import person
from studio.projects.lately import last
from studio.prompts import actions, diff, library
from studio.prompts.actions import Overtaken
from studio.prompts.asking import asked
from studio.prompts.contents import content_of
from studio.prompts.door import Sight, find, open_prompt, projects_for
from studio.prompts.forms import MOST_NUMBER, DetailsForm, LabelForm, VersionForm
from studio.prompts.library import Filters, Mark
from studio.prompts.models import PRODUCTION, Prompt, PromptVersion, Scope

MOST_VERSIONS = 50  # on the page; older ones a press away


@require_safe
def prompts(request: HttpRequest) -> HttpResponse:
    """The library: `?q=`, `?scope=`, `?tag=`, `?by=`, `?archived=` filter it, `?before=` goes on. Beside the list stands its first prompt."""
    user, filters = person(request), Filters.read(request.GET.dict())
    before = Mark.read(request.GET.get("before", ""))
    page = library.page_of(user, filters, before)
    context = listed(request, filters, page=page)
    if before:
        return render(request, "prompts/library.html", {**context, "paged": True})
    if page.rows:
        first = page.rows[0]
        sight = open_prompt(request, first.prompt.pk)
        context |= shown(request, sight, first.version)
    return render(request, "prompts/library.html", context)


def listed(request: HttpRequest, filters: Filters, *, page: library.Page | None = None) -> dict[str, object]:
    """What the list beside a prompt shows. Eight queries."""
    user = person(request)
    return {
        "filters": filters,
        "page": page or library.page_of(user, filters),
        "count": library.found(user, filters).count(),
        "tags": library.tags_for(user),
        "authors": library.authors_for(user),
        "scopes": library.SCOPES.items(),
        "paged": False,
        "last": last(request, user),
    }


@require_safe
def prompt(request: HttpRequest, prompt_id: int, number: int | None = None) -> HttpResponse:
    """One prompt, at its newest version or the one named, beside the list that the address filters."""
    sight = open_prompt(request, prompt_id)
    version = version_or_404(sight.prompt, number or sight.prompt.latest)
    context = listed(request, Filters.read(request.GET.dict()))
    return render(request, "prompts/library.html", {**context, **shown(request, sight, version), "alone": True})


def shown(request: HttpRequest, sight: Sight, version: PromptVersion) -> dict[str, object]:
    """What the pane of one prompt shows. Five queries."""
    found = sight.prompt
    before = request.GET.get("versions", "")
    versions = found.versions.select_related("author").prefetch_related("labels")
    if before.isascii() and before.isdecimal() and len(before) < 10:  # noqa: PLR2004 - digits of an INTEGER
        versions = versions.filter(number__lt=int(before))
    told = list(versions[: MOST_VERSIONS + 1])
    projects = list(projects_for(sight.user))
    recent = last(request, sight.user)
    return {
        "sight": sight,
        "prompt": found,
        "version": version,
        "fields": asked(version.text, {}, version.defaults, version.choices),
        "versions": told[:MOST_VERSIONS],
        "older_versions": told[MOST_VERSIONS - 1].number if len(told) > MOST_VERSIONS else None,
        "prompt_tags": list(found.tags.all()),
        "projects": projects,
        "into": next((one for one in (found.project, recent) if one in projects), projects[0] if projects else None),
        "label": LabelForm(initial={"label": "" if any(one.name == PRODUCTION for one in version.labels.all()) else PRODUCTION}),
    }


def version_or_404(found: Prompt, number: int) -> PromptVersion:
    """A version of this prompt."""
    if number > MOST_NUMBER:
        raise Http404
    return get_object_or_404(PromptVersion.objects.select_related("author", "prompt").prefetch_related("labels"), prompt=found, number=number)


@never_cache
@require_http_methods(["GET", "POST"])
def prompt_new(request: HttpRequest) -> HttpResponse:
    """Write a prompt; `?copy=` begins with one that the person may see."""
    user = person(request)
    if request.method == "POST":
        details, form = DetailsForm(request.POST, user=user), VersionForm(request.POST)
        if details.is_valid() & form.is_valid():
            try:
                made = actions.start(
                    form.content(),
                    name=details.cleaned_data["name"],
                    tags=details.cleaned_data["tags"],
                    scope=details.scope,
                    project=details.project,
                    by=user,
                )
            except CannotDo as refusal:
                details.add_error("where", str(refusal))
            else:
                messages.success(request, f"{made.name} is in the library.")
                return redirect("prompt", made.pk)
        return render(request, "prompts/new.html", {"details": details, "form": form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    copied = request.GET.get("copy", "")
    source = find(user, int(copied)) if copied.isascii() and copied.isdecimal() and len(copied) <= 18 else None  # noqa: PLR2004 - digits of a BIGINT
    begin: dict[str, object] = {"where": Scope.PRIVATE.value}
    if source:
        begin |= {"name": f"{source.name}, copy"[:120], "tags": ", ".join(source.tags.values_list("name", flat=True))}
    form = VersionForm(initial=initial_of(actions.newest_of(source))) if source else VersionForm()
    return render(request, "prompts/new.html", {"details": DetailsForm(user=user, initial=begin), "form": form})


def initial_of(version: PromptVersion) -> dict[str, object]:
    """A form that begins with this version."""
    content = content_of(version)
    return {**content.as_kept(), "content": content, "base": version.number}


@never_cache
@require_http_methods(["GET", "POST"])
def prompt_edit(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """Write the next version. Who saves second is told what the first one wrote, and everything typed stays."""
    sight = open_prompt(request, prompt_id, to="edit")
    if request.method == "GET":
        return render(request, "prompts/edit.html", {"sight": sight, "prompt": sight.prompt, "form": VersionForm(initial=initial_of(newest(sight)))})
    form = VersionForm(request.POST)
    context: dict[str, object] = {"sight": sight, "prompt": sight.prompt, "form": form}
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = actions.revise(sight.prompt, form.content(), base=given["base"] or 0, note=given["note"], by=sight.user)
        except Overtaken as news:
            typed = request.POST.copy()
            typed["base"] = str(news.newest.number)  # the next press saves on top of what the person has now been told of
            context |= {"form": VersionForm(typed), "news": news, "parts": diff.compare(news.newest.text, form.content().text)}
            return render(request, "prompts/edit.html", context, status=HTTPStatus.CONFLICT)
        except CannotDo as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Version {made.number} is saved.")
            return redirect("prompt", sight.prompt.pk)
    return render(request, "prompts/edit.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def newest(sight: Sight) -> PromptVersion:
    """The prompt's newest version."""
    return actions.newest_of(sight.prompt)


@require_POST
def prompt_variables(request: HttpRequest) -> HttpResponse:
    """The fields for the variables of a text that is being written, with what stands in them."""
    person(request)
    return render(request, "prompts/_variables.html", {"form": VersionForm(request.POST)})


@require_safe
def prompt_compare(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """What is different between two versions, `?from=` and `?to=`; by default the newest and the one before."""
    sight = open_prompt(request, prompt_id)
    latest = sight.prompt.latest
    after = version_or_404(sight.prompt, number_of(request, "to", latest))
    before = version_or_404(sight.prompt, number_of(request, "from", max(1, after.number - 1)))
    context = {
        "sight": sight,
        "prompt": sight.prompt,
        "before": before,
        "after": after,
        "parts": diff.compare(before.text, after.text),
        "facts": diff.facts(content_of(before), content_of(after)),
        "numbers": range(latest, 0, -1),
    }
    return render(request, "prompts/compare.html", context)


def number_of(request: HttpRequest, name: str, default: int) -> int:
    """The number of a version out of the address."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= 9 else default  # noqa: PLR2004 - digits of an INTEGER


@require_POST
def prompt_restore(request: HttpRequest, prompt_id: int, number: int) -> HttpResponse:
    """Make a new version that says what an old one said."""
    sight = open_prompt(request, prompt_id, to="edit")
    old = version_or_404(sight.prompt, number)
    try:
        made = actions.restore(old, base=number_in(request, "base", sight.prompt.latest), by=sight.user)
    except CannotDo as refusal:
        messages.warning(request, str(refusal))
        return redirect("prompt_version", sight.prompt.pk, number)
    messages.success(request, f"Version {made.number} says what version {number} said.")
    return redirect("prompt", sight.prompt.pk)


def number_in(request: HttpRequest, name: str, default: int) -> int:
    """A number of the form that was sent."""
    given = request.POST.get(name, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= 9 else default  # noqa: PLR2004 - digits of an INTEGER


@require_safe
def prompt_use(request: HttpRequest, prompt_id: int) -> HttpResponse:
    """On to the Studio of `?project=`, with this prompt in the composer: `?version=`, else the one labelled production, else the newest."""
    sight = open_prompt(request, prompt_id)
    projects = list(projects_for(sight.user))
    asked_for, recent = request.GET.get("project", "").upper(), last(request, sight.user)
    usual = next((one for one in (sight.prompt.project, recent) if one in projects), projects[0] if projects else None)
    into = next((project for project in projects if project.code == asked_for), None) if asked_for else usual
    if into is None:
        messages.warning(request, "Choose a project in which you may order clips.")
        return redirect("prompt", sight.prompt.pk)
    number = number_of(request, "version", 0)
    chosen = f"&version={number}" if number else ""
    return redirect(f"{reverse('studio', args=[into.code])}?prompt={sight.prompt.pk}{chosen}")
