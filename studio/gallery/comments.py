"""Comments: the one writer of what people say about a clip.

    who speaks                  may
    owner, maker, reviewer      say, answer, resolve and open again; change and remove their own
    owner                       remove anybody's
    viewer                      read
    guest, by a link            read and say where the link lets them; change and remove what this browser said

CannotSay                 say its sentence beside the words, which stay
├── IsGone                what it is about was removed in between
├── IsFull                the clip has as many comments as one can have
└── HadArrived            these words' key brought other ones before

All of it happens under the clip's row lock, and ends by counting: `Clip.open_comments` and `Clip.comments_version` are never off.
"""

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import mentions, search
from studio.gallery.models import Comment
from studio.gallery.share_models import ShareLink
from studio.jobs.models import Clip
from studio.projects.door import REFUSALS, Pass

LONGEST = 2_000  # characters of one comment
MOST = 500  # comments of one clip, removed ones too
MOST_OF_GUESTS = 200  # of them: the rest is the team's


class CannotSay(Exception):
    """Nothing was said. Its text is a sentence for the person."""


class IsGone(CannotSay):
    """What it is about was removed in between."""


class IsFull(CannotSay):
    """The clip has as many comments as one can have."""


class HadArrived(CannotSay):
    """These words' key brought other ones before: a new key says these as well."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks: a person, or a guest under the name that they gave, by a `link` and known by their browser's key. `may_clear` is for removing what
    others said; without `sees_names` they are told of no member by name.
    """

    person: User | None
    may_say: bool
    may_clear: bool = False
    guest: str = ""
    guest_key: str = ""
    link: ShareLink | None = None
    sees_names: bool = True

    @classmethod
    def of(cls, entry: Pass) -> "Voice":
        """A member's voice in their project."""
        return cls(entry.user, entry.may_comment, entry.may_comment and entry.may_own)

    def owns(self, comment: Comment) -> bool:
        """Whether these are their own words. A guest's name proves nothing; their browser's key does."""
        if self.person is not None:
            return comment.author_id == self.person.pk
        return bool(self.guest_key) and comment.guest == self.guest_key

    def may_remove(self, comment: Comment) -> bool:
        """Whether they may take this comment away."""
        return self.may_say and (self.owns(comment) or self.may_clear)

    @property
    def is_unknown(self) -> bool:
        """Whether it is a guest who has not said who they are."""
        return self.person is None and not self.guest

    @property
    def may_settle(self) -> bool:
        """Whether they may resolve comments and open them again: guests may not."""
        return self.may_say and self.person is not None

    @property
    def hears(self) -> Q:
        """Whose comments reach them: guests of one link know nothing of those of another."""
        return Q() if self.link is None else Q(author__isnull=False) | Q(link=self.link)


@dataclass(frozen=True, slots=True)
class Words:
    """What is to be said: at which millisecond of the clip, or in answer to which comment, or about all of it."""

    text: str
    milliseconds: int | None = None
    reply_to: UUID | None = None


def say(clip: Clip, words: Words, *, key: UUID, voice: Voice) -> Comment:
    """The comment with these words; the one that is there already where its key brought it before. Raises CannotSay.

    A time beyond the clip is its end. An answer to an answer goes to the comment above both.
    """
    _must(may=voice.may_say)
    with transaction.atomic():
        _lock(clip)
        if made := Comment.objects.filter(pk=key).first():
            return _same(made, clip, words, voice)
        if Comment.objects.filter(clip=clip).count() >= MOST:
            raise IsFull(f"{clip.code} has {MOST} comments, the most that a clip can have. Answer by editing one of yours.")
        if voice.person is None and Comment.objects.filter(clip=clip, author=None).count() >= MOST_OF_GUESTS:
            raise IsFull("Guests have said as much about this clip as they can. Write to whoever gave you the link.")
        above = _above(clip, words.reply_to, voice)
        at = None if above or words.milliseconds is None else min(words.milliseconds, clip.milliseconds)
        comment = Comment.objects.create(
            id=key,
            clip=clip,
            project_id=clip.project_id,
            author=voice.person,
            guest_name=voice.guest,
            guest=voice.guest_key,
            link=voice.link,
            text=words.text,
            milliseconds=at,
            reply_to=above,
        )
        mentions.keep(comment)
        _count(clip)
    return comment


def edit(clip: Clip, key: UUID, text: str, *, voice: Voice) -> bool:
    """Whether one's own comment reads otherwise now. Raises IsGone."""
    with transaction.atomic():
        comment = _comment(clip, key, voice)
        _must(may=voice.may_say and voice.owns(comment))
        if comment.text == text:
            return False
        comment.text, comment.edited_at = text, timezone.now()
        comment.save(update_fields=["text", "edited_at"])
        mentions.keep(comment)
        _count(clip)
    return True


def remove(clip: Clip, key: UUID, *, voice: Voice) -> bool:
    """Whether the comment was taken away now. Answers to it stay."""
    with transaction.atomic():
        _lock(clip)
        comment = Comment.objects.filter(clip=clip, pk=key).first()
        if comment is None or comment.removed_at:
            return False
        _must(may=voice.may_remove(comment))
        Comment.objects.filter(pk=key).update(removed_at=timezone.now(), removed_by=voice.person)
        _count(clip)
    return True


def bring_back(clip: Clip, key: UUID, *, voice: Voice) -> bool:
    """Whether what this person removed is there again."""
    with transaction.atomic():
        _lock(clip)
        _must(may=voice.may_say)
        gone = Comment.objects.filter(clip=clip, pk=key, removed_at__isnull=False, removed_by=voice.person)
        back = (gone if voice.person else gone.exclude(guest="").filter(guest=voice.guest_key)).update(removed_at=None, removed_by=None)
        _count(clip)
    return back == 1


def resolve(clip: Clip, key: UUID, *, voice: Voice) -> bool:
    """Whether the comment is settled now, and was not before. Raises IsGone."""
    with transaction.atomic():
        comment = _comment(clip, key, voice)
        _must(may=voice.may_settle)
        if comment.resolved_at or comment.reply_to_id:
            return False
        Comment.objects.filter(pk=key).update(resolved_at=timezone.now(), resolved_by=voice.person)
        _count(clip)
    return True


def reopen(clip: Clip, key: UUID, *, voice: Voice) -> bool:
    """Whether the comment is open again, and was settled before. Raises IsGone."""
    with transaction.atomic():
        comment = _comment(clip, key, voice)
        _must(may=voice.may_settle)
        if comment.resolved_at is None:
            return False
        Comment.objects.filter(pk=key).update(resolved_at=None, resolved_by=None)
        _count(clip)
    return True


def _same(made: Comment, clip: Clip, words: Words, voice: Voice) -> Comment:
    """What this key brought before, if this is the same again from the same speaker."""
    by_them = voice.owns(made) if voice.person else (made.author_id is None and (made.guest_name, made.link) == (voice.guest, voice.link))
    if not by_them or made.clip_id != clip.pk or made.text != words.text:
        raise HadArrived("What you sent before has arrived. Send again to say this as well.")
    return made


def _above(clip: Clip, key: UUID | None, voice: Voice) -> Comment | None:
    """The comment that an answer to this one belongs to."""
    if key is None:
        return None
    meant = _comment(clip, key, voice)
    return meant if meant.reply_to_id is None else Comment.objects.get(pk=meant.reply_to_id)


def _comment(clip: Clip, key: UUID, voice: Voice) -> Comment:
    """The clip's comment, under the clip's lock; IsGone where it was removed, never was, or is none that this voice hears."""
    _lock(clip)
    found = Comment.objects.filter(voice.hears, clip=clip, pk=key, removed_at=None).first()
    if found is None:
        raise IsGone("That comment was removed in between.")
    return found


def _lock(clip: Clip) -> None:
    Clip.objects.select_for_update().only("pk").get(pk=clip.pk)


def _must(*, may: bool) -> None:
    if not may:
        raise PermissionDenied(REFUSALS["comment"])


def _count(clip: Clip) -> None:
    """Make the clip say how many comments are open, and that something changed."""
    waiting = Comment.objects.filter(clip=clip, reply_to=None, resolved_at=None, removed_at=None).count()
    Clip.objects.filter(pk=clip.pk).update(open_comments=waiting, comments_version=F("comments_version") + 1)
    search.hear(clip.pk)
