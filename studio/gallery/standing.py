"""How a clip's decision is shown to one person: the project's mark, the buttons with what they would say, and what everybody thinks. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist

from studio.gallery.models import Decision, ProjectDecision, Verdict
from studio.jobs.models import Clip
from studio.projects.door import Pass

# word on the button, its icon, its key
BUTTONS = {Verdict.PICK: ("Pick", "check", "1"), Verdict.MAYBE: ("Maybe", "circle-help", "2"), Verdict.REJECT: ("Reject", "x", "3")}


@dataclass(frozen=True, slots=True)
class Choice:
    """One button. Pressed: pressing it takes the decision back."""

    verdict: Verdict
    word: str
    icon: str
    key: str
    pressed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What the project decided, if it did; and the buttons, none for those who only look. Owners and reviewers press the project's, makers their own."""

    decision: ProjectDecision | None
    choices: list[Choice]

    @property
    def icon(self) -> str:
        """The mark of the project's decision."""
        return BUTTONS[Verdict(self.decision.verdict)][1] if self.decision else ""


def decision_of(clip: Clip) -> ProjectDecision | None:
    """The project's decision about a clip; without a query where it was fetched along."""
    try:
        found: ProjectDecision = clip.decision
    except ObjectDoesNotExist:
        return None
    return found


def standings(clips: Sequence[Clip], entry: Pass) -> dict[UUID, Standing]:
    """The standing of each of these clips of one project, which were fetched with their decisions. One query for a maker, none for anybody else."""
    return standings_among(clips, {entry.project.pk: entry})


def standings_among(clips: Sequence[Clip], passes: Mapping[int, Pass]) -> dict[UUID, Standing]:
    """The same for clips of several projects, each by the pass for its own."""
    asked = [clip for clip in clips if passes[clip.project_id].may_decide and not passes[clip.project_id].may_rule]
    own: Mapping[UUID, str] = {}
    if asked:
        own = dict(Decision.objects.filter(clip__in=asked, person=passes[asked[0].project_id].user).values_list("clip", "verdict"))
    return {clip.pk: _standing(decision_of(clip), own.get(clip.pk, ""), passes[clip.project_id]) for clip in clips}


def standing_of(clip: Clip, entry: Pass) -> Standing:
    """The standing of one clip, fresh from the database. One query, two for a maker."""
    fresh = Clip.objects.select_related("decision__person").get(pk=clip.pk)
    return standings([fresh], entry)[clip.pk]


def standing_with(clip: Clip, opinions: Sequence[Decision], entry: Pass) -> Standing:
    """The standing of a clip that was fetched with its decision, and whose opinions are at hand. No query."""
    own = next((one.verdict for one in opinions if one.person_id == entry.user.pk), "")
    return _standing(decision_of(clip), own, entry)


def opinions_of(clip: Clip) -> list[Decision]:
    """What each person thinks of this clip, oldest first; one who has left the project is still among them. One query."""
    return list(Decision.objects.filter(clip=clip).select_related("person").order_by("decided_at", "pk"))


def besides(opinions: Sequence[Decision], decision: ProjectDecision | None) -> list[Decision]:
    """The opinions that tell more than the project's decision does: without that of the person who made it, where it is the same."""
    told = (decision.person_id, decision.verdict) if decision else None
    return [one for one in opinions if (one.person_id, one.verdict) != told]


def _standing(decision: ProjectDecision | None, own: str, entry: Pass) -> Standing:
    if not entry.may_decide:
        return Standing(decision, [])
    shown = own if not entry.may_rule else decision.verdict if decision else ""
    return Standing(decision, [Choice(verdict, *told, pressed=verdict == shown) for verdict, told in BUTTONS.items()])
