"""The web server's way in."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db.backends.signals import connection_created

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
django.setup(set_prefix=False)

from studio.control.body_limits import limit_for  # noqa: E402 - models are imported only after the setup
from studio.database import limit_statements  # noqa: E402

connection_created.connect(limit_statements, dispatch_uid="studio.wsgi")


class Application(WSGIHandler):
    """Django's, with what the server asks before it receives a large body (control/web_worker.py)."""

    body_limit: Callable[[Mapping[str, Any]], int] = staticmethod(limit_for)
    body_folder: str | None = str(settings.FILE_UPLOAD_TEMP_DIR) if settings.FILE_UPLOAD_TEMP_DIR else None


application = Application()
