"""What the database raises while it is away, and how long one of our connections may stand still inside a transaction.

A frozen machine, or a process that was stopped, keeps its connection to PostgreSQL and the locks of its transaction:
everybody else would wait for those rows until somebody finds the process. The server ends such a connection instead,
and nothing of its transaction stays, as if the process had died there. SQLite needs nothing of the kind: its writers
wait for 20 s at most (settings.py).

A web request has limits besides: a page that takes longer is of no use to anybody, and holds a thread. The worker has none, since it may count or
delete much.
"""

from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

# It cannot be reached, is locked, or has ended a transaction that stood still. studio/control/log_limits.py knows their names.
AWAY = (OperationalError, InterfaceError, InternalError)
LONGEST_PAUSE = 60.0  # seconds between two statements of one transaction: ours take milliseconds, and none waits for another server
LONGEST_STATEMENT = 30.0  # seconds of one statement of a web request
LONGEST_LOCK = 20.0  # seconds that it waits for a lock, as on SQLite


def limit_pauses(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receive `connection_created`: tell PostgreSQL how long this connection may pause inside a transaction.

    A statement and no start-up parameter, because PgBouncer refuses those.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [str(round(LONGEST_PAUSE * 1000))])


def limit_statements(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receive `connection_created` in a web process: end what takes long there. It is answered 503 (control/errors.py)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            told = [str(round(seconds * 1000)) for seconds in (LONGEST_STATEMENT, LONGEST_LOCK)]
            cursor.execute("SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)", told)
