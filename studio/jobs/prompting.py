"""How a text of the prompt library travels through the composer: which version it is, what was typed for its variables, and how both become a prompt.

A variable has one value (`value:light`), or in a matrix several (`many:light`, one a line), of which each is combined with each of the others.
"""

from collections.abc import Mapping
from math import prod

from django.http import QueryDict

from studio.accounts.models import User
from studio.plain_text import lines
from studio.prompts import variables
from studio.prompts.asking import Asked, asked
from studio.prompts.door import find, seen_by
from studio.prompts.library import in_use
from studio.prompts.models import PromptVersion

VALUE = "value:"  # what the name of a variable's field begins with
MANY = "many:"  # and that of one with several values
DIGITS = 18  # of a BIGINT


def version_of(user: User, key: str) -> PromptVersion | None:
    """The version with that id, if this person may see its prompt. One query, none without an id."""
    if not (key.isascii() and key.isdecimal() and len(key) <= DIGITS):
        return None
    return PromptVersion.objects.select_related("prompt").filter(pk=int(key), prompt__in=seen_by(user)).first()


def version_named(user: User, prompt_id: str, number: str) -> PromptVersion | None:
    """The version of a prompt that an address names, else the one in use; None if the person may not see it. Up to four queries."""
    if not (prompt_id.isascii() and prompt_id.isdecimal() and len(prompt_id) <= DIGITS):
        return None
    prompt = find(user, int(prompt_id))
    if prompt is None:
        return None
    versions = PromptVersion.objects.select_related("prompt").filter(prompt=prompt)
    if number.isascii() and number.isdecimal() and len(number) < 10:  # noqa: PLR2004 - digits of an INTEGER
        return versions.filter(number=int(number)).first()
    return in_use(prompt, versions.get(number=prompt.latest))


def values_of(query: QueryDict) -> dict[str, str]:
    """What was typed for variables, by their names; of several values the first."""
    pairs = ((variables.name_of(lines(key[len(VALUE) :])), lines(str(query[key]))) for key in query if key.startswith(VALUE))
    single = {name: value for name, value in pairs if name}
    return {name: several[0] for name, several in many_of(query).items() if several} | single


def many_of(query: QueryDict) -> dict[str, tuple[str, ...]]:
    """The several values that were given for variables, each once, by their names."""
    pairs = ((variables.name_of(lines(key[len(MANY) :])), "\n".join(map(str, query.getlist(key)))) for key in query if key.startswith(MANY))
    return {name: tuple(dict.fromkeys(filter(None, map(str.strip, lines(text).split("\n"))))) for name, text in pairs if name}


def combinations(text: str, many: Mapping[str, tuple[str, ...]]) -> int:
    """How many prompts the text becomes when each value of each of its variables meets each of the others; nothing is built."""
    return prod(max(1, len(many.get(name, ()))) for name in variables.find(text))


def fields_for(text: str, version: PromptVersion | None, values: Mapping[str, str]) -> list[Asked]:
    """The fields that ask for the variables of this text; a version's own values stand in those that nobody touched."""
    return asked(text, values, version.defaults if version else {}, version.choices if version else {})


def filled(text: str, version: PromptVersion | None, values: Mapping[str, str]) -> str:
    """The prompt as it is sent. Raises variables.FillError with a reason for each variable that stands in the way."""
    if len(names := variables.find(text)) > variables.MOST:
        raise variables.FillError({"": f"This prompt has {len(names)} variables; it can have {variables.MOST}."})
    return variables.fill(text, {**(version.defaults if version else {}), **values})


def is_changed(text: str, version: PromptVersion | None) -> bool:
    """Whether these are other words than the version's."""
    return version is not None and lines(text).strip() != lines(version.text).strip()  # one of before the rule is itself, although a form cleans it
