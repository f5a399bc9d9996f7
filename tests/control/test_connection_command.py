"""`manage.py connection`: what a script can do with connections, and what it is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.accounts.models import AuditEvent
from studio.routing.breaker import open_ones
from studio.routing.models import Breaker, Connection
from tests.control.conftest import KEY, Command, refused, tracked

ADD = ("connection", "add", "xai", "--label", "Team", "--key-env", "TEAM_KEY")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_KEY", KEY)


def test_an_empty_list_says_how_to_add_one(command: Command):
    assert "manage.py connection add" in command("connection", "list")


def test_a_connection_is_added_and_listed_without_its_key(command: Command):
    printed = command(*ADD, "--rpm", "30", "--at-once", "5") + command("connection", "list")

    connection = Connection.objects.get()
    assert (connection.provider, connection.key, connection.requests_per_minute, connection.jobs_at_once) == ("xai", KEY, 30, 5)
    assert "••••4321" in printed
    assert "https://api.x.ai/v1" in printed
    assert "30/min, 5 at once" in printed
    assert KEY not in printed + str(AuditEvent.objects.values())
    assert AuditEvent.objects.get().action == "connection.added"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("connection", "add", "sora", "--label", "L", "--key-env", "TEAM_KEY"), "There is no provider sora. Known are ttapi, grokimagine, "),
        (("connection", "add", "xai", "--label", "L", "--key-env", "NO_KEY"), "The environment has no variable NO_KEY."),
        ((*ADD, "--base-url", "http://api.x.ai"), "Base URL: Use https."),
        ((*ADD, "--base-url", "nonsense"), "Base URL: This is not an address."),
        ((*ADD, "--rpm", "0"), "Requests per minute: "),
        ((*ADD, "--dialect", "march-2026"), "Documents: xAI has no such documents."),
        ((*ADD, "--position", "0"), "Place in the house’s order: "),
        (("connection", "off", "Nobody's"), 'There is no connection "Nobody\'s". Known are: none yet.'),
        (("connection", "add", "xai"), "the following arguments are required: --label, --key-env"),
        (("connection",), "required: what"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_is_known(words: tuple[str, ...], complaint: str, command: Command):
    with refused(complaint):
        command(*words)

    assert not Connection.objects.exists()


def test_a_name_is_taken_once_however_it_is_written(command: Command):
    command(*ADD)

    with refused("Name: Another connection has this name."):
        command("connection", "add", "xai", "--label", "TEAM", "--key-env", "TEAM_KEY")


def test_an_empty_key_is_no_key(command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TEAM_KEY", "")

    with refused("API key: Enter the key that the provider gave you."):
        command(*ADD)


def test_a_connection_is_switched_off_with_a_reason_and_on_again(command: Command, real: Connection):
    assert command("connection", "off", "XAI, team account", "--reason", "Balance used up") == "xAI, team account is now off.\n"
    assert "off Balance used up" in command("connection", "list")
    assert command("connection", "off", real.label) == "xAI, team account is already off.\n"

    assert command("connection", "on", real.label) == "xAI, team account is now on.\n"

    real.refresh_from_db()
    assert (real.enabled, real.paused_reason) == (True, "")
    assert list(AuditEvent.objects.values_list("action", "reason")) == [
        ("connection.switched_off", "Balance used up"),
        ("connection.switched_on", ""),
    ]


def test_a_check_says_that_the_key_is_accepted(live_server: LiveServer, settings: Settings, xai: Connection, command: Command):
    settings.SANDBOX_URL = live_server.url

    assert "answers and accepts the key." in command("connection", "check", xai.label)


@pytest.mark.parametrize(
    ("fields", "key", "words"),
    [
        ({"sandbox": True}, "wrong-key-12345678", "localhost answers, but refuses the key."),
        ({"base_url": "{live}/nowhere"}, "sandbox-key-0001", "localhost answers, but knows no such path (404). Check the path of the base URL."),
        ({"base_url": "http://127.0.0.1:9"}, "sandbox-key-0001", "127.0.0.1 gave no answer"),
    ],
)
def test_a_check_tells_a_wrong_key_a_wrong_path_and_a_wrong_host_apart(
    fields: dict[str, Any], key: str, words: str, live_server: LiveServer, settings: Settings, command: Command
):
    settings.SANDBOX_URL = live_server.url
    settings.ALLOW_PRIVATE_HOSTS = frozenset({live_server.url.removeprefix("http://"), "127.0.0.1:9"})
    address = fields.get("base_url", "").format(live=live_server.url)
    connection = Connection(provider="xai", label="Ours", **{**fields, "base_url": address})
    connection.set_key(key)
    connection.save()

    with refused(f"Ours: {words}"):
        command("connection", "check", "Ours")


def test_a_check_that_works_ends_a_pause(live_server: LiveServer, settings: Settings, xai: Connection, command: Command):
    settings.SANDBOX_URL = live_server.url
    Breaker.objects.create(connection=xai, failures=1, trips=1, open_until=timezone.now() + timedelta(minutes=5), cause="wrong_key")

    assert "accepts the key. Its pause is over." in command("connection", "check", xai.label)
    assert not open_ones({xai.pk})


def test_the_list_tells_documents_health_and_pauses(real: Connection, command: Command):
    Connection.objects.update(provider="ttapi", dialect="march-2026")
    assert "documents march-2026, no results yet" in command("connection", "list")

    tracked(real, "dddf")
    Breaker.objects.create(connection=real, failures=4, trips=1, open_until=timezone.now() + timedelta(minutes=5), cause="unreached")

    printed = command("connection", "list")
    assert "75% done of the last 4, usually 61 s; all of it paused until" in printed
    assert "TTAPI could not be reached several times in a row." in printed


def test_a_check_that_fails_ends_with_an_error(command: Command, xai: Connection, settings: Settings):
    settings.SANDBOX_URL = "http://127.0.0.1:9"

    with refused("xAI sandbox: 127.0.0.1 gave no answer"):
        command("connection", "check", xai.label)


def test_an_unknown_connection_is_told_which_there_are(command: Command, real: Connection):
    with refused("There is no connection 'Nope'. Known are: xAI, team account."):
        command("connection", "check", "Nope")
