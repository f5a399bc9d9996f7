"""The answer to whoever asks too often: 429 with the time after which it is possible again, and what they typed, to be sent again."""

from http import HTTPStatus
from math import ceil

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from studio.web.htmx import is_fetched, varied

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
MOST_KEPT = 200_000  # characters of a form that the page offers to send again


class TooManyRequests(Exception):
    """Somebody is over a limit. `seconds` is when it is possible again; `reason` is one sentence for the person, `limit` a name for the log."""

    def __init__(self, seconds: int, reason: str = "That was too often in a short time.", *, limit: str = "") -> None:
        super().__init__(reason)
        self.seconds, self.reason, self.limit = max(1, seconds), reason, limit


def refuse(request: HttpRequest, refusal: TooManyRequests) -> HttpResponse:
    """Return the 429: a sentence for a script of a page, a page for everybody else."""
    sentence = f"{refusal.reason} Try again in {in_words(refusal.seconds)}."
    if is_fetched(request):
        answer = HttpResponse(sentence, content_type="text/plain; charset=utf-8", headers={"Studio-Reason": "limit"})
    else:
        answer = render(request, "429.html", {"sentence": sentence, "fields": _typed(request)})
    answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
    answer.headers["Retry-After"] = str(refusal.seconds)
    return varied(answer)


def in_words(seconds: int) -> str:
    """A time to wait, rounded up: 40 seconds, 5 minutes, 3 hours, 2 days."""
    size, unit = next(((size, unit) for size, unit in UNITS if seconds == size or seconds > size * 1.5), UNITS[-1])
    number = ceil(seconds / size)
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that was sent, except passwords and files, which browsers do not take back."""
    if request.method != "POST" or request.FILES:
        return []
    fields = [(name, str(value)) for name, values in request.POST.lists() for value in values if name != "csrfmiddlewaretoken"]
    is_secret = any("password" in name for name, _ in fields)
    return [] if is_secret or sum(len(value) for _, value in fields) > MOST_KEPT else fields
