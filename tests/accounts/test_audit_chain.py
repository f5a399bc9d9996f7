"""The chain of hashes over the record of changes: whatever somebody does to the tables is found."""

import io
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from studio.accounts import audit_chain
from studio.accounts.models import AuditEvent, AuditSeal, User
from studio.control import doctor
from tests.conftest import signed_in


def run(statement: str, *values: str | int | None) -> None:
    """What somebody with access to the database does."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def sealed(ada: User, alice: User) -> list[int]:
    """Five events with their seals; their ids."""
    before = AuditEvent.objects.count()
    for turn in range(5):
        AuditEvent.record("person.role", f"Person {turn}", actor=ada, before={"role": "member"}, after={"role": "admin", "n": 1.5}, reason="Ünder")
    audit_chain.seal_new()
    return list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))[before:]


def wrong() -> str:
    return audit_chain.verify().wrong


def test_a_record_as_it_was_written_is_sound(sealed: list[int]):
    verdict = audit_chain.verify()

    assert (verdict.wrong, verdict.waiting, verdict.count) == ("", 0, AuditEvent.objects.count())
    assert verdict.head == AuditSeal.objects.latest("number").hash
    assert audit_chain.seal_new() == 0
    out = io.StringIO()
    call_command("audit", "verify", "--head", verdict.head, stdout=out)
    assert f"Head: {verdict.head}" in out.getvalue()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("subject", "Somebody"), ("action", "person.left"), ("family", "credits"), ("reason", ""), ("before", "{}"), ("after", None)),
        *(("actor_id", None), ("address", "192.0.2.1"), ("at", "2026-01-01 00:00:00")),
    ],
)
def test_a_changed_field_is_found(sealed: list[int], field: str, value: str | None):
    run(f"UPDATE accounts_auditevent SET {field} = %s WHERE id = %s", value, sealed[2])  # noqa: S608 - ours

    assert f"Event {sealed[2]} " in wrong()
    with pytest.raises(CommandError, match="does not match its seal"):
        call_command("audit", "verify", stdout=io.StringIO())


def test_a_deleted_event_is_found(sealed: list[int]):
    with connection.constraint_checks_disabled():
        run("UPDATE accounts_auditseal SET event_id = event_id + 1000 WHERE event_id = %s", sealed[1])
        assert "is missing" in wrong()
        run("DELETE FROM accounts_auditseal WHERE event_id = %s", sealed[1] + 1000)
        run("DELETE FROM accounts_auditevent WHERE id = %s", sealed[1])
    assert "is missing: an event was deleted" in wrong()


def test_a_deleted_event_whose_followers_were_renumbered_is_found(sealed: list[int]):
    number = AuditSeal.objects.get(event_id=sealed[1]).number
    run("DELETE FROM accounts_auditseal WHERE event_id = %s", sealed[1])
    run("DELETE FROM accounts_auditevent WHERE id = %s", sealed[1])
    for later in range(number + 1, number + 4):
        run("UPDATE accounts_auditseal SET number = number - 1 WHERE number = %s", later)
    assert f"Event {sealed[2]} " in wrong()


def test_swapped_events_are_found(sealed: list[int]):
    run("UPDATE accounts_auditevent SET subject = 'x' WHERE id = %s", sealed[1])
    run("UPDATE accounts_auditevent SET subject = 'Person 1' WHERE id = %s", sealed[2])
    run("UPDATE accounts_auditevent SET subject = 'Person 2' WHERE id = %s", sealed[1])
    assert f"Event {sealed[1]} " in wrong()


def test_an_event_between_others_is_found(sealed: list[int], ada: User):
    event = AuditEvent.objects.create(action="person.role", family="person", subject="Between", actor=ada)
    number = AuditSeal.objects.get(event_id=sealed[2]).number
    for later in reversed(range(number, number + 3)):
        run("UPDATE accounts_auditseal SET number = number + 1 WHERE number = %s", later)
    before = AuditSeal.objects.get(number=number - 1)
    made = audit_chain.digest(event, number=number, known_until=before.known_until, before=before.hash)
    AuditSeal.objects.create(number=number, event=event, known_until=before.known_until, hash=made)

    assert f"Event {sealed[2]} " in wrong()


def test_events_that_were_cut_off_are_found_with_a_head_of_the_log(sealed: list[int], caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "studio.audit"):
        audit_chain.log_head()
    head = caplog.records[-1].getMessage().split()[-1]
    run("DELETE FROM accounts_auditseal WHERE event_id >= %s", sealed[3])
    run("DELETE FROM accounts_auditevent WHERE id >= %s", sealed[3])

    assert wrong() == ""
    with pytest.raises(CommandError, match="cut off"):
        call_command("audit", "verify", "--head", head, stdout=io.StringIO())


def test_an_event_that_was_inserted_later_with_an_earlier_time_is_found(sealed: list[int], ada: User):
    late = AuditEvent.objects.create(at=timezone.now() - timedelta(days=1), action="person.role", family="person", subject="Late", actor=ada)
    assert f"Event {late.pk} " in wrong()
    AuditEvent.record("person.role", "In the same round", actor=ada)
    audit_chain.seal_new()
    assert "inserted later" in wrong()
    assert f"Event {late.pk} " in wrong()


def test_a_late_event_is_found_anywhere_in_its_round(sealed: list[int], ada: User):
    AuditEvent.record("person.role", "In the same round", actor=ada)
    AuditEvent.objects.create(at=timezone.now() - timedelta(days=1), action="person.role", family="person", subject="Late", actor=ada)
    audit_chain.seal_new()
    assert "inserted later" in wrong()


def test_a_worker_that_was_down_for_a_day_seals_everything_in_parts(ada: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_chain, "AT_ONCE", 3)
    for hours in range(48, 30, -1):
        AuditEvent.objects.create(at=timezone.now() - timedelta(hours=hours), action="person.role", family="person", subject="x", actor=ada)
    for hours in range(40, 36, -1):  # of transactions that ended later than they began
        AuditEvent.objects.create(at=timezone.now() - timedelta(hours=hours), action="person.role", family="person", subject="x", actor=ada)
    assert audit_chain.seal_new() == 22
    assert audit_chain.verify().wrong == ""


def test_two_workers_that_seal_at_once_make_one_chain(sealed: list[int], ada: User):
    """The one that comes second finds the number taken and gives way; its events are sealed by the other, or in the next round."""
    AuditEvent.record("person.role", "One more", actor=ada)
    last = AuditSeal.objects.latest("number")
    other = AuditSeal(number=last.number, event_id=AuditEvent.objects.latest("pk").pk, known_until=last.known_until, hash="0" * 64)
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save(force_insert=True)
    assert audit_chain.seal_new() == 1
    assert wrong() == ""


def test_doctor_and_the_page_name_a_broken_chain(sealed: list[int], ada: User):
    assert list(doctor.record()) == []
    assert "sealed events match" in signed_in(ada).get("/audit/").content.decode()
    run("UPDATE accounts_auditevent SET subject = 'x' WHERE id = %s", sealed[4])

    assert [finding.level for finding in doctor.record()] == [doctor.Level.ERROR]
    assert "The record was changed outside of the studio" in signed_in(ada).get("/audit/").content.decode()
