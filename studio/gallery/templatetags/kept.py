"""The cost of a kept second, for pages about a project's money that know nothing of clips."""

from django import template

from studio.credits.periods import Span, today
from studio.credits.ranges import named, said
from studio.gallery.kept import charges_in, whole

register = template.Library()


@register.inclusion_tag("gallery/_kept_of.html")
def kept_of(code: str, span: Span | None = None) -> dict[str, object]:
    """What a kept second cost in the project of this code, in these days or the last ninety. Two queries."""
    days = span or named("90", today())
    return {"code": code.upper(), "cost": whole(charges_in(days).filter(job__project__code=code.upper())), "said": said(days)}
