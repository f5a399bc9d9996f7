"""How gunicorn serves the studio: `gunicorn -c python:studio.control.serving studio.wsgi`. Read before Django is set up, so it knows no settings.

Threads, because a request waits for the database, never for a provider, and not for whoever reads a file (see carrier.py); two processes, so that one
restarts while the other serves.
"""

import os

host, port = os.environ.get("STUDIO_BIND", "127.0.0.1"), os.environ.get("STUDIO_PORT") or os.environ.get("PORT") or "8000"
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "studio.control.carrier.Worker"
workers = int(os.environ.get("STUDIO_WEB_WORKERS", "2"))
threads = int(os.environ.get("STUDIO_WEB_THREADS", "8"))
worker_connections = 400  # of each: a reader of a file holds two descriptors, and many systems allow 1,024
timeout = 120  # seconds; an upload over a slow line
graceful_timeout = 5
keepalive = 5
loglevel = "warning"
control_socket_disable = True
