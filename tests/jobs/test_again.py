"""Trying a failed job again, ordering anew from an earlier shot, and what an order says about failures, as a browser meets it."""

import re

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Hold
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job, Policy
from studio.projects.models import Project
from studio.routing.models import Breaker, Connection
from tests.conftest import signed_in
from tests.jobs.rows import BRIEF, HTMX, form, job_row

AGAIN = "/p/TIDE/jobs/1/retry/"


@pytest.fixture
def failed(alice: User, tide: Project, xai: Connection) -> Job:
    return job_row(tide, alice, xai, State.FAILED, cause=Cause.PROVIDER_FAILED, message="no luck")


# Trying again


def test_a_failed_card_offers_to_try_again_first_and_says_what_that_holds(as_alice: Client, failed: Job):
    page = as_alice.get("/p/TIDE/").content.decode()
    assert page.index("Try again") < page.index("Edit prompt")
    assert "Trying again holds about 56." in page
    assert f'hx-post="{AGAIN}"' in page
    assert "holds about 56 credits again" in as_alice.get("/p/TIDE/jobs/1/").content.decode()


def test_a_refusal_of_the_filter_offers_other_words_first(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, State.FAILED, cause=Cause.MODERATED)
    page = as_alice.get("/p/TIDE/").content.decode()
    assert "Edit prompt" in page
    assert "Try again" not in page


def test_another_try_puts_the_card_back_in_line_and_holds_its_price(as_alice: Client, funded: User, failed: Job):
    answer = as_alice.post(AGAIN, headers=HTMX)
    text = answer.content.decode()
    assert 'id="clip-TIDE-001" data-state="queued"' in text
    assert 'hx-swap-oob="outerMorph"' in text
    assert "56 credits are held for it." in answer["HX-Trigger"]
    assert Account.objects.get(user=funded).held == 56_000


def test_two_presses_make_one_attempt(as_alice: Client, funded: User, failed: Job):
    as_alice.post(AGAIN, headers=HTMX)
    answer = as_alice.post(AGAIN, headers=HTMX)
    assert "is on its way already" in answer["HX-Trigger"]
    assert (Attempt.objects.count(), Hold.objects.count()) == (2, 1)


def test_without_scripts_another_try_leads_back_to_the_job(as_alice: Client, funded: User, failed: Job):
    assert "TIDE-001 is tried again" in as_alice.post(AGAIN, follow=True).content.decode()


def test_too_few_credits_are_told_and_nothing_is_lost(as_alice: Client, alice: User, failed: Job):
    ledger.grant(alice, 6_000, key="k", reason="r", actor=None)
    answer = as_alice.post(AGAIN, headers=HTMX)
    assert "You have 6 credits; this needs 56. 50 are missing." in answer["HX-Trigger"]
    assert 'data-state="failed"' in answer.content.decode()
    assert (Attempt.objects.count(), Hold.objects.count()) == (1, 0)


def test_an_owner_tries_again_with_credits_of_their_own(bob: User, alice: User, failed: Job):
    owner = signed_in(bob)
    ledger.grant(alice, 100_000, key="a", reason="r", actor=None)
    assert "You have 0 credits; this needs 56." in owner.post(AGAIN, headers=HTMX)["HX-Trigger"]
    ledger.grant(bob, 100_000, key="b", reason="r", actor=None)
    assert "56 of your credits are held for it." in owner.post(AGAIN, headers=HTMX)["HX-Trigger"]
    assert list(Account.objects.order_by("held").values_list("user", "held")) == [(alice.pk, 0), (bob.pk, 56_000)]


def test_what_cannot_be_tried_any_more_says_why(as_alice: Client, funded: User, failed: Job):
    Connection.objects.update(enabled=False, paused_reason="The key is used up.")
    answer = as_alice.post(AGAIN, follow=True).content.decode()
    assert "TIDE-001 was not tried again. xAI sandbox is switched off. The key is used up." in answer
    assert Job.objects.get().state == State.FAILED


def test_a_team_mates_failure_is_theirs_to_try_again(as_alice: Client, bob: User, tide: Project, xai: Connection):
    job_row(tide, bob, xai, State.FAILED, cause=Cause.PROVIDER_FAILED)
    assert as_alice.post(AGAIN).status_code == 403
    assert "Try again" not in as_alice.get("/p/TIDE/").content.decode()


# Ordering anew


def test_a_brief_that_is_put_back_remembers_its_shot_until_the_order(as_alice: Client, funded: User, tide: Project, xai: Connection, failed: Job):
    page = as_alice.get("/p/TIDE/?again=1").content.decode()
    assert '<input type="hidden" name="parent" value="1">' in page
    refused = as_alice.post("/p/TIDE/jobs/", form(xai, prompt="", parent="1"), headers=HTMX).content.decode()
    assert '<input type="hidden" name="parent" value="1">' in refused
    as_alice.post("/p/TIDE/jobs/", form(xai, parent="1"), headers=HTMX)
    assert Job.objects.get(number=2).parent == failed
    assert re.search(r"From</dt>.*TIDE-001", as_alice.get("/p/TIDE/jobs/2/").content.decode())
    assert re.search(r"Led to</dt>.*?TIDE-002", as_alice.get("/p/TIDE/jobs/1/").content.decode(), re.DOTALL)


def test_a_shot_of_another_project_is_nobodys_parent_here(as_alice: Client, funded: User, tide: Project, xai: Connection):
    other = Project.objects.create(code="KOI", name="Koi", created_by=funded)
    job_row(other, funded, xai)
    as_alice.post("/p/TIDE/jobs/", form(xai, parent="1"), headers=HTMX)
    assert Job.objects.get(project=tide).parent is None


def test_a_job_in_doubt_may_be_ordered_again_with_a_warning_and_is_never_called_failed(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, State.IN_DOUBT, cause=Cause.UNANSWERED)
    card = as_alice.get("/p/TIDE/").content.decode().split('id="board"')[1].split("</article>")[0]
    assert "Order again (it may cost twice)" in card
    assert 'hx-confirm="Order TIDE-001 again? If it was made after all, both are paid."' in card
    assert "What happened" in card
    assert "failed" not in card.lower()
    assert "try again" not in card.lower()
    assert "if it was made after all, both are paid" in as_alice.get("/p/TIDE/composer/?again=1").content.decode()


# What follows a failure


def test_what_follows_a_failure_is_sent_with_the_order_and_kept_for_the_next(as_alice: Client, funded: User, tide: Project, xai: Connection):
    as_alice.post("/p/TIDE/jobs/", form(xai, policy="cheapest", duration="8"), headers=HTMX)
    job = Job.objects.get()
    assert (job.policy, job.wish["duration"]) == (Policy.CHEAPEST, 8)
    assert '<option value="cheapest" selected>' in as_alice.get("/p/TIDE/").content.decode()


def test_the_settings_of_an_order_that_went_elsewhere_are_still_what_its_author_chose(as_alice: Client, funded: User, tide: Project, xai: Connection):
    grok = Connection.objects.create(provider="grokimagine", label="Grok sandbox", sandbox=True)
    as_alice.post("/p/TIDE/jobs/", form(xai, policy="cheapest", duration="5"), headers=HTMX)
    Job.objects.update(connection=grok, model="", mode="normal", duration=None, resolution="")
    page = as_alice.get("/p/TIDE/").content.decode()
    assert f'value="{xai.pk}" checked' in page
    assert '<option value="5" selected>' in page


def test_without_a_word_a_failure_stops_the_job(as_alice: Client, funded: User, tide: Project, xai: Connection):
    as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    assert Job.objects.get().policy == Policy.HAND
    assert as_alice.post("/p/TIDE/jobs/", form(xai, policy="roulette"), headers=HTMX).status_code == 422


def test_the_list_is_sorted_by_the_policy_and_the_choice_stays(as_alice: Client, funded: User, tide: Project, xai: Connection):
    grok = Connection.objects.create(provider="grokimagine", label="Grok sandbox", sandbox=True)
    Connection.objects.create(provider="grokimagine", label="Grok for real")
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk), "policy": "cheapest"}).content.decode()
    order = re.findall(r'class="route__n">([^<]*)<', text)
    assert order.index("Grok sandbox") < order.index("xAI sandbox")
    assert f'value="{xai.pk}" checked' in text
    assert "cheapest first" in text
    assert "At present that is Grok sandbox. Never after the filter’s refusal. A failed try costs nothing" in text
    Connection.objects.filter(pk=grok.pk).update(enabled=False)
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk), "policy": "cheapest"}).content.decode()
    assert "At present no other can do this brief." in text


def test_a_paused_connection_says_why_and_takes_orders_that_wait(as_alice: Client, funded: User, tide: Project, xai: Connection, pause: Breaker):
    grok = Connection.objects.create(provider="grokimagine", label="Grok sandbox", sandbox=True)
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(grok.pk), "policy": "cheapest"}).content.decode()
    assert "Paused: xAI refuses the team’s key." in text
    assert "At present no other can do this brief." in text
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk)}).content.decode()
    assert "xAI sandbox is paused. xAI refuses the team’s key." in text
    assert as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX).status_code == 200


@pytest.fixture
def pause(xai: Connection, failed: Job) -> Breaker:
    return Breaker.objects.create(connection=xai, model="", failures=1, trips=1, open_until=failed.created_at, cause="wrong_key")


def test_the_composer_costs_the_same_queries_for_many_connections(as_alice, funded, tide, xai, django_assert_max_num_queries):
    def asked(more: int) -> tuple[int, int]:
        for number in range(more):
            Connection.objects.create(provider="xai", label=f"another {more} {number}", sandbox=True)
        with django_assert_max_num_queries(30) as queries:
            as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk), "policy": "reliable"})
        found = [query["sql"] for query in queries.captured_queries]
        return len(found), sum("routing_track" in sql or "routing_breaker" in sql for sql in found)

    assert asked(1) == asked(6)
    assert asked(0)[1] == 2
