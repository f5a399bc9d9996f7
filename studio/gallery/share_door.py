"""The way in by a link: every request of a guest comes through here, and so does every byte. Knows no member, and gives a member nothing that a guest would not get.

    no such link                       Http404
    revoked, or past its end           Over       pages say so; bytes are not there
    its maker may not share any more   Over       the same
    a password that was not given      Locked     pages ask for it; bytes are not there
    a switch that is off               Http404
    a clip that is not of this link    Http404

All of it is read from the database at each request, so what was revoked, switched off or decided away is gone with the next one.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.defaults import page_not_found

from studio.accounts.models import AccessLink
from studio.gallery import wall
from studio.gallery.serving import NOT_AT_ALL, cache_control
from studio.gallery.share_models import ShareClip, ShareGuest, ShareLink
from studio.gallery.shows import Show, narrowed
from studio.jobs.models import Clip
from studio.web.cookies import cookie_name

P = ParamSpec("P")
OPENED, GUEST = "share", "guest"  # cookies, each for one address alone
REMEMBERED = 180 * 24 * 3600  # seconds
SWITCHES = {"view": "may_view", "comment": "may_comment", "decide": "may_decide", "download": "may_download"}
HEADERS = {
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": cache_control(NOT_AT_ALL),
}


class Shut(Exception):
    """The link lets nobody in as they came. `link` is which."""

    def __init__(self, link: ShareLink, token: str) -> None:
        super().__init__()
        self.link, self.token = link, token


class Over(Shut):
    """It was revoked, or has ended."""


class Locked(Shut):
    """Its password was not given, or is another one now."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody without an account: their browser's key, and the name that they gave. Says "Mia (guest)"."""

    key: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} (guest)"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that came in by a live link: what the door hands out."""

    link: ShareLink
    token: str
    guest: Guest | None

    def may(self, act: str) -> bool:
        """Whether they may `view`, `comment`, `decide` or `download` now."""
        allowed = bool(getattr(self.link, SWITCHES[act]))
        return allowed and (act in {"view", "download"} or (self.link.may_view and self.link.project.archived_at is None))

    @property
    def may_decide(self) -> bool:
        """For templates: whether they may say what they think of a clip."""
        return self.may("decide")

    @property
    def may_comment(self) -> bool:
        """For templates: whether they may write something beside a clip."""
        return self.may("comment")


def clips_of(link: ShareLink) -> QuerySet[Clip]:
    """The saved clips that this link leads to at this moment, newest first; what a live view shows is asked anew each time."""
    clips = wall.saved_clips(link.project)
    if link.kind == ShareLink.Kind.VIEW:
        return narrowed(clips, Show.read(link.show))
    return clips.filter(pk__in=ShareClip.objects.filter(link=link).values("clip"))


def visit(request: HttpRequest, token: str, *, to: str = "") -> Visit:
    """The visit of this request, which may do `to`. Raises Http404, Over or Locked."""
    link = of(token)
    if link is None:
        raise Http404
    if not link.is_live:
        raise Over(link, token)
    if link.password and not is_opened(request, link):
        raise Locked(link, token)
    found = Visit(link, token, guest_of(request, link))
    if to and not found.may(to):
        raise Http404
    return found


def clip_by(request: HttpRequest, token: str, clip_id: uuid.UUID, *, to: str) -> tuple[Visit, Clip]:
    """The visit, and a clip of this link with which it may do `to`. Http404 for everything else: a byte's address says nothing about why."""
    try:
        found = visit(request, token, to=to)
    except Shut as shut:
        raise Http404 from shut
    clip = clips_of(found.link).filter(pk=clip_id).first()
    if clip is None:
        raise Http404
    return found, clip


def of(token: str) -> ShareLink | None:
    """The link with this token, live or not. It is found by its hash, and the hash is compared once more in constant time."""
    digest = AccessLink.digest(token)
    link = ShareLink.objects.with_live().select_related("project", "made_by").filter(token_hash=digest).first()
    return link if link and constant_time_compare(link.token_hash, digest) else None


def is_opened(request: HttpRequest, link: ShareLink) -> bool:
    """Whether this browser has given the password that the link has now."""
    return constant_time_compare(str(_read(request, OPENED, link)), link.stamp)


def opened(answer: HttpResponseBase, link: ShareLink, token: str) -> None:
    """Remember in the browser that it has given the link's password."""
    _write(answer, OPENED, link, token, link.stamp)


def guest_of(request: HttpRequest, link: ShareLink) -> Guest | None:
    """Who this browser has said that it is, to this link; None where it has said nothing, or was struck. Of a link for one person, that one."""
    if link.guest_name:
        return Guest(own_key(link), link.guest_name)
    told = _read(request, GUEST, link)
    if not isinstance(told, list) or ShareGuest.objects.filter(link=link, key=str(told[0]), struck_at__isnull=False).exists():
        return None
    return Guest(str(told[0]), str(told[1]))


def own_key(link: ShareLink) -> str:
    """The key of the one person for whom a link is, whichever browser they use."""
    return salted_hmac("gallery.share.person", f"{link.pk} {link.guest_name}", algorithm="sha256").hexdigest()[:32]


def introduced(answer: HttpResponseBase, found: Visit, guest: Guest) -> Guest:
    """The same guest, remembered in the browser."""
    if not found.link.guest_name:
        _write(answer, GUEST, found.link, found.token, [guest.key, guest.name])
    return guest


def _read(request: HttpRequest, cookie: str, link: ShareLink) -> object:
    try:
        return signing.loads(request.COOKIES.get(cookie_name(cookie, path="/s/"), ""), salt=_salt(cookie, link), max_age=REMEMBERED)
    except signing.BadSignature:
        return ""


def _write(answer: HttpResponseBase, cookie: str, link: ShareLink, token: str, value: object) -> None:
    words = signing.dumps(value, salt=_salt(cookie, link))
    path = f"/s/{token}/"
    name = cookie_name(cookie, path=path)
    answer.set_cookie(name, words, max_age=REMEMBERED, path=path, httponly=True, secure=settings.HTTPS, samesite="Lax")


def _salt(cookie: str, link: ShareLink) -> str:
    """Words for one link open no other."""
    return f"gallery.share.{cookie}.{link.pk}"


def used(link: ShareLink) -> None:
    """Note that somebody came in by it now."""
    ShareLink.objects.filter(pk=link.pk).update(uses=F("uses") + 1, last_used_at=timezone.now())


def shared(view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The view of a guest: whatever it answers is kept by no cache, listed by no search engine, and its address told to nobody."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            answer = view(request, *args, **kwargs)
        except (Http404, PermissionDenied) as error:
            answer = page_not_found(request, error)
        except Over:  # who has the address may not be who had the password: the page learns nothing of the link
            answer = render(request, "gallery/share_over.html", status=410)
        except Locked as locked:
            answer = ask_password(request, locked.link, locked.token)
        for name, value in HEADERS.items():
            answer.headers[name] = value
        return answer

    return wrapped


def ask_password(request: HttpRequest, link: ShareLink, token: str, *, why: str = "") -> HttpResponse:
    """The page that asks for the password. It tells nothing of what is behind it; `why` the last one did not do."""
    return render(request, "gallery/share_locked.html", {"link": link, "token": token, "why": why}, status=422 if why else 200)
