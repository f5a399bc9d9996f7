"""Links and bundles for the tests, without their pages."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import bundle_making, bundles, share_actions
from studio.gallery.bundle_models import Bundle
from studio.gallery.share_models import ShareLink
from studio.jobs.models import Clip
from studio.projects.door import Pass
from studio.projects.models import Project


def link_to(project: Project, *clips: Clip, by: User, **facts: Any) -> ShareLink:
    """A link to these clips, or without any to a live view; guests may do everything unless told otherwise."""
    told = {"title": "Selects", "may_decide": True, "may_download": True, "expires_at": timezone.now() + timedelta(days=14)}
    return share_actions.make({**told, **facts}, [clip.pk for clip in clips] or None, entry=Pass(by, project, "owner"))


def bundle_of(*clips: Clip, by: User, pattern: str = "{code} {title}") -> Bundle:
    """A bundle that waits for the worker."""
    return bundles.start(by, [clip.pk for clip in clips], pattern=pattern, key=uuid4())


def work() -> int:
    """How many parts the worker made until nothing was left."""
    made = 0
    while bundle_making.is_due() and bundle_making.go_on():
        made += 1
    return made


def page(guest: Client, link: ShareLink) -> str:
    """The link's page, as this browser gets it."""
    answer = guest.get(reverse("share", args=[link.token]))
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()
