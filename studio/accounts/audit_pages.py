"""The record of changes as a page and as a file, for admins; of money for credit managers."""

from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from studio.accounts import audit, audit_chain, door
from studio.accounts.audit import Filters
from studio.accounts.models import AuditEvent, User
from studio.accounts.sheets import sheet

COLUMNS = ("at (UTC)", "who", "action", "whom or what", "changed", "reason", "address")
CHECKED = 200  # newest events that the page compares with their seals
AT_ONCE = 500  # rows that are read together
SAYS = ("who", "whom", "family", "text", "since", "until")


@never_cache
@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """What was changed, by whom, newest first."""
    reader, filters = allowed(request), Filters.read(request.GET.dict())
    before = request.GET.get("before", "")
    known = before.isascii() and before.isdigit() and len(before) <= 18  # noqa: PLR2004 - digits of a BIGINT
    lines, older = audit.page(audit.events_for(reader, filters), before=int(before) if known else None)
    query = urlencode({name: request.GET[name] for name in SAYS if request.GET.get(name)})
    context = {"lines": lines, "older": older, "paged": known, "filters": filters, "query": query, "families": audit.families_for(reader)}
    return render(request, "accounts/audit.html", context | {"chain": audit_chain.verify(newest=CHECKED)})


@never_cache
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same events as a CSV file, all of them, sent while they are read."""
    reader, filters = allowed(request), Filters.read(request.GET.dict())
    found = audit.events_for(reader, filters).iterator(AT_ONCE)
    return sheet(f"audit-{timezone.localdate():%Y-%m-%d}", COLUMNS, map(cells, found))


def cells(event: AuditEvent) -> list[str]:
    """One event as a row."""
    changed = "; ".join(map(str, audit.line(event).differences))
    who = event.actor.email if event.actor else "Studio"
    return [f"{event.at:%Y-%m-%d %H:%M:%S}", who, event.action, event.subject, changed, event.reason, event.address or ""]


def allowed(request: HttpRequest) -> User:
    """The admin or credit manager who is signed in; PermissionDenied for anybody else."""
    reader = door.person(request)
    if not reader.manages_credits:
        raise PermissionDenied("Only admins and credit managers see what was changed.")
    return reader
