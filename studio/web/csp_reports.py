"""Takes the reports of browsers that the content policy stopped something on a page of ours, and writes few lines of the log about them.

Anybody can send anything here. Nothing of it is stored; a line holds the name of our page and the origin of what was stopped, never an address
with a token, with every sign escaped that is not plain ASCII.
"""

import json
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

log = logging.getLogger(__name__)
COUNT = "csp-reports"  # of this minute, in the process's own cache
LARGEST = 16_384  # bytes of a body
MOST_READ = 10  # bodies a minute and process that are read, and lines that are written
LONGEST = 100  # characters of a value in a line


def is_within_limit() -> bool:
    """Whether this process takes one more report in this minute. Counts it."""
    counts = caches["local"]
    counts.add(COUNT, 0, timeout=60)
    try:
        return counts.incr(COUNT) <= MOST_READ
    except ValueError:  # the minute ended in between: the next report begins another one
        return False


@csrf_exempt  # a browser sends it by itself
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """204 for a report in one of the two formats, 400 for anything else; 413 for a body over 16 KB, 429 for what comes too often."""
    if not is_within_limit():
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "60"})
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    found = reports_in(body)
    if found:
        log.warning("a browser stopped %s", told(found[0]) + (f" [and {len(found) - 1} more]" if len(found) > 1 else ""))
    return HttpResponse(status=HTTPStatus.NO_CONTENT if found else HTTPStatus.BAD_REQUEST)


def reports_in(body: bytes) -> list[dict[str, Any]]:
    """The reports of a body: one from `report-uri`, or any number from `report-to`; none where it is neither."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if isinstance(content, dict):
        return [content["csp-report"]] if isinstance(content.get("csp-report"), dict) else []
    if not isinstance(content, list):
        return []
    violations = [one for one in content if isinstance(one, dict) and one.get("type") == "csp-violation"]
    return [one["body"] for one in violations if isinstance(one.get("body"), dict)]


def told(report: dict[str, Any]) -> str:
    """A report as the end of one line: what was stopped by which directive on which of our pages."""
    directive = report.get("effectiveDirective") or report.get("effective-directive") or report.get("violated-directive") or "?"
    stopped = report.get("blockedURL") or report.get("blocked-uri") or "?"
    page = report.get("documentURL") or report.get("document-uri") or ""
    line = report.get("lineNumber") or report.get("line-number") or "?"
    return f"{_origin(stopped)} by {_plain(directive)} on page {_page(page)}, line {_plain(line)}"


def _page(address: object) -> str:
    """The name of our page at this address: addresses of some pages are secret."""
    try:
        return resolve(urlsplit(str(address)).path).url_name or "unnamed"
    except (Resolver404, ValueError):
        return "unknown"


def _origin(address: object) -> str:
    """The scheme and host of an address; a word such as "inline" as it is."""
    try:
        parts = urlsplit(str(address))
        return _plain(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else str(address))
    except ValueError:
        return "?"


def _plain(value: object) -> str:
    return ascii(str(value)[:LONGEST])
