"""What an admin does with connections, by page or by command: add, change, switch, try again. Each is one transaction and one audit event, never with a key."""

from django.db import transaction

from studio.accounts.models import AuditEvent, User
from studio.control.forms import ConnectionForm, facts
from studio.providers.registry import PROVIDERS
from studio.routing import breaker
from studio.routing.models import Breaker, Connection

EDITABLE = {"provider", "dialect", "position", "label", "base_url", "requests_per_minute", "jobs_at_once", "minimum_hold", "keeps_copies"}


def save(form: ConnectionForm, *, by: User | None) -> Connection:
    """The connection that a valid form describes, new or changed; a new key ends its pauses. `by` is None for a command."""
    connection, data = form.connection, form.cleaned_data
    columns = EDITABLE & data.keys()
    for name in columns:
        setattr(connection, name, data[name])
    if key := data.get("key"):
        connection.set_key(key)
        columns |= {"key_encrypted", "key_hint"}
    with transaction.atomic():
        connection.save(update_fields=sorted(columns) if connection.pk else None)  # a sweep may write its lease at this moment
        after = facts(connection) | ({"key": "entered"} if key else {})
        AuditEvent.record("connection.changed" if form.before else "connection.added", connection.label, actor=by, before=form.before, after=after)
        if key:
            resume(connection, why="A key was entered.", by=by)
    return connection


def switch(connection: Connection, *, on: bool, reason: str = "", by: User | None) -> bool:
    """Whether it changed. Off: nothing new is sent there, and what runs is still watched. `reason` is what people read beside it."""
    with transaction.atomic():
        changed = Connection.objects.filter(pk=connection.pk, enabled=not on).update(enabled=on, paused_reason="" if on else reason)
        if changed:
            AuditEvent.record(f"connection.switched_{'on' if on else 'off'}", connection.label, actor=by, reason=reason)
        if changed and on:
            resume(connection, why="It was switched on.", by=by)
    connection.refresh_from_db()
    return changed == 1


def resume(connection: Connection, *, why: str, by: User | None) -> int:
    """How many pauses of its breakers ended: orders go there again at once, because somebody says that it works."""
    with transaction.atomic():
        paused = list(Breaker.objects.filter(connection=connection, open_until__isnull=False).order_by("model").values("model", "cause"))
        closed = breaker.close_all(connection)
        if closed:
            AuditEvent.record("connection.resumed", connection.label, actor=by, before={"paused": paused}, after={"paused": []}, reason=why)
    return closed


def address(connection: Connection) -> str:
    """Where its calls go."""
    kind = PROVIDERS.get(connection.provider)
    return connection.address or (kind.base_url if kind else "")
