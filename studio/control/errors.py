"""What a person is told when a request broke."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

RETRY_AFTER = 5  # seconds


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of a fault of ours; where the database was away or locked for too long, one that says so, with 503: it will be back.

    Django has logged the fault already. Forms carry keys of their own (an order, a grant), so trying again does nothing twice.
    """
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        words = render_to_string("503.html")  # without the request: its context would ask the database
        return HttpResponse(words, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    return defaults.server_error(request)
