"""The record of changes: who may read what, filters, words, the file, and that nothing in it changes."""

import csv
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.accounts import audit
from studio.accounts.audit import Difference, differences
from studio.accounts.models import AppendOnly, AuditEvent
from studio.accounts.sheets import safe_cell
from studio.sandbox.models import Fault
from tests.conftest import signed_in

C = 1_000
STUDIO = Path(settings.BASE_DIR) / "studio"


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


@pytest.fixture
def events(ada, dave, alice) -> None:
    """One of several families, the oldest first."""
    AuditEvent.record("person.role", alice.email, actor=ada, before={"role": "member"}, after={"role": "credit_manager"})
    AuditEvent.record("credits.granted", alice.email, actor=dave, before={"millicredits": 0}, after={"millicredits": 1_000_500}, reason="Reshoots")
    AuditEvent.record("connection.switched_off", "xAI, team", actor=ada, reason="slow")


def shown(user, query: str = "") -> list[str]:
    return [line.event.action for line in signed_in(user).get(f"/audit/?{query}").context["lines"]]


def test_an_admin_reads_everything_and_a_credit_manager_what_is_about_money(events, ada, dave, alice):
    assert shown(ada) == ["connection.switched_off", "credits.granted", "person.role"]
    assert shown(dave) == ["credits.granted"]
    assert shown(dave, "family=person") == []
    assert signed_in(alice).get("/audit/").status_code == 403


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("who=dave", ["credits.granted"]),
        ("who=ADA%40", ["connection.switched_off", "person.role"]),
        ("whom=alice", ["credits.granted", "person.role"]),
        ("family=connection", ["connection.switched_off"]),
        ("family=nonsense", ["connection.switched_off", "credits.granted", "person.role"]),
        ("text=reshoots", ["credits.granted"]),
        ("text=xai", ["connection.switched_off"]),
        ("text=%00", ["connection.switched_off", "credits.granted", "person.role"]),
        ("since=2999-01-01", []),
        ("until=2001-01-01", []),
        ("since=soon&until=9999-12-31", ["connection.switched_off", "credits.granted", "person.role"]),
        ("before=0", []),
        ("before=x", ["connection.switched_off", "credits.granted", "person.role"]),
    ],
)
def test_filters_find_what_they_name(events, ada, query, actions):
    assert shown(ada, query) == actions


def test_a_day_is_the_readers_and_both_ends_count(events, ada):
    ada.time_zone = "Asia/Tokyo"
    ada.save()
    with timezone.override("Asia/Tokyo"):
        day = timezone.localdate()
    assert len(shown(ada, f"since={day}&until={day}")) == 3
    assert shown(ada, f"until={day - timedelta(days=1)}") == []


def test_a_change_is_told_in_words_not_as_data(events, ada):
    text = words(signed_in(ada).get("/audit/"))
    assert "Dave granted credits to alice@example.org credits 0 → 1,000.5 “Reshoots”" in text
    assert "Ada changed the role of alice@example.org role member → credit_manager" in text
    assert "millicredits" not in text


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, {"name": "Tide"}, [Difference("name", "", "Tide")]),
        ({"name": "Tide"}, None, [Difference("name", "Tide", "")]),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [Difference("b", "2", "3")]),
        ({"credits_a_day": None}, {"credits_a_day": 5_500}, [Difference("credits a day", "", "5.5")]),
        ({"hard": True}, {"hard": False}, [Difference("hard", "yes", "no")]),
        ({"paused": ["m1", "m2"]}, {"paused": []}, [Difference("paused", "m1, m2", "none")]),
        ({"limits": {"rpm": 1200}}, {"limits": {"rpm": 5}}, [Difference("limits", "rpm 1,200", "rpm 5")]),
        ({"millicredits": 0}, {"millicredits": -1_500}, [Difference("credits", "0", "−1.5")]),
        ("old", "new", [Difference("value", "old", "new")]),
        (None, None, []),
    ],
)
def test_before_and_after_become_differences(before, after, said):
    assert differences(before, after) == said


def test_an_action_that_has_no_words_yet_is_still_read(ada):
    AuditEvent.record("project.cover_changed", "TIDE", actor=None)
    assert "Studio cover changed TIDE" in words(signed_in(ada).get("/audit/"))


def test_pages_follow_each_other_without_a_gap_and_cost_the_same(ada):
    for number in range(audit.PAGE + 3):
        AuditEvent.record("project.renamed", f"P{number}", actor=ada)
    browser = signed_in(ada)
    browser.get("/audit/")
    with CaptureQueriesContext(connection) as many:
        first = browser.get("/audit/?family=project")
    with CaptureQueriesContext(connection) as few:
        second = browser.get(f"/audit/?family=project&before={first.context['older']}")
    assert [len(page.context["lines"]) for page in (first, second)] == [audit.PAGE, 3]
    assert second.context["older"] is None
    assert len(many) == len(few)


def test_the_file_holds_the_same_events_and_no_formula(ada, dave, alice):
    AuditEvent.record("credits.granted", alice.email, actor=dave, before={"millicredits": 0}, after={"millicredits": C}, reason="=HYPERLINK(1)")
    AuditEvent.record("person.role", "bob", actor=None)

    answer = signed_in(dave).get("/audit/export.csv?text=hyperlink")

    assert answer.streaming
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
    head, row = csv.reader(b"".join(answer).decode("utf-8-sig").splitlines())
    assert tuple(head) == ("at (UTC)", "who", "action", "whom or what", "changed", "reason", "address")
    assert row[1:6] == ["dave@example.org", "credits.granted", "alice@example.org", "credits: 0 → 1", "'=HYPERLINK(1)"]
    datetime.fromisoformat(row[0])


@pytest.mark.parametrize("text", ["=1", "+1", "-x", "@a", " =1", "\n1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(text):
    assert safe_cell(text) == f"'{text}"


def test_ordinary_cells_stay_as_they_are():
    assert [safe_cell(text) for text in ("a-b", "1 = 1", "", "TIDE-047")] == ["a-b", "1 = 1", "", "TIDE-047"]


def test_an_empty_record_says_so(ada):
    assert "Nothing was changed yet." in words(signed_in(ada).get("/audit/"))
    assert "No change fits these filters." in words(signed_in(ada).get("/audit/?who=nobody"))


# For ever


def test_nothing_changes_or_deletes_an_event(events, ada):
    event = AuditEvent.objects.first()
    assert event is not None
    event.reason = "another"
    for attempt in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(reason="another"),
        lambda: AuditEvent.objects.bulk_update([event], ["reason"]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    with pytest.raises(ProtectedError):
        ada.delete()
    assert AuditEvent.objects.count() == 3


def test_no_code_writes_events_but_record():
    elsewhere = [
        path.relative_to(STUDIO).as_posix()
        for path in STUDIO.rglob("*.py")
        if re.search(r"AuditEvent(\.objects\.(?!select_related|filter|order_by)|\()|accounts_auditevent", path.read_text())
    ]
    assert elsewhere == ["accounts/models.py"]  # the class itself


def test_every_action_that_is_recorded_has_words():
    families = "|".join(audit.FAMILIES)
    code = [path for path in STUDIO.rglob("*.py") if path.parent.name != "migrations"]
    known = {action for path in code for action in re.findall(rf'"((?:{families})\.[a-z_]+)"', path.read_text())}
    assert known <= set(audit.WORDS)
    recorded = {action for path in code for action in re.findall(r'AuditEvent\.record\(\s*f?"([a-z]+)\.', path.read_text())}
    assert recorded <= set(audit.FAMILIES)


def test_faults_of_the_sandbox_are_written_down(ada):
    browser = signed_in(ada)
    fault = Fault.objects.create(provider="xai", kind="failure")
    browser.post(f"/sandbox/faults/{fault.pk}", {"do": "off"})
    browser.post(f"/sandbox/faults/{fault.pk}", {"do": "off"})
    event = AuditEvent.objects.get(action="sandbox.faults")
    assert event.actor == ada
    assert event.before != event.after
