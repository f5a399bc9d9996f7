"""What every management command has in common: its output fits any locale, and what stops it is said in a sentence."""

import os
import select
import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType
from typing import TextIO

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from studio import disk
from studio.plain_text import escaped


def run(words: list[str]) -> None:
    """Run a command. A wrong setting, or a disk of ours that takes nothing, ends it with one sentence and 1."""
    for stream in (sys.stdout, sys.stderr):
        fit(stream)
    sys.excepthook = show
    try:
        execute_from_command_line(words)
    except ImproperlyConfigured as error:
        sys.exit(escaped(f"studio: {error}"))
    except BrokenPipeError:
        if not _has_no_reader(sys.stdout):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be written would fail once more
        sys.exit(1)
    except Exception as error:
        trouble = disk.trouble_of(error)
        if trouble is None or not settings.configured:
            raise
        sys.exit(escaped(f"studio: {disk.explained(trouble, _folders())} ({error})"))


def fit(stream: TextIO) -> None:
    """Let a stream write a question mark for a sign that its charset does not have, instead of ending the command."""
    reconfigure = getattr(stream, "reconfigure", None)  # what stands in for the terminal in tests has none
    if reconfigure is not None:
        reconfigure(errors="replace")


def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write what ended the command. A row's text in it, such as a name, reaches no terminal as it is."""
    sys.stderr.write(escaped("".join(traceback.format_exception(kind, error, trace))))


def _has_no_reader(stream: TextIO) -> bool:
    """Whether this is a pipe whose reader has enough, such as head."""
    poll = select.poll()
    poll.register(stream, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _folders() -> list[Path]:
    """Where commands write on this machine."""
    name = settings.DATABASES["default"]["NAME"]
    database = [Path(name).parent] if "sqlite" in settings.DATABASES["default"]["ENGINE"] else []
    return [Path(settings.DATA_DIR), *database, Path(settings.MEDIA_ROOT), Path(settings.STATIC_ROOT), Path(tempfile.gettempdir())]
