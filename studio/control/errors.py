"""What a person is told when a request broke."""

import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from studio import disk
from studio.database import AWAY

RETRY_AFTER = 5  # seconds
RETRY_AFTER_DISK = 60  # somebody has to make room first


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of a fault of ours.

    Where our disk is full or closed to us it says so (507), and where the database was away or locked for too long too (503): it will be back.
    Django has logged the fault already. Forms carry keys of their own (an order, a grant), so trying again does nothing twice.
    """
    error = sys.exc_info()[1]
    if trouble := disk.trouble_of(error):
        words = render_to_string("507.html", {"said": disk.FOR_PEOPLE[trouble]})
        return HttpResponse(words, status=HTTPStatus.INSUFFICIENT_STORAGE, headers={"Retry-After": str(RETRY_AFTER_DISK)})
    if isinstance(error, AWAY):
        words = render_to_string("503.html")  # without the request: its context would ask the database
        return HttpResponse(words, status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER)})
    return defaults.server_error(request)
