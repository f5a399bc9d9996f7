"""Whole addresses of our pages, for what leaves the browser: an e-mail, a chat, a link that is passed on."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def absolute(request: HttpRequest, name: str, *args: object) -> str:
    """The whole address of this page: below the public one where there is one, since a request can name any host as ours."""
    path = reverse(name, args=args)
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)
