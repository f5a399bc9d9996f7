"""How gunicorn serves the studio: `gunicorn -c python:studio.control.serving studio.wsgi`.

Threads, because a request waits for the database, never for a provider, and not for whoever sends or reads slowly (see web_worker.py); two processes, so
that one restarts while the other serves.
"""

import runpy
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from studio import file_modes

try:
    settings = runpy.run_path(str(Path(__file__).parent.parent / "settings.py"))  # read anew each time that gunicorn reads this
except ImproperlyConfigured as error:  # gunicorn would print a traceback for each process that it starts
    sys.exit(f"studio: {error}")

host, port = settings["BIND"], settings["PORT"]
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "studio.control.web_worker.Worker"
workers = settings["WEB_WORKERS"]
threads = settings["WEB_THREADS"]
worker_connections = 400  # of each: a reader of a file holds two descriptors, and many systems allow 1,024
timeout = 120  # seconds in which the process must show that it lives
graceful_timeout = 5
keepalive = 5
umask = file_modes.UMASK
loglevel = "warning"
control_socket_disable = True
# gunicorn's own lines are written as all others are: they hold what clients sent, too
logconfig_dict = {
    "formatters": settings["LOGGING"]["formatters"],
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "loggers": {name: {"level": "WARNING", "handlers": ["console"], "propagate": False} for name in ("gunicorn.error", "gunicorn.access")},
}
