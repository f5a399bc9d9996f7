"""The command palette: where somebody may go, found by a few letters. What they may not see is not found.

One request, and a number of queries that never depends on how much there is: projects, clips (with their files), prompts, people. What the page itself
can do is not asked here: the browser knows it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet
from django.urls import reverse

from studio.accounts.models import User
from studio.jobs.models import Clip, Job
from studio.plain_text import one_line
from studio.projects.models import Project
from studio.prompts.library import Filters, found
from studio.text_search.folding import fold, is_spaceless
from studio.text_search.lookups import containing

TEXT = 80  # characters of a search
WORDS = 6
EACH = 6  # lines of a group
ALL_PROJECTS = 200  # lines where every project is asked for
NEWEST = 500  # shots of a project whose prompts are looked through; by its code any shot is found
LOOKED_THROUGH = 12  # projects: where one was lately first
SHOT = re.compile(r"([a-z][a-z0-9]{1,7})[\s#_-]+(\d{1,6})[a-z]?")
NUMBER = re.compile(r"#?(\d{1,6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One line. `icon`, `project`, `job` or `person` draws its mark; `more` stands at its end, `keys` are those that lead there too."""

    href: str
    words: str
    icon: str = ""
    project: Project | None = None
    job: Job | None = None
    person: User | None = None
    more: str = ""
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind, under their name."""

    name: str
    hits: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the studio. `also` are other words that people call it by, `who` may go there."""

    words: str
    page: str
    icon: str
    also: str = ""
    who: str = "everybody"
    keys: str = ""


PLACES = (
    Place("Prompts", "prompts", "notebook-text", "library texts", keys="g p"),
    Place("New prompt", "prompt_new", "plus", "write library"),
    Place("Import prompts", "prompts_import", "upload", "library csv json"),
    Place("Credits", "credits", "coins", "balance money ledger", keys="g c"),
    Place("Ask for credits", "credits_ask", "coins", "request more"),
    Place("New project", "project_new", "plus", "start archived"),
    Place("Your account", "me", "users", "me name password language time zone profile"),
    Place("Credits overview", "credits_overview", "coins", "spending chart", "managers"),
    Place("Grant credits", "credits_people", "coins", "people balances move", "managers"),
    Place("Requests for credits", "credits_requests", "coins", "answer", "managers"),
    Place("Limits", "credits_limits", "coins", "allowances budgets caps", "managers"),
    Place("Ledger", "credits_ledger", "receipt", "entries csv money", "managers"),
    Place("Statements", "credits_statements", "receipt", "month invoice", "managers"),
    Place("Spend", "credits_spend", "receipt", "costs by person project provider", "managers"),
    Place("Cost of a kept second", "credits_kept", "timer", "picked waste", "managers"),
    Place("In doubt", "doubts", "hourglass", "inbox unanswered verdict", "managers"),
    Place("Alerts", "alerts", "triangle-alert", "reported usage late answers settle charge", "admins"),
    Place("Audit", "audit", "eye", "changes record log", "managers"),
    Place("Control room", "control", "monitor", "workers health status", "admins"),
    Place("People", "people", "users", "invite members roles", "admins"),
    Place("Connections", "connections", "plug", "providers keys api", "admins"),
    Place("New connection", "connection_new", "plug", "provider key add", "admins"),
    Place("Drift of prices", "drift", "plug", "estimates charges", "admins"),
    Place("Sandbox", "sandbox", "flask-conical", "faults demo", "sandbox"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked for, by whom and from where. `lately` are codes of projects, the last one first; `here` is the page's, or empty."""

    user: User
    text: str = ""
    here: str = ""
    lately: Sequence[str] = ()
    sandbox: bool = False

    @property
    def words(self) -> list[str]:
        """The words, folded, as many as are looked at."""
        return fold(self.text).split()[:WORDS]


def clean(written: str) -> str:
    """What was typed, as it is looked for and as a database can take it."""
    return one_line(written)[:TEXT]


def find(asked: Asked) -> list[Group]:
    """What fits, by group. With nothing typed: where the person was lately, the newest clips there, and every place. At most five queries."""
    projects = _by_visit(Project.objects.for_user(asked.user).filter(archived_at=None), asked)
    if not asked.text:
        lately = [project for project in projects if project.code in asked.lately and project.code != asked.here.upper()]
        return _filled(
            Group("Lately", [_project(project) for project in lately[:EACH]]),
            Group("Newest clips", _clips(projects[:LOOKED_THROUGH], asked)),
            Group("Go to", [*_rooms(projects, asked), *_places(asked)]),
        )
    if not asked.words:  # marks that nobody sees
        return []
    clips = Group("Clips", _clips(projects, asked))
    rest = [
        Group("Projects", [_project(project) for project in projects if _fits(f"{project.name} {project.code}", asked.words)][:EACH]),
        Group("Go to", [*_rooms(projects, asked), *_places(asked)][:EACH]),
        Group("Prompts", _prompts(asked)),
        Group("People", _people(asked)),
    ]
    return _filled(clips, *rest) if _shots(projects, asked) else _filled(*rest[:2], clips, *rest[2:])


def all_projects(asked: Asked) -> list[Group]:
    """Every project of the person that fits, where they were lately first. One query."""
    projects = _by_visit(Project.objects.for_user(asked.user).filter(archived_at=None), asked)
    fitting = [project for project in projects if _fits(f"{project.name} {project.code}", asked.words)]
    return _filled(Group("Projects", [_project(project) for project in fitting[:ALL_PROJECTS]]))


def _filled(*groups: Group) -> list[Group]:
    return [group for group in groups if group.hits]


def _fits(text: str, words: Iterable[str]) -> bool:
    """Whether every word begins a word of the text, or stands in it and is long enough to mean it. A script without spaces has no beginnings of words."""
    folded = fold(text)
    return all(f" {word}" in f" {folded}" or ((len(word) > 2 or is_spaceless(word)) and word in folded) for word in words)  # noqa: PLR2004 - shorter ones are in everything


def _by_visit(projects: QuerySet[Project], asked: Asked) -> list[Project]:
    """The page's project first, then where the person was lately, then by name. One query."""
    known = list(dict.fromkeys([asked.here.upper(), *asked.lately]))
    order = {code: place for place, code in enumerate(known)}
    return sorted(projects, key=lambda project: order.get(project.code, len(known)))  # stable: the rest stays by name


def _project(project: Project) -> Hit:
    return Hit(href=reverse("studio", args=[project.code]), words=project.name, project=project, more=project.code)


def _rooms(projects: Sequence[Project], asked: Asked) -> list[Hit]:
    """What the page's project has besides its board, or the project where the person was last."""
    if not projects:
        return []
    here = projects[0]
    rooms = [
        ("Studio", "studio", "clapperboard", "g s"),
        ("Gallery", "gallery", "images", "g g"),
        ("Members and settings", "project_settings", "users", ""),
    ]
    return [
        Hit(href=reverse(page, args=[here.code]), words=f"{words} of {here.name}", icon=icon, keys=keys)
        for words, page, icon, keys in rooms
        if _fits(f"{words} {here.name} {here.code}", asked.words)
    ]


def _places(asked: Asked) -> list[Hit]:
    """The pages of the studio that this person may open."""
    user = asked.user
    may = {"everybody": True, "managers": user.manages_credits, "admins": user.is_admin, "sandbox": user.is_admin and asked.sandbox}
    return [
        Hit(href=reverse(place.page), words=place.words, icon=place.icon, keys=place.keys)
        for place in PLACES
        if may[place.who] and _fits(f"{place.words} {place.also}", asked.words)
    ]


def _shots(projects: Sequence[Project], asked: Asked) -> Q | None:
    """Which shots a code means, as far as it is typed: "tide-04" is TIDE-004 and TIDE-040 to 049. A bare number is one of the page's project."""
    text = fold(asked.text)
    if named := SHOT.fullmatch(text):
        owner = next((project for project in projects if project.code == named[1].upper()), None)
        digits = named[2]
    else:
        plain = NUMBER.fullmatch(text)
        owner, digits = (projects[0], plain[1]) if plain and projects else (None, "")
    if owner is None:
        return None
    open_places = 10 ** max(0, 3 - len(digits))
    first = int(digits) * open_places
    return Q(project=owner) & (Q(number=int(digits)) | Q(number__range=(first, first + open_places - 1)))


def _clips(projects: Sequence[Project], asked: Asked) -> list[Hit]:
    """Jobs by code, by words of their prompt among the newest, or simply the newest. Two queries; none for somebody without projects."""
    by_code = _shots(projects, asked)
    wanted = by_code or Q(pk=None)
    if by_code is None:
        for project in projects[:LOOKED_THROUGH]:
            wanted |= Q(project=project, number__gt=max(0, project.last_number - (NEWEST if asked.text else EACH)))
    jobs = Job.objects.filter(wanted) if projects else Job.objects.none()
    if by_code is None:
        for word in asked.words:
            jobs = jobs.filter(prompt__has=word)
    saved = Prefetch("clips", Clip.objects.present().only("pk", "job_id").order_by("position"), to_attr="saved_clips")
    order = ("number",) if by_code else ("-created_at",)
    return [_clip(job) for job in jobs.select_related("project", "connection").prefetch_related(saved).order_by(*order)[:EACH]]


def _clip(job: Job) -> Hit:
    """A job, or the clip that it became."""
    clips: list[Clip] = getattr(job, "saved_clips", [])
    shown = clips[0].pk if clips else None
    href = reverse("clip", args=[job.project.code, shown]) if shown else reverse("job", args=[job.project.code, job.number])
    return Hit(href=href, words=job.prompt, job=job, more="" if clips else job.get_state_display())


def _prompts(asked: Asked) -> list[Hit]:
    """Prompts of the library. One query."""
    prompts = found(asked.user, Filters.read({"q": asked.text})).select_related("project").defer("search")[:EACH]
    return [
        Hit(
            href=reverse("prompt", args=[prompt.pk]),
            words=prompt.name,
            icon="notebook-text",
            more=prompt.project.name if prompt.project else prompt.get_scope_display(),
        )
        for prompt in prompts
    ]


def _people(asked: Asked) -> list[Hit]:
    """People, for admins; a press leads to their line. One query, none for others."""
    if not asked.user.is_admin:
        return []
    people = User.objects.all()
    for word in asked.words:
        people = containing(people, word)
    rows = people.order_by("-is_active", "name", "email")[:EACH]
    return [Hit(href=f"{reverse('people')}#person-{row.pk}", words=str(row), person=row, more=row.email if row.name else "") for row in rows]
