"""The answer to whoever asks for what this machine has no room for just now: the page with what they typed, as 503, and when to try again."""

from http import HTTPStatus

from django.http import HttpResponse


def try_later(answer: HttpResponse, *, seconds: int) -> HttpResponse:
    """The same answer as 503 with Retry-After. A script of a page leaves the page as it is and says so; a redirect stays one, as it leads to the reason."""
    if answer.status_code not in {HTTPStatus.FOUND, HTTPStatus.SEE_OTHER}:
        answer.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        answer.headers["Retry-After"] = str(seconds)
    return answer
