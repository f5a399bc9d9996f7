"""Which requests come from a script of a page, and which of them want only a part of it: the one reader of htmx's request headers.

Our own scripts send the same header as htmx (static/js/request.js). Sec-Fetch-Dest would tell them apart as well, but browsers
leave it out over plain http.
"""

from typing import TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

Answer = TypeVar("Answer", bound=HttpResponseBase)
REQUEST, HISTORY_RESTORE = "HX-Request", "HX-History-Restore-Request"


def is_fetched(request: HttpRequest) -> bool:
    """Whether a script asks, htmx or ours, so that whatever is answered lands inside a page."""
    return request.headers.get(REQUEST) == "true"


def is_part(request: HttpRequest) -> bool:
    """Whether a script asks for a part of the page, rather than for the whole page while going back."""
    return is_fetched(request) and HISTORY_RESTORE not in request.headers


def varied(answer: Answer) -> Answer:
    """The answer, marked as one that differs for scripts."""
    patch_vary_headers(answer, [REQUEST, HISTORY_RESTORE])
    return answer
