"""The base of our management commands. What people and providers wrote reaches the terminal without characters that a terminal obeys."""

import re
import sys
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, OutputWrapper

from studio.plain_text import escaped

COLOUR = re.compile("\x1b\\[[0-9;]*m")  # Django paints its system checks before it writes them


class PlainOutput(OutputWrapper):
    """A stream that shows control characters and marks of the reading direction as their numbers. Colours come through `style_func` alone."""

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override] # as Django's own
        """One message, with a line feed at its end."""
        super().write(escaped(COLOUR.sub("", msg)), style_func, ending)

    @property
    def stream(self) -> TextIO:
        """What it writes to."""
        return cast("TextIO", self._out)


class StudioCommand(BaseCommand):
    """A command whose `stdout` and `stderr`, and so its CommandErrors, are PlainOutputs."""

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None, no_color: bool = False, force_color: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        super().__init__(stdout, stderr, no_color, force_color)
        self.stdout = PlainOutput(stdout or sys.stdout)
        self.stderr = PlainOutput(stderr or sys.stderr)
        self.stderr.style_func = None if no_color else self.style.ERROR

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it. Django wraps the streams that a caller gives, so these are plain before it does."""
        given = {name: PlainOutput(options[name]) for name in ("stdout", "stderr") if options.get(name)}
        return super().execute(*args, **{**options, **given})

    @property
    def unchanged_stdout(self) -> TextIO:
        """The stream itself, for a file that goes there: whoever writes the file cleans its cells."""
        stream: Any = self.stdout
        while isinstance(stream, OutputWrapper):
            stream = cast("PlainOutput", stream).stream  # Django's own wrapper asks the one inside for what it does not have
        return cast("TextIO", stream)
