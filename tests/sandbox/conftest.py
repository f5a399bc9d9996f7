"""The sandbox at its default speed, without faults."""

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def _calm(settings: Settings, db: None) -> None:
    settings.SANDBOX = True
    settings.SANDBOX_SPEED = 1.0
    settings.SANDBOX_FAULTS = ""
