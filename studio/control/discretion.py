"""What the log must not tell. Knows no Django: settings name it before there are any."""

import logging
import re

OPENS = re.compile(
    r"(/(?:s|in|references)/|/hooks/[^/\s]+/)[^/\s\"'?]+"
)  # addresses that let somebody in: links of guests and of people, images, callbacks


class Discreet(logging.Formatter):
    """Lines without what would let their reader in: in the place of an address's token stands an ellipsis, in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for this record."""
        return OPENS.sub(r"\1…", super().format(record))
