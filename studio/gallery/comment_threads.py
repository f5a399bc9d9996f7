"""What is said about a clip, as one voice sees it: in the order of its time, with what they may do. Reads only; three queries, however much was said.

Knows no address: whoever shows a thread says where its words go, so that it stands in the viewing room and on a guest's page alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db.models import Prefetch
from django.utils.safestring import SafeString

from studio.accounts.models import User
from studio.gallery.comments import Voice
from studio.gallery.mentions import marked, members, unnamed
from studio.gallery.models import Comment, Mention
from studio.gallery.timecodes import timecode
from studio.jobs.models import Clip
from studio.projects.models import Project

NAMELESS = "A team member"  # for guests whom the link tells no names
CLOSE = 0.015  # of the clip: two marks at so near times would cover each other


@dataclass(frozen=True, slots=True)
class Places:
    """Where a thread's page stands, asks and sends: `page` shows it, `now` answers what is new, `say` takes words, `find` offers names, `seen` hears that mentions were read, `notes` is all of it as a file.

    An empty one means that there is no such thing here.
    """

    page: str
    now: str
    say: str
    find: str = ""
    seen: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One comment. `at` is its timecode and `share` its place in the clip (0 to 1, as CSS writes it), both empty where it is about the whole clip.

    `face` is whose it is, None for guests and for members whose names this voice is not told; `settler` is who resolved it, empty likewise.
    """

    comment: Comment
    speaker: str
    face: User | None
    settler: str
    text: SafeString
    at: str
    share: str
    is_own: bool
    may_remove: bool
    is_unseen: bool
    replies: list["Line"] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody."""
        return self.comment.resolved_at is None and self.comment.removed_at is None


@dataclass(frozen=True, slots=True)
class Mark:
    """A comment above the track; `nth` of those that would cover each other, from 0."""

    line: Line
    nth: int


@dataclass(frozen=True, slots=True)
class Thread:
    """All that this voice hears about a clip. `key` is what the next words from this page are known by; `tag` names what was seen."""

    clip: Clip
    lines: list[Line]
    voice: Voice
    places: Places
    tag: str
    key: UUID = field(default_factory=uuid4)

    @property
    def open(self) -> int:
        """How many comments wait for somebody."""
        return sum(line.is_open for line in self.lines)

    @property
    def resolved(self) -> int:
        """How many are settled."""
        return sum(line.comment.resolved_at is not None for line in self.lines)

    @property
    def marks(self) -> list[Mark]:
        """What stands above the player's track."""
        placed: list[Mark] = []
        for line in self.lines:
            if line.share and line.is_open:
                last = placed[-1] if placed else None
                placed.append(Mark(line, last.nth + 1 if last and float(line.share) - float(last.line.share) < CLOSE else 0))
        return placed

    @property
    def has_unseen(self) -> bool:
        """Whether somebody is named here who has not seen it, and looks."""
        return any(one.is_unseen for line in self.lines for one in (line, *line.replies))

    @property
    def draft(self) -> str:
        """What words that were not sent are kept under in the browser."""
        link = self.voice.link
        return f"{self.clip.pk.hex}-{self.voice.person.pk if self.voice.person else f'guest-{link.token_hash[:8]}' if link else 'guest'}"


def tag_of(version: int, *, sees_names: bool = True) -> str:
    """The change tag of a clip's comments, as somebody sees them who is told names, or is not."""
    return f"c{version}" if sees_names else f"c{version}-nameless"


def version_of(user: User, code: str, clip_id: UUID) -> int | None:
    """How often the clip's comments changed; None where there is no such clip for this person. One query."""
    clips = Clip.objects.present().filter(pk=clip_id, project__code=code.upper(), project__in=Project.objects.for_user(user))
    return clips.values_list("comments_version", flat=True).first()


def thread_of(clip: Clip, voice: Voice, places: Places) -> Thread:
    """The thread of a clip as it was fetched: what changed after that comes with the next question. Three queries."""
    mentions = Prefetch("mentions", Mention.objects.select_related("person"))
    heard = Comment.objects.filter(voice.hears, clip=clip).select_related("author", "resolved_by")
    said = list(heard.prefetch_related(mentions).order_by("created_at", "pk"))
    if not voice.sees_names:
        _hide_names(said, clip)
    return Thread(clip, lines(said, clip, voice), voice, places, tag_of(clip.comments_version, sees_names=voice.sees_names))


def _hide_names(said: Sequence[Comment], clip: Clip) -> None:
    """Let members' comments name nobody behind an @. Guests' own words stay: they would learn from the change who is a member."""
    names = {str(person) for person in members(clip.project)} | {str(one.person) for comment in said for one in comment.mentions.all()}
    for comment in said:
        if comment.author_id:
            comment.text = unnamed(comment.text, names, NAMELESS.lower())


def lines(said: Sequence[Comment], clip: Clip, voice: Voice) -> list[Line]:
    """These comments, oldest first, as lines: by their time in the clip, then what is about all of it. One that was removed stays while it is answered."""
    answers: dict[UUID, list[Line]] = {}
    for comment in said:
        if comment.reply_to_id and comment.removed_at is None:
            answers.setdefault(comment.reply_to_id, []).append(_line(comment, clip, voice, []))
    tops = [comment for comment in said if comment.reply_to_id is None and (comment.removed_at is None or comment.pk in answers)]
    tops.sort(key=lambda one: (one.milliseconds is None, one.milliseconds or 0))
    return [_line(comment, clip, voice, answers.get(comment.pk, [])) for comment in tops]


def _line(comment: Comment, clip: Clip, voice: Voice, replies: list[Line]) -> Line:
    at, named = comment.milliseconds, list(comment.mentions.all())
    is_hidden = comment.author is not None and not voice.sees_names
    return Line(
        comment,
        NAMELESS if is_hidden else comment.speaker,
        None if is_hidden else comment.author,
        str(comment.resolved_by) if comment.resolved_by and voice.sees_names else "",
        marked(comment.text, _spoken(named)),
        at=timecode(at, clip.frame_rate) if at is not None else "",
        share=f"{at / max(clip.milliseconds, 1):.4f}" if at is not None else "",
        is_own=voice.may_say and voice.owns(comment),
        may_remove=voice.may_remove(comment),
        is_unseen=any(one.seen_at is None and voice.person is not None and one.person_id == voice.person.pk for one in named),
        replies=replies,
    )


def _spoken(named: Iterable[Mention]) -> list[str]:
    return [str(one.person) for one in named]
