"""What an admin does with connections, by page or by command: add, change, switch. Each is one transaction and one audit event, never with a key."""

from django.db import transaction

from studio.accounts.models import AuditEvent, User
from studio.control.forms import ConnectionForm, facts
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection

EDITABLE = {"provider", "label", "base_url", "requests_per_minute", "jobs_at_once"}


def save(form: ConnectionForm, *, by: User | None) -> Connection:
    """The connection that a valid form describes, new or changed. `by` is None for a command."""
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
    return connection


def switch(connection: Connection, *, on: bool, reason: str = "", by: User | None) -> bool:
    """Whether it changed. Off: nothing new is sent there, and what runs is still watched. `reason` is what people read beside it."""
    with transaction.atomic():
        changed = Connection.objects.filter(pk=connection.pk, enabled=not on).update(enabled=on, paused_reason="" if on else reason)
        if changed:
            AuditEvent.record(f"connection.switched_{'on' if on else 'off'}", connection.label, actor=by, reason=reason)
    connection.refresh_from_db()
    return changed == 1


def address(connection: Connection) -> str:
    """Where its calls go."""
    kind = PROVIDERS.get(connection.provider)
    return connection.address or (kind.base_url if kind else "")
