"""Answers that come late about an attempt that lives: somebody else learned meanwhile that the order was taken on, by its id or by its copy."""

from collections.abc import Callable

import pytest

from studio.accounts.models import User
from studio.jobs import doubt, moves
from studio.jobs.alerts import open_alerts
from studio.jobs.charging import Charge
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt
from studio.jobs.sending import Ticket, submitted
from studio.jobs.worker import sweep
from studio.providers.contract import Listing, StoredFile
from tests.jobs.conftest import pass_time, work_through
from tests.jobs.played import PENDING, PlayedProvider
from tests.jobs.test_late import ANSWERS, Ordered, reread, stalled


@pytest.fixture
def named(ordered: Ordered, dave: User, played: PlayedProvider) -> Callable[[str, str], Ticket]:
    """The ticket of a sender that stalled; since then its job was named by this id at the provider, and brought into this state by it."""

    def bring(remote_id: str, state: str) -> Ticket:
        ticket = stalled(ordered)
        job = ticket.job
        doubt.name(reread(job), remote_id, by=dave, reason="so I read")
        pass_time(1)
        if state in {"rendering", "in_doubt"}:
            played.on_look += [PENDING] * 9
        sweep(job.connection_id)
        if state == "in_doubt":  # overdue
            pass_time(100_000)
            sweep(job.connection_id)
        if state == "done":
            work_through(job)
        assert reread(job).state == state
        return ticket

    return bring


@pytest.mark.parametrize("state", ["rendering", "in_doubt", "saving", "done"])
@pytest.mark.parametrize("late", [name for name in ANSWERS if not name.startswith("accepted")])
def test_a_late_no_changes_nothing_of_an_order_that_was_taken_on_by_its_id(late: str, state: str, named: Callable[..., Ticket]):
    """Least of all what it costs: a refusal may say what it was charged, and the clip costs something else."""
    ticket = named("remote-1", state)
    before: dict[str, object] = {**Attempt.objects.values().get()}
    submitted(ticket, ANSWERS[late])
    after: dict[str, object] = {**Attempt.objects.values().get()}
    tells = late not in {"no answer", "a fault of ours"}
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"answered_at", "alert"}
    assert ("alert" in changed) == tells
    assert reread(ticket.job).state == state
    if state == "saving":
        assert work_through(ticket.job).charged == 5_000
        assert open_alerts().exists() == tells


@pytest.mark.parametrize("state", ["saving", "done"])
def test_an_acceptance_by_the_known_id_is_no_news(state: str, named: Callable[..., Ticket]):
    ticket = named("remote-late", state)
    submitted(ticket, ANSWERS["accepted"])
    kept = Attempt.objects.get()
    assert (kept.alert, kept.rescue_due, kept.remote_id) == ("", None, "remote-late")
    assert kept.answered_at is not None


@pytest.mark.parametrize("state", ["saving", "done"])
def test_a_second_clip_of_one_attempt_is_told_of_and_not_taken_for_the_first(state: str, named: Callable[..., Ticket]):
    """A try that is done is not fetched again: whoever reads that it will be would wait for ever."""
    ticket = named("another-order", state)
    submitted(ticket, ANSWERS["accepted"])
    work_through(ticket.job)
    kept = Attempt.objects.get()
    assert (kept.remote_id, kept.rescue_due, kept in open_alerts()) == ("another-order", None, True)
    assert "remote-late" in kept.alert
    assert "second clip" in kept.alert


@pytest.mark.parametrize("state", ["rendering", "saving", "done"])
def test_an_acceptance_by_an_id_that_another_order_has_is_told_of(state: str, named: Callable[..., Ticket], ordered: Ordered, played: PlayedProvider):
    ticket = named("remote-x", state)
    other = ordered()
    Attempt.objects.filter(job=other).update(remote_id="remote-late")
    submitted(ticket, ANSWERS["accepted"])
    kept = Attempt.objects.get(pk=ticket.attempt.pk)
    assert (kept.remote_id, "remote-late" in kept.alert) == ("remote-x", True)


@pytest.mark.parametrize("state", ["saving", "done"])
def test_what_was_found_by_its_copy_is_not_looked_for_a_second_time(state: str, ordered: Ordered, played: PlayedProvider):
    played.keeps_files = True
    ticket = stalled(ordered)
    job = ticket.job
    attempt = Attempt.objects.select_related("job__project", "connection").get()
    doubt.searched_file(attempt, Listing(file=StoredFile(file_id="file-1", name=attempt.stored_as)))
    if state == "done":
        assert moves.finish(reread(job), State.SAVING, State.DONE, attempt=attempt)
    submitted(ticket, ANSWERS["accepted"])
    kept = Attempt.objects.get()
    assert (reread(job).state, kept.alert, kept.rescue_due) == (state, "", None)


@pytest.mark.parametrize("late", ["accepted", "refused", "not now"])
def test_a_late_answer_leaves_the_alert_of_the_charge_open(late: str, named: Callable[..., Ticket], played: PlayedProvider):
    played.usage = 10**17
    ticket = named("another-order", "done")
    submitted(ticket, ANSWERS[late])
    alert = open_alerts().get().alert
    assert "the estimate was charged" in alert
    assert "provider answered" in alert


@pytest.mark.parametrize("end", [State.DONE, State.FAILED])
def test_a_second_clip_is_told_of_whatever_becomes_of_the_first(end: State, named: Callable[..., Ticket]):
    ticket = named("another-order", "saving")
    submitted(ticket, ANSWERS["accepted"])
    attempt = Attempt.objects.get()
    charge = Charge(5_000, is_estimate=True, alert="Too much; the estimate was charged.") if end is State.DONE else Charge(0)
    assert moves.finish(reread(ticket.job), State.SAVING, end, attempt=attempt, charge=charge)
    alert = open_alerts().get().alert
    assert "second clip" in alert
    assert charge.alert in alert
