"""The first start furnishes an installation; every other start leaves it alone."""

import os
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from studio.accounts.models import AccessLink, User
from studio.control.management.commands.setup import static_files_are_fresh
from studio.credits.ledger import account_of
from studio.projects.models import Membership, Project
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection
from tests.control.conftest import Command, refused


@pytest.fixture(autouse=True)
def _static(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATICFILES_DIRS = [tmp_path / "sources"]
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "page.css").write_text("body {}")


@pytest.fixture
def hashed(settings: Settings) -> None:
    """Static files as an installation serves them."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


def test_the_first_start_makes_an_admin_a_project_credits_and_the_sandboxs_connections(command: Command, settings: Settings):
    settings.SANDBOX = True

    printed = command("setup")

    admin = User.objects.get()
    assert (admin.email, admin.role, admin.has_usable_password()) == ("admin@studio.local", "admin", False)
    assert Membership.objects.get(project=Project.objects.get(code="DEMO"), user=admin).role == "owner"
    assert account_of(admin).balance == 1_000_000
    assert set(Connection.objects.filter(sandbox=True, enabled=True).values_list("provider", flat=True)) == set(PROVIDERS)
    assert "TTAPI (sandbox)" in printed


def test_the_second_start_changes_nothing_that_people_changed(command: Command, settings: Settings):
    settings.SANDBOX = True
    command("setup")
    Project.objects.update(code="TIDE")
    User.objects.update(email="maya@example.org")
    Connection.objects.filter(provider="xai").update(label="Ours", enabled=False)

    assert command("setup") == ""

    assert Project.objects.get().code == "TIDE"
    assert User.objects.get().email == "maya@example.org"
    assert account_of(User.objects.get()).balance == 1_000_000
    assert Connection.objects.count() == len(PROVIDERS)
    assert not Connection.objects.get(label="Ours").enabled


def test_without_the_sandbox_nothing_is_connected(command: Command, settings: Settings):
    settings.SANDBOX = False

    command("setup")

    assert not Connection.objects.exists()


def test_an_admins_address_that_is_none_stops_the_start_and_names_the_setting(command: Command, settings: Settings):
    settings.ADMIN_EMAIL = "maya"

    with refused("STUDIO_ADMIN_EMAIL is 'maya'; it takes an e-mail address."):
        command("setup")

    assert not User.objects.exists()


def test_a_link_signs_the_first_admin_in_once(command: Command, client: Client, settings: Settings):
    settings.SITE_URL = "http://testserver"
    command("setup")
    path = command("sign_in_link").split("http://testserver")[1].strip()

    first, again = client.post(path), Client().get(path)

    assert (first.status_code, again.status_code) == (302, 410)
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)


def test_a_link_can_be_made_for_anybody_active(command: Command, alice: User, bob: User):
    command("sign_in_link", "Alice@Example.org")
    User.objects.filter(pk=bob.pk).update(is_active=False)

    assert AccessLink.objects.get().user == alice
    with refused("Nobody with the address bob@example.org can sign in here."):
        command("sign_in_link", "bob@example.org")


def test_without_an_admin_there_is_no_link(command: Command, alice: User):
    with refused("There is no admin yet: run manage.py setup."):
        command("sign_in_link")


def test_static_files_are_gathered_again_only_after_a_change(command: Command, hashed: None, settings: Settings, tmp_path: Path):
    assert not static_files_are_fresh()
    command("setup")
    assert static_files_are_fresh()
    assert list((tmp_path / "static").glob("page.*.css"))

    later = (tmp_path / "static" / "staticfiles.json").stat().st_mtime + 5
    os.utime(tmp_path / "sources" / "page.css", (later, later))

    assert not static_files_are_fresh()


def test_somebody_who_changes_the_code_serves_the_sources(command: Command, settings: Settings, tmp_path: Path):
    settings.DEBUG = True

    command("setup")

    assert not (tmp_path / "static").exists()
