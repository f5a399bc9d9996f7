"""What a kept second costs: which charges and clips count, by what it is told, who may see it, what it costs to ask, and its file."""

import csv
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.periods import Span, today
from studio.gallery import kept
from studio.gallery.kept import By, Cost
from studio.gallery.models import Decision
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import person, signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_shows import decided

TEAM = "/credits/kept/"
NOW = timedelta(0)


def span(days: int = 1) -> Span:
    """The last days."""
    return Span(today() - timedelta(days=days - 1), today() + timedelta(days=1), "test")


def whole(days: int = 1) -> Cost:
    return kept.whole(kept.charges_in(span(days)))


def words(text: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text.decode()).split())


@pytest.fixture
def season(make_clip: MakeClip, bob: User, tide: Project) -> list[Clip]:
    """Four clips of 8.04 s for 38 credits each: picked, rejected, maybe, not decided."""
    return [decided(make_clip(age=NOW), verdict, bob) for verdict in ("pick", "reject", "maybe", "")]


# what counts


def test_charges_are_divided_by_the_seconds_that_were_picked(season: list[Clip]):
    cost = whole()

    assert cost == Cost(charged=4 * 38_000, charges=4, clips=4, decided=3, kept=1, milliseconds=8040)
    assert cost.a_second == 18_910  # 152 credits over 8.04 s, to a hundredth
    assert cost.coverage == pytest.approx(0.75)
    assert not cost.is_thin


def test_nothing_picked_has_no_price(make_clip: MakeClip):
    make_clip(age=NOW)

    assert whole().a_second is None
    assert whole().is_thin
    assert Cost().coverage is None


def test_while_the_project_has_not_decided_somebodys_pick_keeps_a_clip(season: list[Clip], alice: User, bob: User):
    undecided, rejected = season[3], season[1]
    Decision.objects.create(clip=undecided, person=alice, verdict="pick")
    Decision.objects.create(clip=undecided, person=bob, verdict="reject")
    Decision.objects.create(clip=rejected, person=alice, verdict="pick")

    cost = whole()

    assert (cost.decided, cost.kept) == (4, 2)  # the rejected one stays rejected


def test_an_opinion_that_is_no_pick_decides_and_keeps_nothing(season: list[Clip], alice: User):
    Decision.objects.create(clip=season[3], person=alice, verdict="maybe")

    assert (whole().decided, whole().kept) == (4, 1)


def test_what_was_charged_without_a_clip_counts_among_the_charges(season: list[Clip]):
    moderated = Attempt.objects.get(pk=season[0].attempt_id)
    Clip.objects.filter(pk=season[0].pk).delete()
    Attempt.objects.filter(pk=moderated.pk).update(outcome=State.FAILED, cause="moderated")

    assert (whole().charges, whole().clips) == (4, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"ended_at": None, "charged": None, "outcome": ""},  # under way, or in doubt: held
        {"charged": 0, "outcome": "failed", "cause": "written_off"},
        {"charged": 0, "outcome": "failed", "cause": "provider_failed"},
        {"charged": 0, "outcome": "cancelled"},
    ],
)
def test_what_is_in_doubt_written_off_or_returned_does_not_count(season: list[Clip], change: dict[str, object]):
    Attempt.objects.filter(pk=season[0].attempt_id).update(**change)

    assert whole() == Cost(charged=3 * 38_000, charges=3, clips=3, decided=2, kept=0, milliseconds=0)


def test_two_attempts_of_one_job_are_two_charges_and_two_clips_of_one_charge_are_one(make_clip: MakeClip, bob: User):
    clip = decided(make_clip(age=NOW), "pick", bob)
    twin = Clip.objects.get(pk=clip.pk)
    twin.pk, twin.position = None, 1
    twin.save(force_insert=True)
    now = timezone.now()
    Attempt.objects.create(job=clip.job, connection=clip.attempt.connection, ended_at=now, outcome="failed", cause="moderated", charged=5_000)

    assert whole() == Cost(charged=43_000, charges=2, clips=2, decided=1, kept=1, milliseconds=8040)


def test_a_month_is_the_teams(make_clip: MakeClip, bob: User):
    clip = decided(make_clip(age=NOW), "pick", bob)
    Attempt.objects.filter(pk=clip.attempt_id).update(ended_at=datetime(2026, 10, 31, 20, 0, tzinfo=UTC))  # already November in Vladivostok
    november, october = (Span(date(2026, month, 1), date(2026, month + 1, 1), "test") for month in (11, 10))

    with override_settings(TIME_ZONE="Asia/Vladivostok"):
        assert kept.whole(kept.charges_in(november)).charges == 1
        assert kept.whole(kept.charges_in(october)).charges == 0
        assert [row.subject for row in kept.rows(kept.charges_in(november), By.MONTH)] == [date(2026, 11, 1)]
    with override_settings(TIME_ZONE="America/Lima"):
        assert kept.whole(kept.charges_in(october)).charges == 1
        assert [row.subject for row in kept.rows(kept.charges_in(october), By.MONTH)] == [date(2026, 10, 1)]


# by what


def test_it_is_told_by_project_person_connection_and_month(season: list[Clip], make_clip: MakeClip, koi: Project, mallory: User):
    decided(make_clip(project=koi, author=mallory, age=NOW), "pick", mallory)
    other = Connection.objects.create(provider="comet", label="Comet two", sandbox=True)
    Attempt.objects.filter(pk=season[0].attempt_id).update(connection=other)
    old = make_clip(age=timedelta(days=62))

    def told(by: By, days: int = 1) -> list[tuple[str, int, int]]:
        return [(str(row.subject), row.cost.charged, row.cost.kept) for row in kept.rows(kept.charges_in(span(days)), by)]

    assert told(By.PROJECT) == [("Tidewater", 152_000, 1), ("Koi", 38_000, 1)]
    assert told(By.PERSON) == [("Alice", 152_000, 1), ("Mallory", 38_000, 1)]
    assert told(By.CONNECTION) == [(str(old.attempt.connection), 152_000, 1), (str(other), 38_000, 1)]
    assert [kept_ for *_, kept_ in told(By.MONTH, days=100)] == [0, 2]


@pytest.mark.parametrize(("by", "most"), [(By.PROJECT, 5), (By.PERSON, 5), (By.CONNECTION, 5), (By.MONTH, 4)])
def test_the_question_costs_the_same_however_much_there_is(make_clip: MakeClip, bob: User, by: By, most: int):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            kept.whole(kept.charges_in(span(100)))
            kept.rows(kept.charges_in(span(100)), by)
        return len(queries)

    decided(make_clip(age=NOW), "pick", bob)
    assert cost() == most
    for place in range(12):
        user = person(f"p{place}@example.org")
        project = Project.objects.create(code=f"P{place}X", name=f"Project {place}", created_by=user)
        decided(make_clip(project=project, author=user, age=timedelta(days=8 * place)), "pick" if place % 2 else "", bob)
    assert cost() == most


def test_the_page_costs_the_same_however_much_there_is(dave: User, make_clip: MakeClip, bob: User):
    browser = signed_in(dave)

    def cost() -> int:
        browser.get(TEAM)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(TEAM, {"by": "person"}).status_code == 200
        return len(queries)

    decided(make_clip(age=NOW), "pick", bob)
    few = cost()
    for place in range(8):
        decided(make_clip(author=person(f"p{place}@example.org"), age=NOW), "pick", bob)
    assert cost() == few


def test_a_short_period_is_found_by_its_index(season: list[Clip]):
    sql, params = kept.charges_in(span()).query.sql_with_params()
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by the figures of the table, and these are small")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        assert "attempts_by_end" in str(cursor.fetchall())


# who


def test_credit_managers_see_figures_names_and_codes_and_no_content(dave: User, season: list[Clip]):
    text = signed_in(dave).get(TEAM).content

    assert "Tidewater TIDE" in words(text)
    assert "18.91" in words(text)
    assert season[0].job.prompt.encode() not in text
    assert b"/p/TIDE/" not in text
    assert str(season[0].pk).encode() not in text


@pytest.mark.parametrize("somebody", ["alice", "bob", "carol", "mallory"])
def test_others_are_refused_the_teams_page(request: pytest.FixtureRequest, somebody: str, tide: Project):
    assert signed_in(request.getfixturevalue(somebody)).get(TEAM).status_code == 403


def test_an_owner_sees_their_own_project_and_nothing_of_another(bob: User, season: list[Clip], make_clip: MakeClip, koi: Project, mallory: User):
    decided(make_clip(project=koi, author=mallory, age=NOW), "pick", mallory)
    browser = signed_in(bob)

    text = words(browser.get(reverse("project_kept", args=["TIDE"])).content)

    assert "Spent 152 in 4 charges" in text
    assert "Mallory" not in text
    assert browser.get(reverse("project_kept", args=["KOI"])).status_code == 404
    assert [row[0] for row in lines(browser.get(reverse("project_kept", args=["TIDE"]), {"as": "csv"}))] == ["Person", "Alice"]


def test_the_figure_stands_where_an_owner_sees_the_projects_money(bob: User, alice: User, season: list[Clip]):
    browser, month = signed_in(bob), f"{today():%Y/%-m}"

    settings = words(browser.get(reverse("project_settings", args=["TIDE"])).content)
    statement = words(browser.get(f"/credits/statements/{month}/projects/tide/").content)

    for page in (settings, statement):
        assert "18.91 credits for a second that is picked. Kept: 8.0 s . Decided: 3 of 4 clips." in page
    assert "kept second" not in words(signed_in(alice).get(reverse("project_settings", args=["TIDE"])).content)


# the page and its file


def lines(answer) -> list[list[str]]:
    return list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))


def test_the_file_holds_the_figures(dave: User, season: list[Clip], tide: Project):
    Project.objects.filter(pk=tide.pk).update(name="=1+1")

    header, row = lines(signed_in(dave).get(TEAM, {"as": "csv"}))

    assert header == ["Project", "Code", "Charges", "Credits", "Clips", "Decided", "Coverage in %", "Kept clips", "Kept seconds",
                      "Credits a kept second", "USD a kept second"]  # fmt: skip
    assert row == ["'=1+1", "TIDE", "4", "152", "4", "3", "75.0", "1", "8.040", "18.91", "0.19"]


@pytest.mark.parametrize("by", list(By))
def test_every_way_to_tell_it_has_a_page_and_a_file(dave: User, season: list[Clip], by: By):
    browser = signed_in(dave)

    assert browser.get(TEAM, {"by": by}).context["by"] == by
    assert len(lines(browser.get(TEAM, {"by": by, "as": "csv"}))) == 2


@pytest.mark.parametrize(
    ("query", "charges"),
    [
        ({"who": "ali"}, 4),
        ({"who": "nobody"}, 0),
        ({"project": "TIDE"}, 4),
        ({"project": "KOI"}, 0),
        ({"provider": "xai"}, 4),
        ({"provider": "comet"}, 0),
        ({"period": "last-month"}, 0),
        ({"by": "love"}, 4),
        ({"period": "own", "first": "2026-11-02", "last": "2026-11-01"}, 4),
    ],
)
def test_it_is_narrowed_and_what_is_wrong_does_not_narrow(dave: User, season: list[Clip], koi: Project, query: dict[str, str], charges: int):
    assert signed_in(dave).get(TEAM, query).context["cost"].charges == charges


def test_an_empty_report_says_what_to_do(dave: User, bob: User, tide: Project, make_clip: MakeClip):
    assert "Nothing was spent in these days." in words(signed_in(dave).get(TEAM).content)
    make_clip(age=NOW)

    mine = signed_in(bob).get(reverse("project_kept", args=["TIDE"])).content

    assert "press 1 on the clips that stay" in words(mine)
    assert f'href="{reverse("gallery", args=["TIDE"])}?show=undecided"' in mine.decode()
    assert "press 1 on the clips that stay" in words(signed_in(dave).get(TEAM).content)


def test_a_thin_figure_says_so(dave: User, bob: User, make_clip: MakeClip):
    decided(make_clip(age=NOW), "pick", bob)
    for _ in range(3):
        make_clip(age=NOW)

    assert "Most clips are not decided yet" in words(signed_in(dave).get(TEAM).content)


def test_only_the_first_rows_are_on_the_page_and_all_in_the_file(as_alice: Client, dave: User, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept, "ROWS", 2)
    for place in range(4):
        make_clip(author=person(f"p{place}@example.org"), age=NOW)
    browser = signed_in(dave)

    assert "and 2 more rows" in words(browser.get(TEAM, {"by": "person"}).content)
    assert len(lines(browser.get(TEAM, {"by": "person", "as": "csv"}))) == 5
