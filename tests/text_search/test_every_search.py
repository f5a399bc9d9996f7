"""Every search box of the studio with the same tricky words: found whatever the capitals, the accents and the script, alike on both databases."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.http import QueryDict
from django.urls import reverse

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.models import Spending
from studio.credits.periods import today
from studio.credits.spending_form import SpendForm
from studio.gallery.kept_forms import KeptForm
from studio.jobs.models import Attempt, Job
from studio.projects.models import Membership, Project
from studio.prompts import actions as prompts
from studio.prompts.contents import Content
from studio.prompts.forms import tags_of
from studio.routing.models import Connection
from studio.text_search.lookups import containing
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip, make_clip  # noqa: F401 - a fixture
from tests.long_run import LONG

TYPED = {  # what is kept: what finds it
    "Море на закате": ("море", "Море", "МОРЕ", "закат"),
    "Анна Петрова": ("анна", "АННА", "Петрова"),
    "一只橘猫在雨中奔跑，电影感": ("一只橘猫", "橘猫", "雨中奔跑", "电影"),
    "東京タワーのネオン": ("東京", "タワー", "ﾀﾜｰ", "ネオン"),
    "แมวส้มวิ่งกลางสายฝน": ("ส้ม", "สายฝน"),
    "한국어로검색하기": ("검색", "한국어"),
    "ខ្មែរអក្សរ": ("អក្សរ",),
    "မြန်မာစာသား": ("စာသား",),
    "ພາສາລາວງາມ": ("ລາວ",),
    "Straße GROẞ": ("strasse", "STRASSE", "gross", "groß"),
    "İstanbul ışık": ("istanbul", "ISTANBUL", "ISIK"),
    "ΟΔΥΣΣΕΥΣ": ("οδυσσευς", "Οδυσσευς"),
    "Ｆｕｌｌ　ｗｉｄｔｈ": ("full", "WIDTH"),
    "Cafe\u0301 Łódź": ("CAFÉ", "cafe", "łódź", "LODZ"),
    "🎬 finale": ("🎬", "FINALE"),
}
MISSED = ("море1", "橘狗", "奔跑雨中", "ネコ", "🎥", "zebra")
DECOY = "Nothing of the kind"
FIRST = 10_000  # number of the jobs whose author is searched
Find = Callable[[str], list[str]]


@dataclass
class Box:
    """A search: `put` keeps a text where it is looked for, `find` tells which texts come back."""

    put: Callable[[str], object]
    find: Find


@dataclass
class Seeds:
    """What texts are put into."""

    ada: User
    alice: User
    tide: Project
    xai: Connection
    make_clip: MakeClip

    def person(self, name: str) -> None:
        """Somebody of that name in Tidewater, with a grant, a charge, an event and a job of their own."""
        number = User.objects.count()
        found = User.objects.create_user(f"p{number}@example.org", name=name, role="admin")
        Membership.objects.create(project=self.tide, user=found, role="maker")
        ledger.grant(found, 1_000, key=f"box{number}", reason="plain", actor=None)
        Spending.objects.create(account=found.account, project=self.tide, provider="xai", day=today(), charged=1, charges=1)
        AuditEvent.record("person.role", "somebody", actor=found)
        job = Job.objects.create(project=self.tide, author=found, connection=self.xai, number=FIRST + number, prompt="plain", state="done", due=None)
        Attempt.objects.create(job=job, connection=self.xai)

    def project(self, name: str) -> None:
        Project.objects.create(code=f"P{Project.objects.count()}", name=name, created_by=self.ada)

    def prompt(self, name: str) -> None:
        prompts.start(Content(text="words"), name=name, by=self.ada, scope="team")

    def clip(self, prompt: str) -> None:
        self.make_clip(prompt=prompt)

    def reason(self, text: str) -> None:
        ledger.grant(self.alice, 1, key=text, reason=text, actor=None)

    def subject_of_event(self, text: str) -> None:
        AuditEvent.record("person.role", text, actor=self.ada)

    def reason_of_event(self, text: str) -> None:
        AuditEvent.record("person.role", "", actor=self.ada, reason=text)


class Searches:
    """What people ask, as Ada, who sees everything, or as Alice, who makes."""

    def __init__(self, ada: User, alice: User, clip_id: UUID) -> None:
        self.ada, self.alice, self.clip_id = signed_in(ada), signed_in(alice), clip_id

    def palette(self, group: str) -> Find:
        def find(typed: str) -> list[str]:
            groups = self.ada.get(reverse("found"), {"q": typed}).context["groups"]
            return [hit.words for found in groups if found.name == group for hit in found.hits]

        return find

    def page(self, address: str, field: str, key: str, words: Callable[[Any], str]) -> Find:
        return lambda typed: [words(row) for row in self.ada.get(reverse(address), {field: typed}).context[key]]

    def spend(self, typed: str) -> list[str]:
        return [row.account.user.name for row in SpendForm(_query(who=typed)).narrowed(Spending.objects.all())]

    def kept(self, typed: str) -> list[str]:
        return [attempt.job.author.name for attempt in KeptForm(_query(who=typed)).charges(Attempt.objects.filter(job__number__gte=FIRST))]

    def mentions(self, typed: str) -> list[str]:
        page = self.alice.get(reverse("clip_people", args=["TIDE", self.clip_id]), {"q": typed})
        return [person.name for person in page.context["people"]]

    def wall(self, typed: str) -> list[str]:
        page = self.alice.get(reverse("gallery", args=["TIDE"]), {"q": typed}).context["page"]
        return [tile.clip.job.prompt for day in page.days for tile in day.tiles]

    def library(self, typed: str) -> list[str]:
        return [row.prompt.name for row in self.ada.get(reverse("prompts"), {"q": typed}).context["page"].rows]

    def picker(self, typed: str) -> list[str]:
        return [row.prompt.name for row in self.alice.get(reverse("library_picker", args=["TIDE"]), {"q": typed}).context["page"].rows]


@pytest.fixture
def boxes(ada: User, alice: User, tide: Project, xai: Connection, make_clip: MakeClip) -> dict[str, Box]:  # noqa: F811 - the fixture
    seeds = Seeds(ada, alice, tide, xai, make_clip)
    ask = Searches(ada, alice, make_clip(prompt="plain").pk)
    return {
        "palette, people": Box(seeds.person, ask.palette("People")),
        "palette, projects": Box(seeds.project, ask.palette("Projects")),
        "palette, prompts": Box(seeds.prompt, ask.palette("Prompts")),
        "palette, clips": Box(seeds.clip, ask.palette("Clips")),
        "people and balances": Box(seeds.person, ask.page("credits_people", "q", "people", str)),
        "chooser of people": Box(seeds.person, ask.page("credits_find", "q", "people", lambda row: str(row[0]))),
        "statements, people": Box(seeds.person, ask.page("credits_statements", "q", "people", str)),
        "statements, projects": Box(seeds.project, ask.page("credits_statements", "q", "projects", str)),
        "ledger, person": Box(seeds.person, ask.page("credits_ledger", "who", "lines", lambda row: str(row[0].account.user))),
        "ledger, reason": Box(seeds.reason, ask.page("credits_ledger", "reason", "lines", lambda row: str(row[0].reason))),
        "spend": Box(seeds.person, ask.spend),
        "kept seconds": Box(seeds.person, ask.kept),
        "audit, who": Box(seeds.person, ask.page("audit", "who", "lines", lambda row: str(row.event.actor))),
        "audit, whom": Box(seeds.subject_of_event, ask.page("audit", "whom", "lines", lambda row: str(row.event.subject))),
        "audit, text": Box(seeds.reason_of_event, ask.page("audit", "text", "lines", lambda row: str(row.event.reason))),
        "mentions": Box(seeds.person, ask.mentions),
        "wall": Box(seeds.clip, ask.wall),
        "prompt library": Box(seeds.prompt, ask.library),
        "library in the composer": Box(seeds.prompt, ask.picker),
    }


def _query(**words: str) -> QueryDict:
    query = QueryDict(mutable=True)
    query.update(words)
    return query


NAMES = (
    "palette, people", "palette, projects", "palette, prompts", "palette, clips", "people and balances", "chooser of people", "statements, people",
    "statements, projects", "ledger, person", "ledger, reason", "spend", "kept seconds", "audit, who", "audit, whom", "audit, text", "mentions", "wall",
    "prompt library", "library in the composer",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_search_finds_what_is_meant_and_nothing_else(boxes: dict[str, Box], name: str, run_seed: int):
    """The sample looks for each text in one of its ways, another one in each box and with each run."""
    box, chance = boxes[name], random.Random(f"{run_seed} {name}")
    for text in (DECOY, *TYPED):
        box.put(text)

    asked = {typed: [text] for text, words in TYPED.items() for typed in (words if LONG else [chance.choice(words)])}
    assert {typed: box.find(typed) for typed in asked} == asked
    assert {typed: box.find(typed) for typed in MISSED} == {typed: [] for typed in MISSED}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("typed", ["\u200b", "\ufe0f\u200d"])
def test_what_nobody_can_see_finds_nothing_instead_of_everything(boxes: dict[str, Box], name: str, typed: str):
    boxes[name].put(DECOY)

    assert boxes[name].find(typed) == []


def test_every_search_is_in_the_table(boxes: dict[str, Box]):
    assert tuple(boxes) == NAMES


@pytest.mark.parametrize("typed", ["ALICE@example.org", " alice@EXAMPLE.org "])
def test_an_address_is_found_whatever_its_capitals(alice: User, typed: str):
    assert User.objects.find(typed) == alice


@pytest.mark.parametrize(("typed", "is_found"), [("e a", False), ("e al", False), ("a e", True)])
def test_what_is_typed_stands_in_one_place_and_not_at_the_end_of_one_and_the_beginning_of_the_next(db: None, typed: str, is_found: bool):
    anna = User.objects.create(name="Anna E. Lane", email="alane@studio.example")

    assert containing(User.objects.filter(pk=anna.pk), typed).exists() is is_found


def test_an_address_of_other_letters_is_found_whatever_its_capitals_and_its_form(db: None):
    person = User.objects.create_user("anna@Bu\u0308ro.example")

    assert User.objects.find("ANNA@BÜRO.example") == person
    assert User.objects.get_by_natural_key("anna@büro.EXAMPLE") == person


def test_two_connections_cannot_differ_in_capitals_alone(ada: User, db: None):
    Connection.objects.create(provider="xai", label="Büro Москва")

    assert Connection.objects.filter(label__same="BÜRO МОСКВА").exists()
    assert not Connection.objects.filter(label__same="Büro").exists()


def test_a_tag_is_one_tag_whatever_its_capitals_and_its_form(ada: User):
    kept = prompts.start(Content(text="words"), name="Shot", by=ada, scope="team", tags=tags_of("Cafe\u0301, CAFÉ"))

    assert list(kept.tags.values_list("name", flat=True)) == ["café"]
    for typed in ("café", "CAFÉ", "cafe\u0301"):
        page = signed_in(ada).get(reverse("prompts"), {"tag": typed}).context["page"]
        assert [row.prompt for row in page.rows] == [kept]
