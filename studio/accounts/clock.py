"""Writes times and dates as each person set them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from studio.accounts.models import User

# The interface is in English so far; the choice is how dates and numbers are written.
LOCALES = [("en-gb", "English (United Kingdom): 24 November 2026"), ("en-us", "English (United States): Nov. 24, 2026")]


def own_clock(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware: a page is drawn in the reader's time zone and locale."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user if isinstance(request.user, User) else None
        zone, locale = (user.time_zone, user.locale) if user else ("", "")
        with timezone.override(zone or None), translation.override(locale or settings.LANGUAGE_CODE):
            return get_response(request)

    return middleware
