"""Who is named in comments: `@Maya Okonkwo` means the member of that name. The one writer of mentions.

Where two members have one name, both are meant: being told once too often costs less than never.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from studio.accounts.models import User
from studio.gallery.models import Comment, Mention
from studio.jobs.models import present
from studio.projects.models import Project
from studio.text_search.lookups import containing

FOUND = 8  # people whom the list below an @ offers
PAGE = 30


@dataclass(frozen=True, slots=True)
class Page:
    """Some mentions, newest first; `older` is the id before which the next page starts, 0 where there is none."""

    rows: list[Mention]
    older: int


def named(text: str, people: Iterable[User]) -> list[User]:
    """Those of these people whose name stands behind an @. Of "@Ann Lee", Ann Lee is meant and Ann is not."""
    by_name: dict[str, list[User]] = {}
    for person in people:
        by_name.setdefault(str(person).casefold(), []).append(person)
    pattern = _pattern(by_name)
    if pattern is None:
        return []
    told = {found[1].casefold() for found in pattern.finditer(text)}
    return [person for name, namesakes in by_name.items() if name in told for person in namesakes]


def marked(text: str, names: Iterable[str]) -> SafeString:
    """The text for a page, escaped, with these names behind an @ made to stand out."""
    pattern = _pattern(names)
    if pattern is None:
        return conditional_escape(text)
    parts, end = [], 0
    for found in pattern.finditer(text):
        parts += [conditional_escape(text[end : found.start()]), format_html('<b class="at">{}</b>', found[0])]
        end = found.end()
    return mark_safe("".join([*parts, conditional_escape(text[end:])]))  # noqa: S308 - each part is escaped above


def unnamed(text: str, names: Iterable[str], instead: str) -> str:
    """The text with these words in the place of each of these names behind an @."""
    pattern = _pattern(names)
    return pattern.sub(f"@{instead}", text) if pattern else text


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of these names behind an @ that begins a word, the longest first; None without names."""
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(rf"(?<!\w)@({'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE) if longest_first else None


def members(project: Project) -> QuerySet[User]:
    """The people of this project who can come in, by name."""
    return User.objects.filter(memberships__project=project, is_active=True).order_by("name", "email", "pk")


def find(project: Project, words: str, *, besides: User) -> list[User]:
    """The first members, but for this one, whose name or address holds these words. One query."""
    return list(containing(members(project).exclude(pk=besides.pk), words)[:FOUND])


def keep(comment: Comment) -> None:
    """Mention whom the comment names now, and no longer whom it does not. Who is still named and has seen it is not told again."""
    people = named(comment.text, members(comment.project)) if "@" in comment.text and comment.author_id else []  # guests would learn who is a member
    wanted = {person.pk for person in people} - {comment.author_id}
    Mention.objects.filter(comment=comment).exclude(person__in=wanted).delete()
    there = set(Mention.objects.filter(comment=comment).values_list("person", flat=True))
    Mention.objects.bulk_create([Mention(comment=comment, person_id=key) for key in sorted(wanted - there)])


def of(person: User) -> QuerySet[Mention]:
    """Where this person is named, about clips that are here, in the projects that they may still look at."""
    return Mention.objects.filter(
        present("comment__clip"), person=person, comment__removed_at=None, comment__project__in=Project.objects.for_user(person)
    )


def unseen(person: User) -> int:
    """How many they have not seen. One query."""
    return of(person).filter(seen_at=None).count()


def page_of(person: User, before: int) -> Page:
    """The page before this id; the newest for 0. One query."""
    found = of(person).select_related("comment__author", "comment__clip__job__project", "comment__project").order_by("-id")
    rows = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    return Page(rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else 0)


def see(person: User, *, clip_id: UUID | None = None) -> int:
    """How many became seen: those about this clip, or all."""
    mine = Mention.objects.filter(person=person, seen_at=None)
    return (mine.filter(comment__clip=clip_id) if clip_id else mine).update(seen_at=timezone.now())
