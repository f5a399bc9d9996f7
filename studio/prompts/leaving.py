"""What people leave behind of prompts when they are switched off. Prompts of a project or of the team stay where they are."""

from collections.abc import Collection

from studio.accounts.departing import Departure, Left, Source
from studio.prompts.models import Prompt, Scope


def _find(departure: Departure) -> list[Left]:
    if departure.project is not None:
        return []
    private = Prompt.objects.filter(author=departure.person, scope=Scope.PRIVATE).count()
    return [Left(name="prompts", title="Private prompts", count=private, what="They stay private. Nobody else sees them.")]


def _end(_: Departure, __: Collection[str]) -> dict[str, int]:
    return {}


SOURCE = Source(_find, _end)
