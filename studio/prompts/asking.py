"""The small fields that ask for a text's variables: what each is called, what stands in it, and what it may be chosen from. Pure."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.prompts import variables


@dataclass(frozen=True, slots=True)
class Asked:
    """One variable as a field. `value` is what was typed, else the version's own; `choices` are offered, and `value` is among them if there are any."""

    name: str
    value: str
    choices: Sequence[str] = ()

    @property
    def key(self) -> str:
        """What its field's id ends with: the same for one name wherever it stands, so that a swap never keeps one's text in another's field."""
        return f"{zlib.crc32(self.name.encode()):08x}"

    @property
    def is_missing(self) -> bool:
        """Whether it has no value yet."""
        return not self.value.strip()

    @property
    def offered(self) -> list[str]:
        """The values of a select: the choices, and a value that is none of them."""
        return [*self.choices, *([self.value] if self.value and self.value not in self.choices else [])]

    @property
    def lines(self) -> str:
        """The choices, one a line."""
        return "\n".join(self.choices)


def asked(text: str, typed: Mapping[str, str], defaults: Mapping[str, str], choices: Mapping[str, Sequence[str]]) -> list[Asked]:
    """A field for each variable, in the order of the text, the most that a prompt may have. What was emptied on purpose stays empty."""
    names = variables.find(text)[: variables.MOST]
    return [Asked(name, typed.get(name, defaults.get(name, "")), tuple(choices.get(name, ()))) for name in names]
