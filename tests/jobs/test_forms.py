"""The order form and the composer: what is wrong stands beside its field, and what was typed stays."""

from uuid import uuid4

import pytest
from django.http import QueryDict

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.composing import compose
from studio.jobs.forms import BriefForm
from studio.jobs.models import JobReference, Reference
from studio.jobs.wanted import LONGEST, Wanted, of_job, of_last, of_query
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.routing.models import Connection, PriceRule
from tests.jobs.rows import job_row, sure


@pytest.fixture
def entry(alice: User, tide: Project) -> Pass:
    return Pass(alice, tide, "maker")


@pytest.fixture
def grok(db: None) -> Connection:
    return Connection.objects.create(provider="grokimagine", label="GrokImagine", sandbox=True)


def typed(to: Connection, /, **fields: object) -> QueryDict:
    """A filled form as a browser sends it."""
    given: dict[str, object] = {
        "prompt": "A bottle on wet sand",
        "connection": to.pk,
        "model": "grok-imagine-video",
        "aspect_ratio": "16:9",
        "duration": "8",
        "resolution": "720p",
        "order_key": uuid4(),
        **fields,
    }
    data = QueryDict(mutable=True)
    for name, value in given.items():
        if isinstance(value, list):
            data.setlist(name, [str(item) for item in value])
        elif value is not None:
            data[name] = str(value)
    return data


def picture(entry: Pass, **fields: object) -> Reference:
    return Reference.objects.create(project=entry.project, owner=entry.user, **(fields or {"file": "references/a.png"}))


def test_a_whole_brief_is_taken_as_it_is_sent(entry: Pass, xai: Connection):
    form = BriefForm(typed(xai), entry=entry)
    assert form.is_valid()
    asked = sure(form.option)
    assert asked.possible
    assert (asked.brief.duration, asked.brief.model) == (8, "grok-imagine-video")


@pytest.mark.parametrize("prompt", ["", "   ", " \r\n\t "])
def test_a_prompt_of_nothing_but_space_is_refused(entry: Pass, xai: Connection, prompt: str):
    assert BriefForm(typed(xai, prompt=prompt), entry=entry).errors["prompt"] == ["Describe the shot first."]


def test_a_prompt_beyond_our_limit_is_refused_with_its_length(entry: Pass, grok: Connection):
    form = BriefForm(typed(grok, model="", prompt="x" * 10_001), entry=entry)
    assert form.errors["prompt"] == ["A prompt has at most 10,000 characters; this has 10,001."]


def test_a_prompt_beyond_the_providers_limit_is_refused_in_its_name(entry: Pass, xai: Connection, grok: Connection):
    prompt = "x" * 4_097
    assert "at most 4,096 characters; this has 4,097" in BriefForm(typed(xai, prompt=prompt), entry=entry).errors["prompt"][0]
    assert BriefForm(typed(grok, model="", prompt=prompt), entry=entry).is_valid()


def test_a_line_end_counts_as_one_character_as_the_page_counts_it(entry: Pass, xai: Connection):
    form = BriefForm(typed(xai, prompt="ab\r\n" * 1_365), entry=entry)
    assert form.is_valid()
    assert len(form.cleaned_data["prompt"]) == 3 * 1_365 - 1


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"duration": "16"}, "duration"),
        ({"duration": "eight"}, "duration"),
        ({"duration": "0"}, "duration"),
        ({"duration": None}, "duration"),
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"resolution": "1080p"}, "resolution"),
        ({"model": "grok-9"}, "model"),
        ({"connection": "999"}, "connection"),
        ({"connection": ""}, "connection"),
        ({"order_key": "x"}, "order_key"),
        ({"references": ["7f2c1f0e-0000-4000-8000-000000000000"]}, "references"),
        ({"references": ["not an id"]}, "references"),
        ({"references": [str(uuid4())] * 21}, "references"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(entry: Pass, xai: Connection, fields: dict[str, object], place: str):
    form = BriefForm(typed(xai, **fields), entry=entry)
    assert set(form.errors) == {place}


def test_a_connection_that_was_switched_off_meanwhile_takes_no_order(entry: Pass, xai: Connection):
    Connection.objects.update(enabled=False)
    assert BriefForm(typed(xai), entry=entry).errors["connection"] == ["This connection takes no orders any more. Choose another."]


def test_references_keep_their_order_and_belong_to_the_project(entry: Pass, xai: Connection, bob: User):
    first, second = picture(entry), picture(entry, url="https://elsewhere.example/b.png")
    form = BriefForm(typed(xai, references=[second.pk, first.pk]), entry=entry)
    assert form.is_valid()
    assert form.images == (second, first)
    strange = Reference.objects.create(project=Project.objects.create(code="KOI", name="Koi", created_by=bob), owner=bob, file="references/b.png")
    assert "references" in BriefForm(typed(xai, references=[strange.pk]), entry=entry).errors


def test_more_images_than_the_model_takes_are_told_at_the_references(entry: Pass, xai: Connection):
    pictures = [picture(entry).pk for _ in range(8)]
    assert "at most 7 reference images" in BriefForm(typed(xai, references=pictures), entry=entry).errors["references"][0]


def test_images_that_came_with_the_order_are_counted(entry: Pass, xai: Connection):
    form = BriefForm(typed(xai, references=[picture(entry).pk for _ in range(7)]), entry=entry)
    assert form.is_valid()
    form.add_references([picture(entry)])
    assert "references" in form.errors


def test_reasons_never_hide_an_earlier_error_and_an_unknown_field_is_told_anyway(entry: Pass, xai: Connection):
    form = BriefForm(typed(xai, prompt=""), entry=entry)
    form.refuse({"prompt": "another", "images": "no images", "weather": "rain"})
    assert form.errors["prompt"] == ["Describe the shot first."]
    assert form.errors["references"] == ["no images"]
    assert form.errors["__all__"] == ["rain"]


def test_the_composer_offers_what_the_chosen_model_has_and_keeps_what_it_has_not(entry: Pass, xai: Connection):
    shown = compose(entry, Wanted(connection=xai.pk, model="grok-imagine-video", duration=20, resolution="1080p"))
    assert [choice.label for choice in shown.durations][-2:] == ["15 s", "20 s"]
    assert [(choice.value, choice.offered) for choice in shown.resolutions if choice.chosen] == [("1080p", False)]
    assert set(shown.errors) == {"duration", "resolution"}
    assert [name for name, _ in shown.bar_errors] == ["duration", "resolution"]
    assert len(shown.models) == 3
    assert shown.limit == 4_096


def test_a_model_without_an_option_offers_none(entry: Pass, grok: Connection):
    shown = compose(entry, Wanted(connection=grok.pk))
    assert (shown.durations, shown.resolutions, shown.models) == ([], [], [])
    assert [choice.value for choice in shown.modes if choice.chosen] == ["normal"]
    assert shown.limit == 10_000
    assert [route.text for route in shown.routes] == ["picks its own length, picks its own size, 5 ratios, up to 7 images"]


def test_somebody_without_a_choice_gets_the_first_connection_that_can_do_it(entry: Pass, grok: Connection, xai: Connection):
    assert sure(compose(entry, Wanted(resolution="1080p", model="grok-imagine-video")).chosen).connection == grok
    assert sure(compose(entry, Wanted(aspect_ratio="21:9")).chosen).connection == grok


def test_a_chosen_connection_that_is_gone_is_not_replaced_by_another(entry: Pass, xai: Connection):
    shown = compose(entry, Wanted(connection=xai.pk + 1))
    assert shown.chosen is None
    assert (shown.price, shown.figure, shown.models, shown.modes, shown.shape) == ("", "", [], [], "0")
    assert shown.durations


def test_without_any_connection_the_composer_still_stands(entry: Pass):
    assert compose(entry, Wanted()).routes == []


def test_the_price_says_how_sure_it_is(entry: Pass, xai: Connection, grok: Connection):
    ledger.grant(entry.user, 1_000_000, key="k", reason="r", actor=None)
    shown = compose(entry, Wanted(connection=xai.pk, model="grok-imagine-video"))
    assert (shown.price, shown.figure, shown.short) == ("56 credits", "56", None)
    PriceRule.objects.create(provider="grokimagine", fixed=12_500, source="a letter", certainty="estimated")
    assert compose(entry, Wanted(connection=grok.pk)).price == "about 12.5 credits"


def test_a_price_that_nobody_knows_is_said_and_nothing_is_missing(entry: Pass, grok: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("studio.routing.prices.BOOK", {})
    shown = compose(entry, Wanted(connection=grok.pk))
    assert (shown.price, shown.figure, shown.short) == ("price not known", "–", None)


def test_who_has_too_little_is_told_how_much_is_missing_before_ordering(entry: Pass, xai: Connection):
    ledger.grant(entry.user, 6_000, key="k", reason="r", actor=None)
    shown = compose(entry, Wanted(connection=xai.pk, model="grok-imagine-video"))
    assert str(shown.short) == "You have 6 credits; this needs 56. 50 are missing."


def test_a_brief_in_the_making_is_read_leniently(entry: Pass):
    wanted = of_query(entry, QueryDict("connection=x&duration=-3&references=nonsense&aspect_ratio=" + "9" * 50))
    assert (wanted.connection, wanted.duration, wanted.references, wanted.aspect_ratio) == (0, None, (), "9" * 8)
    assert of_query(entry, QueryDict("duration=99999")).duration == LONGEST


def test_an_earlier_brief_comes_back_whole(entry: Pass, xai: Connection):
    job = job_row(entry.project, entry.user, xai, duration=5, aspect_ratio="9:16")
    reference = picture(entry)
    JobReference.objects.create(job=job, reference=reference, position=0)
    wanted = sure(of_job(entry, job.number))
    assert (wanted.prompt, wanted.duration, wanted.aspect_ratio, wanted.references) == (job.prompt, 5, "9:16", (reference,))
    assert of_job(entry, 99) is None


def test_the_settings_of_the_last_order_are_remembered_without_its_prompt(entry: Pass, xai: Connection):
    assert of_last(entry) == Wanted()
    job_row(entry.project, entry.user, xai, duration=5)
    assert (of_last(entry).prompt, of_last(entry).duration, of_last(entry).connection) == ("", 5, xai.pk)
    Connection.objects.update(enabled=False)
    assert of_last(entry).connection == 0
