"""The short code of a project: what it may look like, and one made from a name."""

import re
from collections.abc import Container
from itertools import count

from django.urls.converters import StringConverter

from studio.plain_text import normalized

SHAPE = re.compile(r"^[A-Z][A-Z0-9]{1,7}$")
RULE = "Two to eight letters and digits, a letter first."


def suggest(name: str, *, taken: Container[str]) -> str:
    """A free code for a project of this name: "Tidewater" → TIDE, or TIDE2 where that is taken; "Big Red Bus" → BRB."""
    plain = normalized("NFKD", name).encode("ascii", "ignore").decode().upper()
    words = [word.lstrip("0123456789") for word in re.findall(r"[A-Z0-9]+", plain)]
    words = [word for word in words if word]
    code = "".join(word[0] for word in words)[:6] if len(words) > 2 else "".join(words)[:4]  # noqa: PLR2004 - three words make initials
    code = code if SHAPE.match(code) else "PROJ"
    return code if code not in taken else next(f"{code}{number}" for number in count(2) if f"{code}{number}" not in taken)


class ProjectCode(StringConverter):
    """A project's code in an address, in either case. Nothing else reaches a view or the database, which may refuse what is no text."""

    regex = "[A-Za-z][A-Za-z0-9]{1,7}"
