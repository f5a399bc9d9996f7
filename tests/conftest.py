"""The cast, and the world's edges.

Alice makes, Bob is her team mate, Carol may only look, Dave manages credits, Mallory must see nothing, Ada is the admin.
"""

import gc
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from django.db import connection as database
from django.test import Client
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from tests.installation import with_tables
from tests.long_run import load_hypothesis_profile

pytest_plugins = ["tests.report"]
load_hypothesis_profile()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The stress tests take longest, so every process begins with some of them: xdist cuts the list into as many parts as it has processes."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    long_ones = [item for item in items if item.nodeid.startswith("tests/stress/")]
    others = iter([item for item in items if not item.nodeid.startswith("tests/stress/")])
    size = -(-len(items) // processes)
    shares = [long_ones[first::processes] for first in range(processes)]
    items[:] = [item for share in shares for item in (*share, *islice(others, size - len(share)))]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through what was imported and collected: it stays until the end.

    Saves a twelfth of the processor's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Whether pytest-django takes the database as it lies there: on SQLite it is the copy that the next fixture lays."""
    return database.vendor == "sqlite"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The tests' database begins as a copy of one in which the migrations have run: they take longer than most files of tests."""
    test = database.settings_dict["TEST"]
    if database.vendor == "postgresql":
        test["TEMPLATE"] = with_tables(os.environ["STUDIO_DATABASE_URL"])
        yield
        return
    file = Path(test["NAME"])
    shutil.copyfile(with_tables(""), file)
    yield
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, tmp_path: Path) -> None:
    """Files of a test stay in its own folder; passwords are hashed fast."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "media"}},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.CACHES = {
        name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": f"{tmp_path}{name}"} for name in ("default", "local")
    }


def person(email: str, *, role: str = "member") -> User:
    """Somebody with the password `correct horse`."""
    return User.objects.create_user(email, name=email.split("@", maxsplit=1)[0].capitalize(), password="correct horse", role=role)


@pytest.fixture
def alice(db: None) -> User:
    return person("alice@example.org")


@pytest.fixture
def bob(db: None) -> User:
    return person("bob@example.org")


@pytest.fixture
def carol(db: None) -> User:
    return person("carol@example.org")


@pytest.fixture
def dave(db: None) -> User:
    return person("dave@example.org", role="credit_manager")


@pytest.fixture
def ada(db: None) -> User:
    return person("ada@example.org", role="admin")


@pytest.fixture
def mallory(db: None) -> User:
    return person("mallory@example.org")


@pytest.fixture
def tide(alice: User, bob: User, carol: User) -> Project:
    """The project Tidewater: Alice makes, Bob owns, Carol looks."""
    project = Project.objects.create(code="TIDE", name="Tidewater", created_by=bob)
    for user, role in ((bob, "owner"), (alice, "maker"), (carol, "viewer")):
        Membership.objects.create(project=project, user=user, role=role)
    return project


@pytest.fixture
def xai(db: None) -> Connection:
    """A connection to the sandbox's xAI."""
    connection = Connection(provider="xai", label="xAI sandbox", sandbox=True)
    connection.set_key("sandbox-key-0001")
    connection.save()
    return connection


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def signed_in(user: User) -> Client:
    """A browser of this person's own."""
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def run_seed(request: pytest.FixtureRequest) -> int:
    """The run's seed, so that a sampled test covers another part each time and can be repeated."""
    seed = request.config.getoption("randomly_seed", 0)
    return seed if isinstance(seed, int) else 0
