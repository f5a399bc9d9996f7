"""Requests to add people to projects, on pages of people: {% load asked %}, {% member_requests %} for admins, {% my_requests person %}."""

from django import template

from studio.accounts.models import User
from studio.projects import asking

register = template.Library()


@register.inclusion_tag("projects/_requests_open.html", takes_context=True)
def member_requests(context: template.Context) -> dict[str, object]:
    """What owners ask admins for. One query."""
    return {"requests": list(asking.open_requests()), "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("projects/_requests_mine.html", takes_context=True)
def my_requests(context: template.Context, person: User) -> dict[str, object]:
    """Projects to which this person is asked to belong. One query."""
    return {"requests": list(asking.requests_for(person)), "csrf_token": context.get("csrf_token")}
