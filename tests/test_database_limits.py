"""A statement of a web request that takes too long, or waits too long for a lock, is ended, and the person is told to try again."""

import os
import subprocess
import sys

import pytest
from django.db import OperationalError, connection
from django.test import RequestFactory

from studio import database
from studio.control.errors import server_error
from tests.installation import ROOT

ASK = "from django.db import connection; c = connection.cursor(); c.execute(\"SELECT current_setting('statement_timeout'), current_setting('lock_timeout')\"); print(c.fetchone())"
needs_postgresql = pytest.mark.skipif(
    "postgres" not in os.environ.get("STUDIO_DATABASE_URL", ""), reason="SQLite has no such limits: see .ci/services"
)


@needs_postgresql
@pytest.mark.parametrize(("first", "told"), [("import studio.wsgi", "('30s', '20s')"), ("import django; django.setup()", "('0', '0')")])
def test_the_limits_are_those_of_web_processes_alone(first: str, told: str):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "studio.settings", "STUDIO_LOCAL": "1"}
    done = subprocess.run([sys.executable, "-c", f"{first}; {ASK}"], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told


@needs_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_is_ended_and_answered_503(monkeypatch: pytest.MonkeyPatch, rf: RequestFactory):
    monkeypatch.setattr(database, "LONGEST_STATEMENT", 0.05)
    try:
        database.limit_statements(connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
    except OperationalError:
        status = server_error(rf.get("/")).status_code
    else:
        status = 200
    finally:
        connection.close()

    assert status == 503
