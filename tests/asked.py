"""Answers an `Installation` line by line: a process with Django ready, which runs the Python that it reads and tells what that printed.

`manage.py shell` does the same once, and needs longer to begin than most stories of a browser need for a step.
"""

import contextlib
import io
import json
import os
import sys
import traceback

import django
from django.core.cache import caches
from django.core.management.commands.shell import Command
from django.db import close_old_connections


def answer(code: str) -> tuple[bool, str]:
    """Whether it went well, and what it printed or how it ended. Each begins with the names of `manage.py shell` and nothing of the one before."""
    told, went_well = io.StringIO(), True
    caches["local"].clear()
    with contextlib.redirect_stdout(told):
        try:
            exec(code, Command().get_namespace())  # noqa: S102 - our own tests' code
        except Exception:  # noqa: BLE001 - whatever it is, the one who asked is told
            went_well = False
            traceback.print_exc(file=told)
    close_old_connections()
    return went_well, told.getvalue()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    django.setup()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)  # noqa: T201 - read by the installation
