"""A prompt's text for pages."""

from collections.abc import Iterator

from django import template

from studio.prompts import variables
from studio.prompts.models import PromptVersion
from studio.prompts.variables import Piece

register = template.Library()


@register.filter
def pieces(version: PromptVersion) -> Iterator[Piece]:
    """The text cut into plain parts and variables."""
    return variables.pieces(version.text)
