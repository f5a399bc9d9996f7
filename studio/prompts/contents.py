"""What one version of a prompt says: text, values for its variables, and the brief that it starts with. Pure: judged here, stored elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from studio.plain_text import lines
from studio.prompts import variables
from studio.prompts.models import LONGEST, TEXT_LENGTH, PromptVersion
from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS

MOST_CHOICES = 50  # for one variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One version's content. Empty options leave the composer's as they are; `duration` in seconds."""

    text: str
    defaults: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    aspect_ratio: str = ""
    duration: int | None = None
    resolution: str = ""
    silent: bool = False

    def tidied(self) -> "Content":
        """The same as it is kept: plain line ends, nothing that cannot be seen, no surrounding space, values for nothing but the text's own variables."""
        text = _seen(self.text).strip()
        names = variables.find(text)
        defaults = {variables.name_of(lines(name)): _seen(value).strip() for name, value in self.defaults.items()}
        choices = {
            variables.name_of(lines(name)): list(dict.fromkeys(filter(None, (_seen(value).strip() for value in values))))
            for name, values in self.choices.items()
        }
        return replace(
            self,
            text=text,
            defaults={name: defaults[name] for name in names if defaults.get(name)},
            choices={name: choices[name] for name in names if choices.get(name)},
        )

    def as_kept(self) -> dict[str, object]:
        """The fields of a version's row."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def content_of(version: PromptVersion) -> Content:
    """What this version says."""
    return Content(**{one.name: getattr(version, one.name) for one in fields(Content)})


def problems(content: Content) -> dict[str, list[str]]:
    """Why this cannot be kept, as sentences by field (`text`, `values`, `aspect_ratio`, `duration`, `resolution`); empty if it can. Tidy it first."""
    found = {
        "text": _of_text(content.text),
        "values": [trouble for name in variables.find(content.text) for trouble in _of_values(name, content)],
        "aspect_ratio": _unknown(content.aspect_ratio, ASPECT_RATIOS, "aspect ratio"),
        "resolution": _unknown(content.resolution, RESOLUTIONS, "resolution"),
        "duration": []
        if content.duration is None or 1 <= content.duration <= LONGEST
        else [f"A duration is a whole number of seconds, 1 to {LONGEST:,}."],
    }
    return {name: sentences for name, sentences in found.items() if sentences}


def _seen(text: str) -> str:
    """The text without what cannot be seen; as it is where it is no text, which `problems` says."""
    return lines(text) if variables.is_text(text) else text


def _of_text(text: str) -> list[str]:
    if not text:
        return ["Write the prompt first."]
    if not variables.is_text(text):
        return ["The prompt has a character in it that is no text."]
    if len(text) > TEXT_LENGTH:
        return [f"A prompt has at most {TEXT_LENGTH:,} characters; this has {len(text):,}."]
    return variables.problems(text)


def _of_values(name: str, content: Content) -> list[str]:
    default, choices = content.defaults.get(name, ""), content.choices.get(name, [])
    found = [trouble for value in (default, *choices) if (trouble := variables.trouble_with_value(name, value))]
    if len(choices) > MOST_CHOICES:
        found.append(f"“{name}” has {len(choices)} choices; it can have {MOST_CHOICES}.")
    if default and choices and default not in choices:
        found.append(f"What “{name}” starts with, “{default[:60]}”, is none of its choices.")
    return found


def _unknown(value: str, known: Sequence[str], what: str) -> list[str]:
    return [] if not value or value in known else [f"“{value[:20]}” is no {what}; it can be {', '.join(known)}."]
