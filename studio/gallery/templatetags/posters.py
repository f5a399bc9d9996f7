"""The sizes of a clip's poster, for templates."""

from django import template

from studio.gallery import posters
from studio.jobs.models import Clip

register = template.Library()
ROWS = 260  # CSS pixels that a row of the wall is high at most; on phones two thirds of it


@register.simple_tag
def poster(clip: Clip, width: int) -> str:
    """The address of the poster in this width: {% poster clip 480 %}."""
    return posters.address(clip, width)


@register.simple_tag
def poster_srcset(clip: Clip) -> str:
    """Every size with its width, as `srcset` takes them."""
    return ", ".join(f"{address} {width}w" for address, width in posters.sizes(clip))


@register.simple_tag
def poster_sizes(clip: Clip) -> str:
    """How wide the clip's tile is at most, as `sizes` takes it."""
    wide = round(ROWS * clip.width / clip.height) if clip.height else ROWS
    return f"(max-width: 760px) {max(96, round(wide * 2 / 3))}px, {max(96, wide)}px"
