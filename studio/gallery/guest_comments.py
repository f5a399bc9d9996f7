"""What guests of a link read and say about its clips: their voice, where their words go, and the thread as they see it. comments.py writes it."""

from django.urls import reverse

from studio.gallery.comment_threads import Places, Thread, thread_of
from studio.gallery.comments import Voice
from studio.gallery.share_door import Visit
from studio.jobs.models import Clip


def voice_of(found: Visit) -> Voice:
    """A guest's voice, by this link."""
    name, key = (found.guest.name, found.guest.key) if found.guest else ("", "")
    return Voice(None, found.may_comment, guest=name, guest_key=key, link=found.link, sees_names=found.link.shows_names)


def places_of(clip: Clip, found: Visit) -> Places:
    """Where a thread asks and sends on a guest's page. There is no name to find, nothing to mark as seen, and no file."""
    place = [found.token, clip.pk]
    return Places(page=reverse("share_clip", args=place), now=reverse("share_comments", args=place), say=reverse("share_comment", args=place))


def thread_for(clip: Clip, found: Visit) -> Thread | None:
    """What a guest reads about the clip; None where the link lets nobody comment. Four queries at most."""
    return thread_of(clip, voice_of(found), places_of(clip, found)) if found.may_comment else None
