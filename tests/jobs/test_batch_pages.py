"""Batches as a browser meets them: takes, a matrix, a file and its plan, the card on the board, the batch's own page."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import batch_actions
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.board import PAGE, tag_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.batches import PLENTY, PRICE, all_is_well, batch_of, carry_on, end, jobs_of, money
from tests.jobs.rows import HTMX, clip_row, form, job_row

S = Batch.State
RULES = {"do": "order", "ceiling": "5000", "wave": "10"}


@pytest.fixture
def rich(alice: User) -> User:
    ledger.grant(alice, PLENTY, key="rich", reason="for batches", actor=None)
    return alice


def sheet_of(text: str, *, encoding: str = "utf-8", **fields: str) -> dict[str, Any]:
    return {"sheet": "1", "prompt": "", **fields, "file": SimpleUploadedFile("shots.csv", text.encode(encoding), "text/csv")}


def bar(xai: Connection, **fields: str) -> dict[str, str]:
    """What the composer's bar asks with."""
    return {**{name: str(value) for name, value in form(xai).items()}, **fields}


def plan_of(answer: Any) -> Batch:
    """The plan to which an answer leads."""
    return Batch.objects.get(pk=(answer.headers.get("HX-Redirect") or answer["Location"]).rstrip("/").rpartition("/")[2])


def order_plan(browser: Client, plan: Batch, **rules: str) -> Batch:
    assert browser.post(f"/p/TIDE/batches/plans/{plan.pk}/", {**RULES, **rules}).status_code == 302
    carry_on(plan)
    return plan


# Takes


def test_a_few_takes_are_ordered_with_one_press_as_one_card(as_alice: Client, rich: User, tide: Project, xai: Connection):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, takes="4"), headers=HTMX)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.count("<article") == 1
    assert 'id="clip-TIDE-001" data-state="batch" data-batch="running"' in text
    batch = Batch.objects.get()
    carry_on(batch)
    assert (Job.objects.filter(batch=batch).count(), money(batch).held, batch.ceiling) == (4, 4 * PRICE, 4 * PRICE)
    all_is_well(batch)


def test_two_presses_of_one_form_are_one_batch_and_another_brief_is_not_lost(as_alice: Client, rich: User, tide: Project, xai: Connection):
    sent = form(xai, takes="3")
    for _ in range(2):
        assert as_alice.post("/p/TIDE/jobs/", sent, headers=HTMX).status_code == 200
    carry_on(Batch.objects.get())
    assert (Batch.objects.count(), Job.objects.count()) == (1, 3)
    answer = as_alice.post("/p/TIDE/jobs/", {**sent, "prompt": "Another shot"}, headers=HTMX)
    assert answer.status_code == 422
    assert "This form had ordered TIDE-001 already." in answer.content.decode()
    assert "Another shot</textarea>" in answer.content.decode()


def test_without_scripts_takes_lead_back_to_their_card(as_alice: Client, rich: User, tide: Project, xai: Connection):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, takes="2"))
    assert (answer.status_code, answer["Location"]) == (302, "/p/TIDE/#clip-TIDE-001")


def test_the_price_of_all_takes_and_what_is_left_stand_beside_the_button(as_alice: Client, rich: User, tide: Project, xai: Connection):
    text = as_alice.get("/p/TIDE/options/", bar(xai, takes="5")).content.decode()
    for words in ("280 credits", "5 clips, 9,720 left after them", "Generate 5"):
        assert words in " ".join(text.split())
    assert "Look at 20" in as_alice.get("/p/TIDE/options/", bar(xai, takes="20")).content.decode()


def test_without_credits_for_one_clip_nothing_is_ordered(as_alice: Client, alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 6_000, key="six", reason="for the test", actor=None)
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, takes="3"), headers=HTMX)
    assert answer.status_code == 422
    assert Batch.objects.count() == 0


@pytest.mark.parametrize("takes", ["1000000", "1001", "0", "-3", "many"])
def test_a_number_of_takes_that_cannot_be_is_refused_in_words(as_alice: Client, rich: User, tide: Project, xai: Connection, takes: str):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, takes=takes, prompt="My long work"), headers=HTMX)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="takes-said"' in text
    assert "My long work</textarea>" in text
    assert Batch.objects.count() == Job.objects.count() == 0


def test_a_million_clips_are_refused_by_their_number_and_no_row_is_built(as_alice, rich, tide, xai, django_assert_max_num_queries):
    many = {f"many:v{number}": "\n".join(map(str, range(10))) for number in range(6)}
    prompt = "".join(f"{{{{v{number}}}}} " for number in range(6))
    with django_assert_max_num_queries(45):
        answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt=prompt, matrix="1", **many), headers=HTMX)
    assert answer.status_code == 422
    assert "This would be 1,000,000 clips; a batch has at most 1,000." in answer.content.decode()
    assert BatchRow.objects.count() == 0


# A matrix


def test_every_value_meets_every_other_and_the_plan_is_looked_at_first(as_alice: Client, rich: User, tide: Project, xai: Connection):
    many = {"many:subject": "a bottle\na boat\n\na boat ", "many:light": ["dusk", "noon", "dawn"]}
    sent = form(xai, prompt="{{subject}} at {{light}}", matrix="1", takes="2", **many)
    answer = as_alice.post("/p/TIDE/jobs/", sent, headers=HTMX)
    plan = plan_of(answer)
    assert (plan.state, plan.rows.count(), Job.objects.count()) == (S.PLANNED, 12, 0)
    page = " ".join(as_alice.get(answer["HX-Redirect"]).content.decode().split())
    for words in ("a boat at dawn", "Order 12 clips", "672 credits", "9,328"):
        assert words in page
    order_plan(as_alice, plan)
    assert (plan.state, plan.code, len(jobs_of(plan))) == (S.RUNNING, "TIDE-001", 10)
    assert jobs_of(plan)[0].prompt == "a bottle at dusk"


def test_a_variable_without_a_value_is_asked_for_and_the_rest_stays(as_alice: Client, rich: User, tide: Project, xai: Connection):
    sent = form(xai, prompt="{{subject}} at {{light}}", matrix="1", **{"many:light": "dusk\nnoon"})
    answer = as_alice.post("/p/TIDE/jobs/", sent, headers=HTMX)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Give “subject” a value." in text
    assert "dusk\nnoon</textarea>" in text


def test_the_fields_for_several_values_count_what_they_make(as_alice: Client, tide: Project, xai: Connection):
    sent = {"prompt": "{{a}} {{b}}", "matrix": "1", "many:a": "1\n2\n3", "value:b": "one"}
    text = as_alice.post("/p/TIDE/values/", sent, headers=HTMX).content.decode()
    assert "3 prompts" in text
    assert ">one</textarea>" in text
    back = as_alice.post("/p/TIDE/values/", {**sent, "matrix": ""}, headers=HTMX).content.decode()
    assert 'name="value:a" value="1"' in back


# A file


def thirty_lines() -> str:
    """Thirty lines of which three are bad."""
    lines = [f"bottle {number};dusk;8" for number in range(30)]
    lines[4], lines[11], lines[29] = ";dusk;8", "boat;noon;long", "boat;noon;99"
    return "subject;light;duration\n" + "\n".join(lines) + "\n"


def test_of_thirty_lines_with_three_bad_ones_the_rest_is_ordered_and_the_bad_are_named(as_alice: Client, rich: User, tide: Project, xai: Connection):
    fields = {name: str(value) for name, value in form(xai).items() if name != "order_key"} | {"prompt": "A {{subject}} at {{light}}"}
    answer = as_alice.post("/p/TIDE/batches/sheet/", sheet_of(thirty_lines(), encoding="utf-16", **fields))
    plan = plan_of(answer)
    page = as_alice.get(answer["Location"]).content.decode()
    for words in ("Line 6", "Give “subject” a value.", "Line 13", "“long” is no whole number, in duration.", "Line 31", "not 99 s", "Order 27 clips"):
        assert words in page
    batch = order_plan(as_alice, plan)
    assert (batch.rows.filter(refusal="").count(), batch.rows.exclude(refusal="").count()) == (27, 3)
    own = as_alice.get("/p/TIDE/batches/1/").content.decode()
    assert "Line 13" in own
    assert "17 not ordered yet: 952 credits" in own
    all_is_well(batch)


def test_columns_can_be_given_another_meaning_before_anything_is_ordered(as_alice: Client, rich: User, tide: Project, xai: Connection):
    text = "Idea,Notes,Copies\nA bottle,nothing,2\nA boat,,1\n"
    plan = plan_of(
        as_alice.post("/p/TIDE/batches/sheet/", sheet_of(text, connection=str(xai.pk), aspect_ratio="16:9", duration="8", resolution="720p"))
    )
    assert {row.refusal for row in plan.rows.all()} == {"It has no prompt."}
    told = {"do": "columns", "column": ["prompt", "", "takes"]}
    page = as_alice.post(f"/p/TIDE/batches/plans/{plan.pk}/", told, headers=HTMX).content.decode()
    assert "Order 3 clips" in page
    assert "<html" not in page
    assert [row.prompt for row in plan.rows.all()] == ["A bottle", "A bottle", "A boat"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "The file is empty."),
        ("prompt\n", "There is no line below the one that names the columns."),
        ("prompt\n" + "x\n" * 1500, "The file has 1,500 lines. This would be 1,500 clips; a batch has at most 1,000."),
        ("prompt\n" + "x" * 10_000_001, "The file has more than 10 MB, which is the most."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words_and_the_brief_stays(as_alice, rich, tide, xai, text, why):
    answer = as_alice.post("/p/TIDE/batches/sheet/", sheet_of(text, prompt="My long work", connection=str(xai.pk)))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert why in page
    assert 'value="My long work"' in page
    assert Batch.objects.count() == 0


def test_a_file_whose_lines_want_a_million_clips_is_refused_by_their_number(as_alice: Client, rich: User, tide: Project, xai: Connection):
    answer = as_alice.post("/p/TIDE/batches/sheet/", sheet_of("prompt,takes\nA boat,999000\nA bottle,1000\n", connection=str(xai.pk)))
    page = as_alice.get(answer["Location"]).content.decode()
    assert "This would be 1,000,000 clips; a batch has at most 1,000." in page
    assert BatchRow.objects.count() == 0


def test_a_prompt_of_a_line_may_have_variables_of_its_own_and_a_line_its_own_connection(as_alice, rich, tide, xai):
    other = Connection(provider="xai", label="Second", sandbox=True)
    other.set_key("sandbox-key-0002")
    other.save()
    text = "prompt\tmood\tconnection\tratio\nA {{mood}} boat\tcalm\tsecond\t9:16\nA boat\t\tnowhere\t\n"
    plan = plan_of(
        as_alice.post("/p/TIDE/batches/sheet/", sheet_of(text, connection=str(xai.pk), duration="8", resolution="720p", aspect_ratio="16:9"))
    )
    good, bad = plan.rows.all()
    assert (good.prompt, good.connection, good.wish["aspect_ratio"]) == ("A calm boat", other, "9:16")
    assert bad.refusal.startswith("“nowhere” names no connection that takes orders; there are: ")


def test_the_template_has_the_columns_of_the_prompt(as_alice: Client, tide: Project, xai: Connection):
    sent = {"prompt": "A {{subject}} at {{light}}", "value:subject": "=boat", "value:light": "noon", "aspect_ratio": "16:9", "duration": "8"}
    answer = as_alice.post("/p/TIDE/batches/template/", sent)
    lines = answer.getvalue().decode("utf-8-sig").replace('"', "").splitlines()  # every cell is quoted
    assert lines == ["subject,light,aspect_ratio,duration,resolution,takes", "'=boat,noon,16:9,8,,1"]
    assert "TIDE-a-subject-at" in answer["Content-Disposition"]


# The plan


def test_what_is_wrong_with_the_rules_stands_beside_its_field_and_the_plan_stays(as_alice: Client, rich: User, tide: Project, xai: Connection):
    plan = batch_of(rich, tide, xai, ordered=False)
    answer = as_alice.post(f"/p/TIDE/batches/plans/{plan.pk}/", {**RULES, "ceiling": "10", "wave": "0", "most_failed": "150"})
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in ("Use a whole number, 1 or more.", "At most 99.", 'value="10"'):
        assert words in page
    answer = as_alice.post(f"/p/TIDE/batches/plans/{plan.pk}/", {**RULES, "ceiling": "10"})
    assert "This is less than the first clip costs." in answer.content.decode()
    assert Job.objects.count() == 0


def test_two_presses_on_order_are_one_batch(as_alice: Client, rich: User, tide: Project, xai: Connection):
    plan = batch_of(rich, tide, xai, ordered=False)
    order_plan(as_alice, plan)
    order_plan(as_alice, plan)
    assert (Job.objects.count(), as_alice.get(f"/p/TIDE/batches/plans/{plan.pk}/").status_code) == (4, 302)


@pytest.mark.parametrize("do", ["", "columns", "look", "ordre"])
def test_nothing_is_ordered_by_what_says_no_order(as_alice: Client, rich: User, tide: Project, xai: Connection, do: str):
    plan = batch_of(rich, tide, xai, ordered=False)
    assert as_alice.post(f"/p/TIDE/batches/plans/{plan.pk}/", {**RULES, "do": do}).status_code == 400
    assert not Batch.objects.exclude(state=S.PLANNED).exists()


def test_a_plan_says_for_how_many_clips_the_credits_are_enough(as_alice: Client, alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 120_000, key="few", reason="for the test", actor=None)
    plan = batch_of(alice, tide, xai, ordered=False)
    page = " ".join(as_alice.get(f"/p/TIDE/batches/plans/{plan.pk}/").content.decode().split())
    assert "You have 120 credits, 104 fewer than all of it needs. You can order: after about 2 clips it pauses" in page


def test_a_plan_is_its_authors_alone(rich: User, bob: User, tide: Project, xai: Connection):
    plan = batch_of(rich, tide, xai, ordered=False)
    assert signed_in(bob).get(f"/p/TIDE/batches/plans/{plan.pk}/").status_code == 404


# On the board


def test_a_batch_is_one_card_on_the_board_and_its_jobs_stand_on_its_page(as_alice: Client, rich: User, tide: Project, xai: Connection):
    job_row(tide, rich, xai)
    batch = batch_of(rich, tide, xai, takes=30, wave=30)
    carry_on(batch)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert page.count("<article") == 2
    assert "30 in line" in page
    assert "TIDE-003" not in page
    own = as_alice.get("/p/TIDE/batches/2/").content.decode()
    assert own.count("<article") == PAGE
    older = as_alice.get(f"/p/TIDE/?before={33 - PAGE}&batch=2", headers=HTMX).content.decode()
    assert older.count("<article") == 30 - PAGE


def test_filters_and_counts_take_a_batch_for_one_card(as_alice: Client, rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3, wave=3)
    carry_on(batch)
    end(jobs_of(batch)[0], State.FAILED)
    for show, shown in (("progress", 1), ("needs", 1), ("done", 0), ("all", 1)):
        page = as_alice.get(f"/p/TIDE/?show={show}").content.decode()
        assert page.count("<article") == shown
    for job in jobs_of(batch, State.QUEUED):
        end(job)
    carry_on(batch)
    batch_actions.again(batch)
    carry_on(batch)
    for job in jobs_of(batch, State.QUEUED):
        end(job)
    carry_on(batch)
    for show, shown in (("progress", 0), ("needs", 0), ("done", 1)):
        assert as_alice.get(f"/p/TIDE/?show={show}").content.decode().count("<article") == shown


def test_a_poll_brings_the_batchs_card_when_one_of_its_jobs_moves(as_alice: Client, rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3)
    carry_on(batch)
    tag = tag_of(rich, "TIDE")
    end(jobs_of(batch)[0])
    text = as_alice.get("/p/TIDE/pulse/", headers={**HTMX, "HX-PTag": str(tag)}).content.decode()
    assert text.count("<article") == 1
    assert 'id="clip-TIDE-001"' in text
    own = as_alice.get("/p/TIDE/pulse/?batch=1", headers={**HTMX, "HX-PTag": str(tag)}).content.decode()
    assert 'id="clip-TIDE-002"' in own
    assert 'id="batch"' in own


def test_a_board_costs_the_same_queries_for_one_batch_and_for_many(as_alice, rich, tide, xai, django_assert_max_num_queries):
    def cost(batches: int, takes: int) -> int:
        for _ in range(batches):
            batch = batch_of(rich, tide, xai, takes=takes, wave=takes)
            carry_on(batch)
            end(jobs_of(batch)[0], State.FAILED)
        with django_assert_max_num_queries(45) as asked:
            assert as_alice.get("/p/TIDE/").status_code == 200
        return len(asked)

    as_alice.get("/p/TIDE/")
    assert cost(1, 2) == cost(3, 6)


def test_a_board_of_batches_is_as_small_as_one_of_shots(as_alice: Client, rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=4)
    carry_on(batch)
    for job in jobs_of(batch):
        end(job)
        clip_row(job, job.attempts.get(), 0)
    for _ in range(PAGE - 1):
        batch_of(rich, tide, xai, takes=1)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert page.count("<article") == PAGE
    one = page.partition('id="clip-TIDE-001"')[2].partition("</article>")[0]
    assert page.count("/poster/") == 4 == one.count("/poster/")
    assert len(page) + (PAGE - 1) * sum(map(len, re.findall(r"<img[^>]*>", one))) <= 60_000  # as if each of the others had pictures too


def test_the_batchs_page_costs_the_same_queries_for_two_jobs_and_for_twenty(as_alice, rich, tide, xai, django_assert_max_num_queries):
    def cost(takes: int) -> int:
        batch = batch_of(rich, tide, xai, takes=takes, wave=takes - 1)
        carry_on(batch)
        end(jobs_of(batch)[0], State.FAILED)
        with django_assert_max_num_queries(60) as asked:
            assert as_alice.get(f"/p/TIDE/batches/{batch.number}/").status_code == 200
        return len(asked)

    as_alice.get("/p/TIDE/")
    assert cost(3) == cost(20)


# What can be done with it


def act(browser: Client, do: str, **fields: str) -> str:
    answer = browser.post("/p/TIDE/batches/1/act/", {"do": do, **fields}, headers={**HTMX, "HX-Current-URL": "http://testserver/p/TIDE/batches/1/"})
    assert answer.status_code == 200
    carry_on(Batch.objects.get())
    return str(answer["HX-Trigger"]) + answer.content.decode()


def test_pause_go_on_and_stop_say_what_they_do_to_the_money_and_do_it(as_alice: Client, rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=6, wave=4)
    carry_on(batch)
    page = as_alice.get("/p/TIDE/batches/1/").content.decode()
    for words in ("4 in line keep their 224 credits held.", "4 in line: cancelled, 224 credits come back. 2 not ordered yet cost nothing."):
        assert words in page
    assert "TIDE-001 is paused." in act(as_alice, "pause")
    assert [job.state for job in jobs_of(batch)] == [State.PAUSED] * 4
    assert "TIDE-001 goes on." in act(as_alice, "go_on")
    assert "TIDE-001 is stopped." in act(as_alice, "stop")
    assert [job.state for job in jobs_of(batch)] == [State.CANCELLED] * 4
    assert money(batch).held == 0
    assert "TIDE-001 was over already." in act(as_alice, "stop")


def test_only_what_failed_is_ordered_again_and_its_price_is_said_first(as_alice: Client, rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3)
    carry_on(batch)
    for job, state in zip(jobs_of(batch), (State.DONE, State.FAILED, State.FAILED), strict=True):
        end(job, state)
    Job.objects.filter(state=State.FAILED).update(cause=Cause.MODERATED)
    carry_on(batch)
    page = as_alice.get("/p/TIDE/batches/1/").content.decode()
    for words in ("Order the 2 that failed again", "As new orders, 112 credits.", "Refused by the model’s filter", "TIDE-003, TIDE-004"):
        assert words in page
    assert "2 are ordered again." in act(as_alice, "again")
    assert [job.state for job in jobs_of(batch)[3:]] == [State.QUEUED] * 2


def test_rules_can_be_changed_and_a_batch_that_reached_its_ceiling_goes_on(as_alice: Client, rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=4, ceiling=2 * PRICE)
    carry_on(batch)
    page = as_alice.get("/p/TIDE/batches/1/").content.decode()
    assert "Its ceiling is reached" in page
    assert "At most, in credits" in act(as_alice, "rules", ceiling="many", wave="5")
    assert "goes on" in act(as_alice, "rules", ceiling="500", wave="5", go_on="1")
    assert len(jobs_of(batch, State.QUEUED)) == 4


def test_only_its_author_or_an_owner_decides_about_a_batch(rich: User, bob: User, carol: User, dave: User, tide: Project, xai: Connection):
    tide.memberships.create(user=dave, role="maker")
    batch = batch_of(rich, tide, xai)
    carry_on(batch)
    assert signed_in(dave).post("/p/TIDE/batches/1/act/", {"do": "stop"}).status_code == 403
    assert signed_in(carol).post("/p/TIDE/batches/1/act/", {"do": "stop"}).status_code == 403
    assert "Order" not in signed_in(carol).get("/p/TIDE/batches/1/").content.decode().partition('id="main"')[2]
    assert signed_in(bob).post("/p/TIDE/batches/1/act/", {"do": "nonsense"}).status_code == 400
    assert signed_in(bob).post("/p/TIDE/batches/1/act/", {"do": "stop"}).status_code == 302
    assert jobs_of(batch, State.CANCELLED) == jobs_of(batch)


def test_a_shot_of_a_batch_names_it(as_alice: Client, rich: User, tide: Project, xai: Connection):
    carry_on(batch_of(rich, tide, xai, takes=1))
    assert '<a class="link mono" href="/p/TIDE/batches/1/">TIDE-001</a>' in as_alice.get("/p/TIDE/jobs/2/").content.decode()
