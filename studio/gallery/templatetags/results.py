"""The results of prompts for the library's pages: that app stands below jobs and clips, and may not know them."""

from collections.abc import Sequence

from django import template

from studio.accounts.models import User
from studio.gallery import results
from studio.gallery.results import Results, Uses
from studio.jobs.models import Job
from studio.prompts.door import seen_by
from studio.prompts.library import Row
from studio.prompts.models import PromptVersion

register = template.Library()


@register.simple_tag
def results_of(version: PromptVersion, reader: User) -> Results:
    """What became of one version, as far as the reader may see: {% results_of version user as made %}."""
    return results.results_of(version, reader)


@register.simple_tag
def uses_of(rows: Sequence[Row], reader: User) -> dict[int, Uses]:
    """By prompt, its uses and newest clips: {% uses_of page.rows user as uses %}."""
    return results.uses_of([row.prompt for row in rows], reader)


@register.filter
def of(table: dict[int, Uses], key: int) -> Uses:
    """The uses of one prompt out of that table."""
    return table.get(key, Uses())


@register.simple_tag
def began_with(job: Job, reader: User) -> PromptVersion | None:
    """The library's version that a job began with, if the reader may see it. One query, none for a job without one."""
    if job.prompt_version_id is None:
        return None
    return PromptVersion.objects.select_related("prompt").filter(pk=job.prompt_version_id, prompt__in=seen_by(reader)).first()
