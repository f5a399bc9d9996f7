"""Comments for the tests: said without a page, and sent over HTTP."""

from uuid import uuid4

from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.comment_threads import Places, Thread, thread_of
from studio.gallery.comments import Voice, Words, say
from studio.gallery.models import Comment
from studio.jobs.models import Clip
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}


def said(clip: Clip, text: str, voice: Voice, **more) -> Comment:
    return say(clip, Words(text, **more), key=uuid4(), voice=voice)


def thread(clip: Clip, voice: Voice) -> Thread:
    return thread_of(Clip.objects.select_related("job__project").get(pk=clip.pk), voice, Places(page="/", now="/now/", say="/say/"))


def texts(clip: Clip, voice: Voice) -> list[str]:
    return [line.comment.text for line in thread(clip, voice).lines]


def send(user: User, clip: Clip, **data: object):
    return signed_in(user).post(reverse("clip_comment", args=["TIDE", clip.pk]), data, headers=HTMX)


def figures(clip: Clip) -> tuple[int, int]:
    """How many are open, and how often something changed."""
    clip.refresh_from_db()
    return clip.open_comments, clip.comments_version
