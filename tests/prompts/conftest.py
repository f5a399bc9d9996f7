"""Prompts of all three kinds, and one with three versions."""

from collections.abc import Callable

import pytest

from studio.accounts.models import User
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.contents import Content
from studio.prompts.models import Prompt

DOLLY = Content(
    text="Slow dolly toward {{subject}} on {{surface}}, {{light}} behind it.",
    defaults={"subject": "a glass bottle"},
    choices={"light": ["dusk", "noon"]},
    aspect_ratio="16:9",
    duration=8,
    resolution="720p",
).tidied()
WritePrompt = Callable[..., Prompt]


@pytest.fixture
def write(alice: User) -> WritePrompt:
    """Writes a prompt, as Alice and for the team unless told otherwise."""

    def write(text: str = DOLLY.text, *, name: str = "Product dolly", by: User = alice, scope: str = "team", **fields: object) -> Prompt:
        content = DOLLY if text == DOLLY.text else Content(text=text).tidied()
        return actions.start(content, name=name, by=by, scope=scope, **fields)  # type: ignore[arg-type]

    return write


@pytest.fixture
def dolly(write: WritePrompt) -> Prompt:
    """Alice's prompt of the team."""
    return write()


@pytest.fixture
def aged(dolly: Prompt, alice: User) -> Prompt:
    """The same with three versions; the second is the one in production."""
    for number, (old, new) in enumerate((("Slow", "Very slow"), ("dolly", "push")), 1):
        before = actions.newest_of(dolly)
        said = Content(text=before.text.replace(old, new), aspect_ratio="9:16").tidied()
        actions.revise(dolly, said, base=number, note=f"{new} instead of {old}", by=alice)
    actions.move_label(dolly.versions.get(number=2), "production", by=alice)
    return dolly


@pytest.fixture
def koi(mallory: User) -> Project:
    """Mallory's own project, of which nobody else knows."""
    project = Project.objects.create(code="KOI", name="Koi", created_by=mallory)
    project.memberships.create(user=mallory, role="owner")
    return project
