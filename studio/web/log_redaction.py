"""How a record becomes lines of the log. Knows no Django: settings name it before there is any.

A record is one line, whatever its values hold: line ends and what cannot be seen are written as their numbers. The lines of a traceback follow it, each
behind MARGIN, so that no text of an exception looks like a record of its own.
"""

import logging
import re

from studio.plain_text import escaped

MARGIN = "  | "
# What lets somebody in by its address: links of guests and people, images for providers, callbacks, new passwords
SECRET_PARTS = re.compile(r"(/(?:s|in|references|password/reset/key)/|/hooks/[^/\s]+/)[^/\s\"'?]+")
LINE_ENDS = str.maketrans({"\n": "\\n", "\t": "\\t"})  # `escaped` leaves these two as they are


def redacted(text: str) -> str:
    """The text with an ellipsis in place of each secret part of an address."""
    return SECRET_PARTS.sub(r"\1…", text)


class RedactingFormatter(logging.Formatter):
    """Lines without secrets and without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it."""
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        lines = [escaped(self.formatMessage(record)).translate(LINE_ENDS)]
        error = (
            self.formatException(record.exc_info) if record.exc_info else record.exc_text
        )  # another handler may have kept its own form in exc_text
        for below in (error, self.formatStack(record.stack_info) if record.stack_info else ""):
            lines += [MARGIN + line for line in escaped(below or "").split("\n") if below]
        return redacted("\n".join(lines))
