"""Panels about limits, for pages that know nothing of credits."""

from django import template

from studio.accounts.models import User
from studio.credits.limits import cap_of, soft_notice, used_of
from studio.credits.models import Budget
from studio.projects.models import Project

register = template.Library()


@register.inclusion_tag("credits/_budget.html")
def budget_of(project: Project) -> dict[str, object]:
    """A project's budget and what is used of it. Two queries, one more for a soft one."""
    budget = Budget.objects.filter(project=project).first()
    if budget is None:
        return {"budget": None, "project": project}
    used = used_of([budget])[budget.pk]
    return {"budget": budget, "project": project, "used": used, "left": max(budget.amount - used, 0), "notice": soft_notice(project)}


@register.inclusion_tag("credits/_own_caps.html")
def caps_of(user: User) -> dict[str, object]:
    """What a person may order a day and have in progress at once. One query."""
    return {"cap": cap_of(user)}
