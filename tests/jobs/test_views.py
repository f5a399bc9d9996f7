"""The Studio as a browser meets it: the page, its pulse, one job."""

import re
from typing import Any

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.board import MOST_CHANGES, PAGE, tag_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job, JobReference, Reference
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX, change, clip_row, form, job_row


def poll(client: Client, tag: object, query: str = "") -> Any:
    return client.get(f"/p/TIDE/pulse/{query}", headers={"HX-PTag": str(tag), "HX-Request": "true"})


# The page


def test_an_empty_board_says_what_to_do(as_alice: Client, tide: Project, xai: Connection):
    page = as_alice.get("/p/tide/").content.decode()
    assert "No clips in Tidewater yet" in page
    assert "Describe the shot" in page
    assert 'hx-ptag="b0.u0.n0"' in page


def test_a_stranger_finds_nothing(mallory: User, tide: Project, alice: User, xai: Connection):
    job_row(tide, alice, xai, State.QUEUED)
    stranger = signed_in(mallory)
    for address in ("", "pulse/", "composer/", "options/", "jobs/1/", "jobs/1/menu/", "jobs/act/?n=1"):
        assert stranger.get(f"/p/TIDE/{address}").status_code == 404, address
    for address in ("jobs/", "jobs/act/", "draft/", "references/"):
        assert stranger.post(f"/p/TIDE/{address}", form(xai)).status_code == 404, address


def test_a_viewer_sees_the_board_and_may_not_make(carol: User, tide: Project, alice: User, xai: Connection):
    job_row(tide, alice, xai, State.FAILED, cause=Cause.MODERATED)
    job_row(tide, alice, xai, State.QUEUED)
    viewer = signed_in(carol)
    page = viewer.get("/p/TIDE/").content.decode()
    assert "Refused by the model" in page
    assert 'id="composer"' not in page
    assert "Edit prompt" not in page
    assert "jobs/act/" not in page
    assert 'class="pick"' not in page
    for address in ("jobs/", "jobs/act/", "draft/", "references/"):
        assert viewer.post(f"/p/TIDE/{address}", form(xai)).status_code == 403, address
    for address in ("composer/", "options/"):
        assert viewer.get(f"/p/TIDE/{address}").status_code == 403, address


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_drawn_with_its_phase_in_the_stages_id(state: State, as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, state, progress=40 if state is State.RENDERING else None)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert f'data-state="{state.value}"' in page
    assert f'id="stage-TIDE-001-{state.value}"' in page
    assert ("hx-morph-skip" in page) == (state is State.DONE)


def test_a_reported_progress_is_a_progress_bar_and_an_unreported_one_is_none(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, State.RENDERING)
    silent = as_alice.get("/p/TIDE/").content.decode()
    assert 'role="progressbar"' not in silent
    assert "playhead--est" in silent
    assert "data-unreported" in silent
    Job.objects.update(progress=64)
    assert 'aria-valuenow="64"' in as_alice.get("/p/TIDE/").content.decode()


def test_a_job_in_doubt_tells_what_happened_and_what_is_held(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, State.IN_DOUBT, cause=Cause.UNANSWERED)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert "Sent, but xAI did not answer. To avoid paying twice we have not sent it again." in page
    assert "56 credits stay held: about the most it can cost." in page


def test_several_clips_of_one_job_share_a_card(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, clips=2)
    upright = job_row(tide, alice, xai, clips=0)
    clip_row(upright, Attempt.objects.get(job=upright), 0, width=720, height=1280)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert "2 clips" in page
    assert "stage--pair" in page
    assert "stage--fit" in page


def test_a_done_card_offers_its_strip_of_frames_and_a_lost_file_says_so(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, message="1 of 2 clips could not be saved")
    job_row(tide, alice, xai, clips=0)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert 'data-frames="12"' in page
    assert "1 of 2 clips could not be saved" in page
    assert "The file is not here any more" in page


def test_what_the_sandbox_played_is_marked(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai)
    assert "pv--sandbox" in as_alice.get("/p/TIDE/").content.decode()
    assert "pill--sandbox" in as_alice.get("/p/TIDE/jobs/1/").content.decode()
    Connection.objects.update(sandbox=False)
    Job.objects.all().update(number=1)
    assert "pv--sandbox" not in as_alice.get("/p/TIDE/pulse/", headers={"HX-PTag": "b0.u0.n0"}).content.decode()


def test_the_page_costs_the_same_queries_for_ten_jobs_and_for_two_hundred(as_alice, alice, tide, xai, django_assert_max_num_queries):
    for state in State:
        job_row(tide, alice, xai, state)
    as_alice.get("/p/TIDE/")
    with django_assert_max_num_queries(38) as few:
        as_alice.get("/p/TIDE/")
    for number in range(190):
        job_row(tide, alice, xai, tuple(State)[number % 8])
    with django_assert_max_num_queries(38) as many:
        as_alice.get("/p/TIDE/")
    assert len(few) == len(many)


def test_older_cards_come_alone_and_end(as_alice: Client, alice: User, tide: Project, xai: Connection):
    for _ in range(PAGE + 3):
        job_row(tide, alice, xai, clips=0)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert 'name="from" value="4"' in page
    part = as_alice.get("/p/TIDE/?before=4", headers=HTMX).content.decode()
    assert part.count("<article") == 3
    assert "<html" not in part
    assert 'hx-swap="beforeend"' in part
    assert 'name="from" value="0"' in part
    assert "<html" in as_alice.get("/p/TIDE/?before=4").content.decode()
    assert "<html" in as_alice.get("/p/TIDE/?before=4", headers={**HTMX, "HX-History-Restore-Request": "true"}).content.decode()


def test_filters_show_their_part(as_alice: Client, alice: User, bob: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai)
    job_row(tide, bob, xai, State.FAILED, cause=Cause.PROVIDER_FAILED)
    assert as_alice.get("/p/TIDE/?show=needs").content.decode().count("<article") == 1
    assert "TIDE-001" in as_alice.get("/p/TIDE/?who=mine").content.decode()
    assert "TIDE-002" not in as_alice.get("/p/TIDE/?who=mine").content.decode()
    assert "Nothing here" in as_alice.get("/p/TIDE/?show=progress").content.decode()


# The pulse


def test_an_unchanged_board_answers_304_after_one_read(as_alice, alice, tide, xai, django_assert_num_queries):
    job_row(tide, alice, xai, State.RENDERING)
    tag = tag_of(alice, "TIDE")
    with django_assert_num_queries(3) as asked:  # the session, the person, the tag
        answer = poll(as_alice, tag)
    assert (answer.status_code, answer.content, answer["HX-PTag"]) == (304, b"", str(tag))
    assert sum("projects_project" in query["sql"] for query in asked.captured_queries) == 1


def test_only_changed_cards_travel(as_alice: Client, alice: User, tide: Project, xai: Connection):
    still, moved = job_row(tide, alice, xai), job_row(tide, alice, xai, State.RENDERING)
    tag = tag_of(alice, "TIDE")
    change(moved, State.SAVING)
    new = job_row(tide, alice, xai, State.QUEUED)
    answer = poll(as_alice, tag)
    text = answer.content.decode()
    assert re.findall(r'<article[^>]* id="(clip-[A-Z0-9-]+)"', text) == [f"clip-{moved.code}", f"clip-{new.code}"]
    assert f'id="clip-{moved.code}" data-state="saving" data-code="{moved.code}" data-near data-mine hx-swap-oob="outerMorph"' in text
    assert '<hx-partial hx-target="#board" hx-swap="afterbegin">' in text
    assert still.code not in text
    assert answer["HX-PTag"] == str(tag_of(alice, "TIDE"))
    assert 'hx-target="#filters"' in text
    assert 'hx-target="#balance"' in text


def test_on_a_filtered_board_what_passes_no_longer_leaves_and_what_does_comes(as_alice, alice, tide, xai):
    moved = job_row(tide, alice, xai, State.RENDERING)
    tag = tag_of(alice, "TIDE")
    change(moved, State.FAILED, cause=Cause.PROVIDER_FAILED)
    leaving = poll(as_alice, tag, "?show=progress").content.decode()
    assert f'<div id="clip-{moved.code}" data-state="failed" data-code="{moved.code}" data-mine hx-swap-oob="delete"></div>' in leaving
    assert "<article" not in leaving
    coming = poll(as_alice, tag, "?show=needs").content.decode()
    assert f'<article class="card" id="clip-{moved.code}" data-state="failed"' in coming
    assert "hx-swap-oob" not in coming.split("<article")[1].split("</article>")[0]


def test_the_first_screen_is_small(ada, alice, tide, xai):
    for number in range(60):
        job_row(tide, alice, xai, tuple(State)[number % 9], cause=Cause.PROVIDER_FAILED if number % 9 in {6, 8} else "", prompt="A slow dolly, " * 30)
    for provider in ("acedata", "comet", "grokimagine", "ttapi"):
        connection = Connection(provider=provider, label=f"{provider} (sandbox)", sandbox=True)
        connection.set_key("sandbox-key-0002")
        connection.save()
    page = signed_in(ada).get("/p/TIDE/").content
    assert page.count(b"<article") == PAGE
    assert len(page) <= 60_000, len(page)


def test_who_left_the_page_finds_what_ended_since_marked_as_new(as_alice: Client, alice: User, bob: User, tide: Project, xai: Connection):
    first, second = job_row(tide, alice, xai, State.RENDERING), job_row(tide, alice, xai, State.RENDERING)
    change(first, State.DONE)
    assert as_alice.post("/p/TIDE/looked/", {"tag": str(tag_of(alice, "TIDE"))}).status_code == 204
    assert as_alice.post("/p/TIDE/looked/", {"tag": "nonsense"}).status_code == 204
    change(second, State.FAILED, cause=Cause.PROVIDER_FAILED)
    assert as_alice.get("/p/TIDE/").content.decode().count("tag--new") == 1
    assert "tag--new" not in signed_in(bob).get("/p/TIDE/").content.decode()


def test_a_changed_balance_is_news_too(as_alice: Client, alice: User, tide: Project):
    tag = tag_of(alice, "TIDE")
    ledger.grant(alice, 77_000, key="k", reason="r", actor=None)
    text = poll(as_alice, tag).content.decode()
    assert "<article" not in text
    assert "77 <small>credits" in text


def test_a_pulse_costs_the_same_queries_whatever_the_board_holds(as_alice, alice, tide, xai, django_assert_max_num_queries):
    def cost(jobs: int) -> int:
        running = [job_row(tide, alice, xai, State.RENDERING) for _ in range(2)]
        for _ in range(jobs):
            job_row(tide, alice, xai, State.QUEUED)
        tag = tag_of(alice, "TIDE")
        for job in running:
            change(job, State.SAVING)
        with django_assert_max_num_queries(30) as asked:
            assert poll(as_alice, tag).status_code == 200
        return len(asked)

    assert cost(10) == cost(100)


def test_too_much_news_draws_the_board_anew_without_a_reload(as_alice: Client, alice: User, tide: Project, xai: Connection):
    tag = tag_of(alice, "TIDE")
    for _ in range(MOST_CHANGES + 1):
        job_row(tide, alice, xai, clips=0)
    for answer in (poll(as_alice, tag), poll(as_alice, "nonsense")):
        assert "HX-Refresh" not in answer
        text = answer.content.decode()
        assert '<hx-partial hx-target="#board" hx-swap="innerMorph">' in text
        assert text.count("<article") == MOST_CHANGES + 1
        assert '<hx-partial hx-target="#older"' in text


def test_a_pulse_leaves_out_what_the_page_does_not_show(as_alice: Client, alice: User, tide: Project, xai: Connection):
    jobs = [job_row(tide, alice, xai, State.RENDERING) for _ in range(3)]
    tag = tag_of(alice, "TIDE")
    for job in jobs:
        change(job, State.SAVING)
    assert poll(as_alice, tag, "?from=3").content.decode().count("<article") == 1


# One job


def test_a_done_jobs_receipt_tells_estimate_reported_usage_rate_and_charge(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai, charged=48_500)
    Attempt.objects.filter(job=job).update(
        usage_amount="4850000000", usage_unit="cost_in_usd_ticks", rate_millicredits=100_000, rate_per_units=10**10
    )
    text = as_alice.get("/p/TIDE/jobs/1/").content.decode()
    for part in (
        "8 s × 7 (the list)",
        "4850000000 cost_in_usd_ticks",
        "10,000,000,000 units = 100 credits",
        "48.5 credits",
        "7.5 credits",
        "Ordered by",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("state", "fields", "parts"),
    [
        (State.QUEUED, {}, ["put aside for this try", "Cancel"]),
        (State.IN_DOUBT, {"cause": Cause.OVERDUE}, ["nothing else until that is known", "We go on asking xAI", "can settle it too"]),
        (State.FAILED, {"cause": Cause.MODERATED, "message": "not allowed"}, ["Refused by the model", "not allowed", "nothing is charged"]),
        (State.CANCELLED, {"message": "Cancelled by Alice"}, ["Cancelled by Alice", "what was held for this try"]),
        (State.DONE, {"charged": 60_000}, ["Above the hold"]),
        (State.DONE, {"charge_is_estimate": True}, ["reported no usage that can be priced"]),
        (State.DONE, {"estimate": 0, "charged": 0}, ["not known"]),
    ],
)
def test_a_jobs_page_explains_its_money_in_every_state(state, fields, parts, as_alice, alice, tide, xai):
    job_row(tide, alice, xai, state, **fields)
    text = as_alice.get("/p/TIDE/jobs/1/").content.decode()
    for part in parts:
        assert part in text, part


def test_usage_without_a_rate_is_said_to_have_none(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai)
    Attempt.objects.filter(job=job).update(usage_amount="9", usage_unit="quota")
    assert "nobody has set a rate for it" in as_alice.get("/p/TIDE/jobs/1/").content.decode()


def test_what_the_provider_answered_is_shown_to_admins_alone(as_alice: Client, ada: User, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai, State.IN_DOUBT, cause=Cause.UNANSWERED)
    Attempt.objects.filter(job=job).update(answer="<html>gateway</html>", alert="No id in the answer")
    assert "gateway" not in as_alice.get("/p/TIDE/jobs/1/").content.decode()
    shown = signed_in(ada).get("/p/TIDE/jobs/1/").content.decode()
    assert "&lt;html&gt;gateway" in shown
    assert "No id in the answer" in shown


def test_a_jobs_page_shows_its_pictures(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai, State.RENDERING)
    kept = Reference.objects.create(project=tide, owner=alice, file="references/a.png")
    for place, reference in enumerate((kept, Reference.objects.create(project=tide, owner=alice, url="https://elsewhere.example/a.png"))):
        JobReference.objects.create(job=job, reference=reference, position=place)
    assert f"/references/{kept.pk}/" in as_alice.get("/p/TIDE/jobs/1/").content.decode()
    assert as_alice.get("/p/TIDE/").content.decode().count(f"/references/{kept.pk}/") == 2


def test_a_job_of_another_project_is_not_found_here(as_alice: Client, alice: User, tide: Project):
    assert as_alice.get("/p/TIDE/jobs/1/").status_code == 404
