"""What a browser is told to delete when a session ends: by signing out, by its age, by a new stamp, by a row that is gone. Knows only the session's cookie.

Cookies stay: `"cookies"` would delete those of every other host of the domain too, and here the theme and what guests of share links are known by.
Browsers follow the header over https and on the own machine; static/js/storage.js does the same where there are scripts.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

CLEAR_SITE_DATA = '"cache", "storage"'


def clear_site_data(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that adds Clear-Site-Data to the answer that deletes the session's cookie."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and cookie is not None and not cookie.value:
            response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
        return response

    return middleware
