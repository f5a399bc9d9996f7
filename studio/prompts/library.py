"""What the library shows: the prompts that somebody may see, newest first, a page at a time. The number of queries never depends on how many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.db.models import Count, F, Prefetch, Q, QuerySet

from studio.accounts.models import User
from studio.prompts import variables
from studio.prompts.door import LARGEST, seen_by
from studio.prompts.forms import tag_of
from studio.prompts.models import PRODUCTION, Prompt, PromptLabel, PromptTag, PromptVersion, Scope
from studio.text_search.lookups import containing

PAGE = 30
TEXT = 120  # characters of a search
WORDS = 8  # of a search
MOST_OFFERED = 60  # tags or authors in a filter
SCOPES = {"": "All", Scope.TEAM.value: "Team", Scope.PROJECT.value: "Projects", Scope.PRIVATE.value: "Only me"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which prompts are wanted; an empty field wants all. `by` is an author's id."""

    q: str = ""
    scope: str = ""
    tag: str = ""
    by: int | None = None
    archived: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """The filters of an address; what cannot be understood wants all."""
        scope, by = query.get("scope", ""), query.get("by", "")
        return cls(
            q=_text(query.get("q", "")),
            scope=scope if scope in SCOPES else "",
            tag=_text(query.get("tag", "")),
            by=int(by) if by.isascii() and by.isdecimal() and len(by) <= 18 else None,  # noqa: PLR2004 - digits of a BIGINT
            archived=bool(query.get("archived")),
        )

    def __bool__(self) -> bool:
        return self != Filters()

    @property
    def query(self) -> str:
        """The filters as an address carries them, without a question mark."""
        said = {"q": self.q, "scope": self.scope, "tag": self.tag, "by": self.by or "", "archived": "1" if self.archived else ""}
        return urlencode({name: value for name, value in said.items() if value})


def _text(written: str) -> str:
    return written.replace("\x00", "").strip()[:TEXT]


@dataclass(frozen=True, slots=True)
class Mark:
    """A prompt's place in the list. The next page starts below it."""

    updated_at: datetime
    key: int

    def __str__(self) -> str:
        return f"{self.updated_at.timestamp():.6f}~{self.key}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that was written so, or None."""
        moment, _, key = text.partition("~")
        try:
            mark = cls(datetime.fromtimestamp(float(moment), tz=UTC), int(key))
        except (ValueError, OverflowError, OSError):
            return None
        return mark if 0 <= mark.key <= LARGEST else None

    def below(self) -> Q:
        """What was changed before."""
        return Q(updated_at__lt=self.updated_at) | Q(updated_at=self.updated_at, pk__lt=self.key)


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt as the list shows it: with its newest version, and the one that is used where nobody names one."""

    prompt: Prompt
    version: PromptVersion
    used: PromptVersion

    @property
    def variables(self) -> int:
        """How many variables the newest text has."""
        return len(variables.find(self.version.text))

    @property
    def labels(self) -> list[PromptLabel]:
        """All labels of the prompt."""
        return list(self.prompt.labels.all())

    @property
    def tags(self) -> list[PromptTag]:
        """Its tags."""
        return list(self.prompt.tags.all())


@dataclass(frozen=True, slots=True)
class Page:
    """Some prompts, and where the next page starts."""

    rows: list[Row]
    older: Mark | None


def found(user: User, filters: Filters) -> QuerySet[Prompt]:
    """The prompts that this person may see and wants, newest first."""
    prompts = seen_by(user).filter(archived_at__isnull=not filters.archived)
    if filters.scope:
        prompts = prompts.filter(scope=filters.scope)
    if filters.tag:
        prompts = prompts.filter(pk__in=PromptTag.objects.filter(name=tag_of(filters.tag)).values("prompt"))
    if filters.by:
        prompts = prompts.filter(author=filters.by)
    for word in filters.q.split()[:WORDS]:
        prompts = containing(prompts, word)
    return prompts.order_by("-updated_at", "-pk")


def page_of(user: User, filters: Filters, before: Mark | None = None, *, size: int = PAGE) -> Page:
    """The page that starts below this mark, or at the top. Four queries: prompts, tags, labels, versions."""
    prompts = found(user, filters)
    wanted = list(with_all((prompts.filter(before.below()) if before else prompts).defer("search"))[: size + 1])
    shown = wanted[:size]
    older = Mark(shown[-1].updated_at, shown[-1].pk) if len(wanted) > size else None
    return Page(rows_of(shown), older)


def with_all(prompts: QuerySet[Prompt]) -> QuerySet[Prompt]:
    """The same prompts with what a row shows."""
    labels = Prefetch("labels", PromptLabel.objects.select_related("version"))
    return prompts.select_related("author", "project").prefetch_related("tags", labels)


def rows_of(prompts: Sequence[Prompt]) -> list[Row]:
    """These prompts with their newest versions. One query; none for no prompts."""
    newest = {row.prompt_id: row for row in PromptVersion.objects.filter(prompt__in=prompts, number=F("prompt__latest"))} if prompts else {}
    return [Row(prompt, newest[prompt.pk], in_use(prompt, newest[prompt.pk])) for prompt in prompts]


def in_use(prompt: Prompt, newest: PromptVersion) -> PromptVersion:
    """The version labelled *production*, else the newest."""
    return next((label.version for label in prompt.labels.all() if label.name == PRODUCTION), newest)


def tags_for(user: User) -> list[str]:
    """The tags of prompts that this person may see, most used first. One query."""
    seen = seen_by(user).filter(archived_at=None)
    counted = PromptTag.objects.filter(prompt__in=seen).values("name").annotate(times=Count("pk")).order_by("-times", "name")
    return [row["name"] for row in counted[:MOST_OFFERED]]


def authors_for(user: User) -> list[User]:
    """Who wrote the prompts that this person may see, by name. One query."""
    return list(User.objects.filter(pk__in=seen_by(user).filter(archived_at=None).values("author")).order_by("name", "email")[:MOST_OFFERED])
