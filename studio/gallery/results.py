"""What became of the library's prompts: clips made and kept, what failed, what they cost. Only of projects that the reader may see, and in fixed queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median_low

from django.db.models import Count, F, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from studio.accounts.models import User
from studio.gallery.kept import CLIPS
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause, Clip, Job
from studio.projects.models import Project
from studio.prompts.models import Prompt, PromptVersion

REFUSALS = (Cause.MODERATED, Cause.INPUT_REFUSED)
TYPICAL_OF = 101  # charges, the newest
SHOWN = 8  # clips of one version
PICTURES = 3  # of a prompt in a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The jobs whose words were a version's own. `made`, `decided` and `kept` count clips as `kept.py` does, `refused` is the part of `failed` that a filter or provider turned down.

    `spent` and `typical`, the middle charge of one order, in millicredits; `typical` is None while nothing was charged. `changed` counts jobs that
    began with the version and were given other words: they are in no other figure.
    """

    ordered: int = 0
    made: int = 0
    decided: int = 0
    kept: int = 0
    failed: int = 0
    refused: int = 0
    spent: int = 0
    changed: int = 0
    typical: int | None = None
    clips: list[Clip] = field(default_factory=list)

    @property
    def kept_share(self) -> float | None:
        """The share of the decided clips that was kept, from 0 to 1; None where nobody has decided."""
        return self.kept / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class Uses:
    """How often a prompt was used, whatever the version, and its newest clips."""

    times: int = 0
    clips: list[Clip] = field(default_factory=list)


def results_of(version: PromptVersion, reader: User) -> Results:
    """What became of one version. Four queries."""
    begun = _seen(reader).filter(prompt_version=version)
    jobs = begun.filter(prompt_changed=False)
    failed = Q(state=State.FAILED)
    counted = begun.aggregate(
        ordered=Count("pk", filter=Q(prompt_changed=False)),
        failed=Count("pk", filter=failed & Q(prompt_changed=False)),
        refused=Count("pk", filter=failed & Q(cause__in=REFUSALS, prompt_changed=False)),
        spent=Sum("charged", filter=Q(prompt_changed=False)),
        changed=Count("pk", filter=Q(prompt_changed=True)),
    )
    newest = jobs.filter(state=State.DONE, charged__isnull=False).order_by("-created_at").values_list("charged", flat=True)[:TYPICAL_OF]
    charges = [charge for charge in newest if charge is not None]
    clips = _saved().filter(job__in=jobs)
    judged = clips.order_by().aggregate(**CLIPS)
    return Results(
        **{**counted, "spent": counted["spent"] or 0},
        made=judged["number"],
        decided=judged["decided"],
        kept=judged["kept"],
        typical=median_low(charges) if charges else None,
        clips=list(clips.select_related("job__project").order_by("-saved_at", "-pk")[:SHOWN]),
    )


def uses_of(prompts: Sequence[Prompt], reader: User) -> dict[int, Uses]:
    """By prompt, how often it was used and what came of it lately. Two queries; none for no prompts."""
    if not prompts:
        return {}
    jobs = _seen(reader).filter(prompt_version__prompt__in=prompts)
    times = dict(jobs.values_list("prompt_version__prompt").annotate(Count("pk")).order_by("prompt_version__prompt"))
    turn = Window(RowNumber(), partition_by=F("job__prompt_version__prompt"), order_by=[F("saved_at").desc(), F("pk").desc()])
    newest = _saved().filter(job__in=jobs).annotate(turn=turn).filter(turn__lte=PICTURES).select_related("job__project", "job__prompt_version")
    pictures: dict[int, list[Clip]] = {}
    for clip in sorted(newest, key=lambda clip: clip.turn):
        assert clip.job.prompt_version is not None  # noqa: S101 - they were asked for by it
        pictures.setdefault(clip.job.prompt_version.prompt_id, []).append(clip)
    return {prompt.pk: Uses(times.get(prompt.pk, 0), pictures.get(prompt.pk, [])) for prompt in prompts}


def _seen(reader: User) -> QuerySet[Job]:
    return Job.objects.filter(project__in=Project.objects.for_user(reader))


def _saved() -> QuerySet[Clip]:
    return Clip.objects.present()
