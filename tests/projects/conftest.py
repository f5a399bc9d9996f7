"""What the tests of projects share."""

from collections.abc import Callable

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory

from studio.accounts.models import User


@pytest.fixture
def ask_as_alice(alice: User) -> Callable[[], HttpRequest]:
    """A request of Alice's, with a session."""

    def ask() -> HttpRequest:
        request = RequestFactory().get("/")
        request.user, request.session = alice, SessionStore()
        return request

    return ask
