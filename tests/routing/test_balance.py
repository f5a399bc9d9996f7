"""What is left at a provider is asked without paying, and kept with its moment. The key stays secret."""

import logging

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.providers.registry import PROVIDERS
from studio.routing.balance import ask, is_told
from studio.routing.models import Connection


def to(provider: str, key: str = "sandbox-key-0001", **fields: object) -> Connection:
    connection = Connection(provider=provider, label=provider, **fields)
    connection.set_key(key)
    connection.save()
    return connection


@pytest.fixture
def sandbox(live_server: LiveServer, settings: Settings) -> frozenset[str]:
    """The played providers, listening; the hosts that may be asked."""
    settings.SANDBOX_URL = live_server.url
    return frozenset({live_server.url.removeprefix("http://")})


def test_only_who_tells_a_balance_is_asked_for_one():
    assert [kind for kind in PROVIDERS if is_told(Connection(provider=kind))] == ["comet"]
    assert not is_told(Connection(provider="removed"))
    assert not is_told(Connection(provider="comet", dialect="removed"))


def test_a_balance_is_kept_as_it_was_written_with_its_moment(sandbox: frozenset[str]):
    connection = to("comet", sandbox=True)

    told = ask(connection, allowed_hosts=sandbox)

    connection.refresh_from_db()
    assert connection.balance == told.balance
    assert connection.balance.endswith(" USD")
    assert connection.balance_at is not None
    assert (timezone.now() - connection.balance_at).total_seconds() < 60


def test_a_refused_key_keeps_the_last_balance_and_is_in_no_word_and_no_log(sandbox: frozenset[str], caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    connection = to("comet", key="wrong-secret-key-4321", sandbox=True, balance="12.40 USD")

    told = ask(connection, allowed_hosts=sandbox)

    connection.refresh_from_db()
    assert (told.balance, connection.balance, connection.balance_at) == ("", "12.40 USD", None)
    assert "refuses our key" in told.words
    assert "wrong-secret" not in told.words + caplog.text


def test_a_host_that_does_not_answer_is_said(db: None):
    told = ask(to("comet", base_url="http://127.0.0.1:9"), allowed_hosts={"127.0.0.1:9"})

    assert told.words.startswith("127.0.0.1 gave no answer")


def test_who_tells_no_balance_is_not_asked_and_says_so(db: None):
    assert ask(to("xai"), allowed_hosts=()).words == "xAI does not tell what is left there."


def test_without_a_key_nothing_is_asked(db: None):
    assert ask(Connection(provider="comet", label="Comet"), allowed_hosts=()).words == "There is no key yet. Enter one."
