"""Reading a board: words for every state, its tag, its changes, its counts."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import board
from studio.jobs.board import Filters, Tag
from studio.jobs.cards import Said, cost, said, trouble
from studio.jobs.lifecycle import State
from studio.jobs.line import Spot
from studio.jobs.models import Cause, Job
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.rows import change, job_row, shots, sure

NOW = timezone.now()


@pytest.fixture
def entry(alice: User, tide: Project) -> Pass:
    return Pass(alice, tide, "maker")


def tag(user: User) -> Tag:
    return sure(board.tag_of(user, "TIDE"))


def a_job(state: State, *, enabled: Any = True, paused_reason: Any = "", **fields: Any) -> Job:
    connection = Connection(provider="xai", label="xAI one", enabled=enabled, paused_reason=paused_reason)
    return Job(project=Project(code="TIDE"), number=7, connection=connection, state=state, estimate=38_000, created_at=NOW, **fields)


def words(job: Job, **known: object) -> Said:
    return said(job, now=NOW, usual=100.0, **known)  # type: ignore[arg-type]


def test_a_reported_progress_is_a_number_and_an_unreported_one_is_only_a_time():
    reported = words(a_job(State.RENDERING, progress=64))
    assert (reported.percent, reported.share) == (64, 0.64)
    silent = words(a_job(State.RENDERING))
    assert silent.percent is None
    assert silent.detail == "usually 1 min 40 s, 0 s so far"


def test_a_playhead_on_usual_time_never_arrives():
    job = a_job(State.RENDERING)
    job.created_at = NOW - timedelta(hours=1)
    assert words(job).share == 0.95
    assert words(job).detail == "usually 1 min 40 s, 60 min so far"


def test_what_is_left_is_said_until_the_usual_time_is_over():
    job = a_job(State.RENDERING, progress=30)
    job.created_at = NOW - timedelta(seconds=40)
    assert words(job).detail == "about 1 min left"
    job.created_at = NOW - timedelta(seconds=130)
    assert words(job).detail == "longer than usual, 2 min 10 s so far"


def test_a_message_about_a_running_job_is_more_important_than_its_time():
    assert words(a_job(State.RENDERING, message="We are waiting for the provider to answer.")).detail.startswith("We are waiting")
    assert words(a_job(State.SAVING, message="Trying again.")).detail == "Trying again."


@pytest.mark.parametrize(
    ("fields", "phase", "part"),
    [
        ({}, "Next in line", "when xAI one has room"),
        ({"place": 3}, "In line", "2 before it at xAI one"),
        ({"place": 40}, "In line", "many before it"),
        ({"enabled": False, "paused_reason": "The key is used up"}, "Paused", "xAI one is switched off. The key is used up."),
        ({"cause": Cause.NOT_NOW, "due": NOW + timedelta(seconds=30)}, "Waiting", "xAI asked us to wait. Goes out at"),
        ({"cause": Cause.NOT_NOW, "due": NOW - timedelta(seconds=1)}, "Next in line", "has room"),
        ({"cause": Cause.WRONG_KEY, "message": "The key cannot be read"}, "Waiting", "The key cannot be read."),
    ],
)
def test_a_queued_job_says_what_it_waits_for(fields: dict[str, object], phase: str, part: str):
    place: Any = fields.pop("place", 0)
    told = words(a_job(State.QUEUED, **fields), spot=Spot(place))
    assert told.phase == phase
    assert part in told.detail


@pytest.mark.parametrize(
    ("state", "fields", "text"),
    [
        (State.QUEUED, {}, "38 held"),
        (State.IN_DOUBT, {}, "38 held"),
        (State.DONE, {"charged": 41_500}, "41.5 spent"),
        (State.DONE, {"charged": 38_000, "charge_is_estimate": True}, "about 38 spent"),
        (State.DONE, {"charged": 0}, "nothing spent"),
        (State.FAILED, {"charged": 0}, "38 returned"),
        (State.FAILED, {"charged": 5_000}, "5 spent"),
        (State.CANCELLED, {"charged": 0}, "38 returned"),
    ],
)
def test_money_on_a_card_is_held_spent_or_returned(state: State, fields: dict[str, object], text: str):
    assert cost(a_job(state, **fields)) == text


def test_an_order_without_a_known_price_says_so():
    job = a_job(State.SENDING)
    job.estimate = 0
    assert cost(job) == "price not known"
    assert words(job).detail == "price not known"
    job.state = State.FAILED
    assert (cost(job), trouble(job).money) == ("nothing held", "Nothing was charged.")
    job.state = State.IN_DOUBT
    assert trouble(job).money == "Nothing is held for it."


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in {Cause.NOT_NOW}])
def test_every_cause_says_what_happened_and_who_pays(cause: Cause):
    state = State.IN_DOUBT if cause in {Cause.UNANSWERED, Cause.OVERDUE} else State.FAILED
    told = trouble(a_job(state, cause=cause, message="nobody knows", charged=0))
    assert told.title
    assert "{" not in told.title + told.text
    assert "38 credits" in told.money


def test_a_job_in_doubt_explains_why_it_is_not_sent_again():
    told = trouble(a_job(State.IN_DOUBT, cause=Cause.UNANSWERED))
    assert told.text == "Sent, but xAI did not answer. To avoid paying twice we have not sent it again."
    assert told.money == "38 credits stay held: about the most it can cost. If it was not made, they return."
    assert trouble(a_job(State.IN_DOUBT)).title == "In doubt"


def test_a_refused_try_that_the_provider_charges_for_is_said_to_be_spent():
    told = trouble(a_job(State.FAILED, cause=Cause.MODERATED, message="violates the guidelines", charged=5_000))
    assert told.text.startswith("xAI says: violates the guidelines.")
    assert told.money == "5 credits were spent: xAI charges for the try."


def test_a_provider_is_named_once_in_its_own_words():
    told = trouble(a_job(State.FAILED, cause=Cause.MODERATED, message="xAI: rejected by moderation"))
    assert told.text.startswith("xAI says: rejected by moderation.")


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in {Cause.MODERATED, Cause.UNANSWERED, Cause.OVERDUE}])
def test_a_title_and_the_providers_own_words_name_it_once(cause: Cause):
    told = trouble(a_job(State.FAILED, cause=cause, message="xAI: refused as planned"))
    assert "refused as planned." in told.text
    assert (told.title + told.text).count("xAI") <= 1
    assert "xAI:" not in told.text


def test_what_our_account_may_not_do_is_not_blamed_on_the_prompt():
    told = trouble(a_job(State.FAILED, cause=Cause.NOT_PERMITTED, message="xAI: 1080p is not available for your team", charged=0))
    assert told.title == "Not available to our account at xAI"
    assert told.text == "It says: 1080p is not available for your team. The prompt is fine; another connection may take it."
    assert (told.money, told.action) == ("Nothing was charged; 38 credits were returned.", "Try again")


def test_a_refusal_that_is_charged_without_a_figure_is_about_the_estimate():
    told = trouble(a_job(State.FAILED, cause=Cause.MODERATED, charged=5_000, charge_is_estimate=True))
    assert told.money == "About 5 credits were spent: xAI charges for the try and does not say how much."


def test_what_we_lost_is_paid_by_the_house():
    assert trouble(a_job(State.FAILED, cause=Cause.EXPIRED, charged=0)).money == "The house pays; your 38 credits were returned."


def test_a_tag_reads_back_and_nothing_else_does():
    assert Tag.read(str(Tag(812, 77, 55))) == Tag(812, 77, 55)
    assert [Tag.read(text) for text in ("", "b1.u2", "b1.u2.n3 ", "bx.u2.n3", "b1.u2.n99999999999")] == [None] * 5


def test_filters_of_an_odd_address_mean_the_widest():
    assert Filters.read({"show": "x", "who": "y", "before": "-3"}) == Filters()
    assert Filters.read({"show": "needs", "who": "mine", "before": "12"}) == Filters("needs", "mine", 12)


def test_a_tag_costs_one_read_and_names_board_account_and_shot(alice, tide, xai, django_assert_num_queries):
    job_row(tide, alice, xai)
    ledger.grant(alice, 1000, key="k", reason="r", actor=None)
    with django_assert_num_queries(1):
        found = board.tag_of(alice, "tide")
    assert found == Tag(tide.board_version, ledger.account_of(alice).version, 1)
    assert ledger.account_of(alice).version > 0


def test_a_stranger_has_no_tag_and_an_admin_has(mallory, ada, tide):
    assert board.tag_of(mallory, "TIDE") is None
    assert board.tag_of(ada, "TIDE") == Tag(tide.board_version, 0, 0)


def test_only_what_is_newer_than_the_tag_is_sent(entry, alice, tide, xai):
    old, running = job_row(tide, alice, xai), job_row(tide, alice, xai, State.RENDERING)
    seen = tag(alice)
    change(running, State.DONE)
    new = job_row(tide, alice, xai, State.SENDING)
    now = tag(alice)
    found = sure(board.changes(entry, Filters(), seen=seen, now=now))
    assert ([card.job for card in shots(found.changed)], [card.job for card in shots(found.new)]) == ([running], [new])
    assert len(found) == 2
    assert old not in [card.job for card in shots(found.changed)]


def test_the_front_of_the_line_comes_along_because_places_move(entry, alice, tide, xai):
    first, second = job_row(tide, alice, xai, State.QUEUED), job_row(tide, alice, xai, State.QUEUED)
    assert [card.said.phase for card in shots(board.page(entry, Filters(), upto=9)[0])] == ["In line", "Next in line"]
    seen = tag(alice)
    change(first, State.SENDING)
    found = sure(board.changes(entry, Filters(), seen=seen, now=tag(alice)))
    assert {card.job: card.said.phase for card in shots(found.changed)} == {first: "Sending", second: "Next in line"}


def test_new_cards_obey_the_filters_and_those_that_no_longer_pass_leave(entry, alice, bob, tide, xai):
    running = job_row(tide, alice, xai, State.RENDERING)
    seen = tag(alice)
    change(running, State.DONE)
    job_row(tide, bob, xai, State.SENDING)
    now = tag(alice)
    progress = board.changes(entry, Filters(show="progress"), seen=seen, now=now)
    assert ([card.state for card in progress.new], [card.job for card in shots(progress.gone)]) == (["sending"], [running])
    assert board.changes(entry, Filters(who="mine"), seen=seen, now=now).new == []
    assert board.changes(entry, Filters(before=1), seen=seen, now=now).new == []


def test_a_card_comes_to_the_board_whose_filter_it_has_come_to_pass(entry, alice, tide, xai):
    rendering = job_row(tide, alice, xai, State.RENDERING)
    seen = tag(alice)
    change(rendering, State.FAILED, cause=Cause.PROVIDER_FAILED)
    found = board.changes(entry, Filters(show="needs"), seen=seen, now=tag(alice))
    assert ([card.job for card in shots(found.new)], found.gone, found.changed) == ([rendering], [], [])
    everything = board.changes(entry, Filters(), seen=seen, now=tag(alice))
    assert ([card.job for card in shots(everything.changed)], everything.gone) == ([rendering], [])


def test_cards_further_down_than_the_page_shows_are_not_sent(entry, alice, tide, xai):
    jobs = [job_row(tide, alice, xai, State.RENDERING) for _ in range(3)]
    seen = tag(alice)
    for job in jobs:
        change(job, State.DONE)
    found = sure(board.changes(entry, Filters(), seen=seen, now=tag(alice), shown_from=2))
    assert [card.number for card in found.changed] == [3, 2]


def test_too_many_changes_draw_the_board_anew_and_so_does_an_older_database(entry, alice, tide, xai):
    seen = tag(alice)
    for _ in range(board.MOST_CHANGES + 1):
        job_row(tide, alice, xai, clips=0)
    now = tag(alice)
    found = board.changes(entry, Filters(), seen=seen, now=now)
    assert (found.anew, len(found.new), found.older) == (True, board.MOST_CHANGES + 1, 0)
    assert board.changes(entry, Filters(), seen=Tag(now.board + 1, 0, 0), now=now).anew
    short = board.changes(entry, Filters(), seen=None, now=now, shown_from=60)
    assert ([card.number for card in short.new][:2], len(short.new), short.older) == ([61, 60], board.PAGE, 61 - board.PAGE + 1)


def test_a_board_drawn_anew_ends_where_it_is_sensible(entry, alice, tide, xai):
    for _ in range(board.MOST_ANEW + 5):
        job_row(tide, alice, xai, clips=0)
    found = board.changes(entry, Filters(), seen=None, now=tag(alice))
    assert (len(found.new), found.older) == (board.MOST_ANEW, 6)


def test_a_board_is_read_with_the_same_queries_for_ten_jobs_and_for_two_hundred(entry, alice, tide, xai, django_assert_num_queries):
    for state in State:
        job_row(tide, alice, xai, state)
    with django_assert_num_queries(10):
        board.page(entry, Filters(), upto=10_000)
    for number in range(190):
        job_row(tide, alice, xai, tuple(State)[number % 8])
    with django_assert_num_queries(10):
        cards, older = board.page(entry, Filters(), upto=10_000)
    assert (len(cards), older) == (board.PAGE, 199 - board.PAGE + 1)


def test_older_cards_begin_where_the_page_ends(entry, alice, tide, xai):
    for _ in range(board.PAGE + 2):
        job_row(tide, alice, xai, clips=0)
    _, older = board.page(entry, Filters(), upto=10_000)
    cards, end = board.page(entry, Filters(before=older), upto=10_000)
    assert ([card.number for card in cards], end) == ([2, 1], 0)


def test_counts_stand_behind_their_filters(entry, alice, bob, tide, xai):
    for state in State:
        job_row(tide, alice, xai, state)
    job_row(tide, bob, xai)
    everyone = board.counts(entry, Filters())
    assert (everyone.all, everyone.progress, everyone.needs, everyone.done) == (10, 5, 2, 2)
    assert board.counts(entry, Filters(who="mine")).done == 1
    assert [card.state for card in board.page(entry, Filters(show="needs"), upto=99)[0]] == ["in_doubt", "failed"]


def test_only_a_job_that_was_not_sent_can_be_taken_back_by_its_author_or_an_owner(alice, bob, tide, xai):
    queued, running = job_row(tide, bob, xai, State.QUEUED), job_row(tide, bob, xai, State.RENDERING)
    author, other, owner = Pass(bob, tide, "maker"), Pass(alice, tide, "maker"), Pass(alice, tide, "owner")
    assert [board.the_card(queued, who).may_cancel for who in (author, other, owner)] == [True, False, True]
    assert not board.the_card(running, author).may_cancel


def test_a_card_that_is_close_to_a_change_says_so(entry, alice, tide, xai):
    sending = job_row(tide, alice, xai, State.SENDING)
    late = job_row(tide, alice, xai, State.RENDERING)
    queued = job_row(tide, alice, xai, State.QUEUED)
    assert [board.the_card(job, entry).is_near for job in (sending, late, queued)] == [True, True, True]


def test_a_job_that_waits_for_others_or_is_held_up_is_far_from_a_change(entry, alice, tide, xai):
    Connection.objects.update(jobs_at_once=1)
    paused = job_row(tide, alice, xai, State.PAUSED, message="by Alice")
    job_row(tide, alice, xai, State.RENDERING)
    behind = job_row(tide, alice, xai, State.QUEUED)
    assert [board.the_card(job, entry).is_near for job in (paused, behind)] == [False, False]
    Connection.objects.update(enabled=False)
    assert not board.the_card(behind, entry).is_near


def test_what_ended_since_one_last_looked_is_new_and_looking_never_goes_back(entry, alice, tide, xai):
    old, running = job_row(tide, alice, xai), job_row(tide, alice, xai, State.RENDERING)

    def new() -> list[int]:
        tide.refresh_from_db()
        return [card.number for card in shots(board.page(entry, Filters(), upto=9)[0]) if card.is_new]

    assert new() == []  # a first visit
    seen = tag(alice)
    board.look(entry, seen)
    change(running, State.DONE)
    job_row(tide, alice, xai, State.RENDERING)
    assert new() == [2]
    board.look(entry, tag(alice))
    board.look(entry, seen)
    assert new() == []
    board.look(entry, Tag(10**12, 0, 0))  # no further than the board itself
    change(old, State.FAILED)
    assert new() == [1]


def test_a_paused_card_says_who_held_it_back_and_what_stays_held():
    told = words(a_job(State.PAUSED, message="by Alice"))
    assert (told.phase, told.detail) == ("Paused", "by Alice. Its 38 credits stay held.")
    assert cost(a_job(State.PAUSED)) == "38 held"


def test_an_upright_clip_is_shown_whole(entry, alice, tide, xai):
    wide, tall = job_row(tide, alice, xai), job_row(tide, alice, xai)
    tall.clips.update(width=720, height=1280)
    assert [board.the_card(job, entry).is_upright for job in (wide, tall)] == [False, True]
    assert board.the_card(job_row(tide, alice, xai, clips=0), entry).clip is None
    assert not board.the_card(job_row(tide, alice, xai, aspect_ratio="9:16"), entry).is_wide
    assert board.the_card(job_row(tide, alice, xai, aspect_ratio=""), entry).is_wide
