"""Files and folders of the studio are for its own user alone, whatever umask it is started with; stored files also for one group, where that is set."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from pytest_django.fixtures import Settings

from studio import file_modes
from studio.control.doctor import file_access, group_access, places
from studio.file_modes import Places
from studio.jobs.folder import Folder
from tests.control.test_settings import PRODUCTION, started
from tests.installation import installed, not_started

GROUP = os.getgid()


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """What is started here gets the usual umask of systems, which lets everybody read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


class MovedFile(File):  # type: ignore[type-arg]  # Django's stubs alone make it generic
    """A file that the storage moves instead of copying it, with its mode and group, as it does with a large upload."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def modes(folder: Path) -> dict[str, int]:
    """The mode of a folder and of everything in it, by name."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*")) if not path.is_socket()}


def opened(folder: Path) -> dict[str, str]:
    """What others may do something with."""
    return {name: f"{mode:o}" for name, mode in modes(folder).items() if mode & 0o077}


def made(folder: Path, *names: str) -> Path:
    """A folder with files (and folders, where a name ends in a slash) that everybody can read."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for name in names:
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("x")
    return folder


def test_everything_that_a_running_installation_makes_is_closed_to_other_users(tmp_path: Path):
    folder = made(tmp_path / "data")

    with installed(folder) as installation:
        installation.manage("smoke", "--connection", "xAI (sandbox)")
        installation.manage("backup", str(folder / "studio.tar"))
        installation.manage("credits", "export", "2026-01-01", "2026-12-31", "--to", str(folder / "entries.csv"))
        left_open = opened(folder)
        names = {path.name for path in folder.rglob("*")}

    assert left_open == {}
    assert {"secret_key", "field_keys", "studio.sqlite3", "media", "sandbox", "static", "temporary", "studio.tar", "entries.csv"} <= names
    assert list((folder / "media").rglob("*.mp4"))


def test_the_data_folder_is_made_for_its_owner_alone(tmp_path: Path):
    done = started(tmp_path / "new" / "data", "manage.py", "check", STUDIO_LOCAL="1")

    assert done.returncode == 0, done.stderr
    assert opened(tmp_path / "new") == {}


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "import studio.wsgi, os; print(f'{os.umask(0):o}')"],
        [sys.executable, "-c", "import studio.control.serving as served; print(f'{served.umask:o}')"],
        [sys.executable, "manage.py", "shell", "-c", "import os; print(f'{os.umask(0):o}')"],
    ],
    ids=["wsgi", "gunicorn", "manage.py"],
)
def test_whatever_starts_the_studio_it_makes_private_files(command: list[str], tmp_path: Path):
    done = started(tmp_path, *command[1:], STUDIO_LOCAL="1")

    assert done.stdout.split()[-1:] == ["77"], done.stderr


def test_setup_closes_what_an_earlier_version_left_open(tmp_path: Path):
    with not_started(made(tmp_path / "data", "secret_key", "media/clips/a.mp4", "sandbox/b.mp4", "temporary/")) as installation:
        (installation.folder / "secret_key").write_text("s" * 60)
        (installation.folder / "studio.sqlite3").chmod(0o644)

        installation.manage("setup")

        assert {name: mode for name, mode in modes(installation.folder).items() if "/" not in name and mode & 0o077} == {}


def test_a_folder_that_holds_other_things_too_is_left_as_it_is(tmp_path: Path):
    data = made(tmp_path / "home", "secret_key", "studio.sqlite3", "letters.txt")

    file_modes.tighten(Places(data, data / "studio.sqlite3", data / "media"))

    assert opened(data) == {".": "755"}  # its owner's other files were entered through it


def test_a_database_and_clips_elsewhere_are_closed_too(tmp_path: Path):
    data, other = made(tmp_path / "data"), made(tmp_path / "other", "studio.sqlite3", "studio.sqlite3-wal", "clips/a.mp4", "more.txt")

    file_modes.tighten(Places(data, other / "studio.sqlite3", other / "clips"))

    assert opened(other) == {".": "755", "more.txt": "644", "clips/a.mp4": "644"}  # which nobody reaches through its folder
    assert file_modes.exposed(Places(data, other / "studio.sqlite3", other / "clips"), most=10) == []


def test_links_lead_nowhere(tmp_path: Path):
    data, other = made(tmp_path / "data"), made(tmp_path / "other", "shared.txt")
    (data / "media").symlink_to(other)

    file_modes.tighten(Places(data, None, data / "media"))

    assert opened(other) == {".": "755", "shared.txt": "644"}


def test_the_doctor_names_what_others_can_read_and_how_to_close_it(settings: Settings, tmp_path: Path):
    settings.DATA_DIR = made(tmp_path / "data", "studio.sqlite3", "media/a.mp4", "backup.tar")
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"

    found = {finding.what: finding.mend for finding in file_access()}

    assert (
        found[f"Other users of this machine can read {settings.DATA_DIR}/studio.sqlite3."]
        == f"Close it: chmod 600 {settings.DATA_DIR}/studio.sqlite3"
    )
    assert found[f"Other users of this machine can read {settings.DATA_DIR}/media."] == f"Close it: chmod 700 {settings.DATA_DIR}/media"
    assert found[f"Other users of this machine can read {settings.DATA_DIR}/backup.tar."] == f"Close it: chmod 600 {settings.DATA_DIR}/backup.tar"


def test_the_doctor_has_nothing_to_say_about_a_closed_installation(settings: Settings, tmp_path: Path):
    settings.DATA_DIR = made(tmp_path / "data", "studio.sqlite3", "media/a.mp4")
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"

    file_modes.tighten(places())

    assert list(file_access()) == []


def test_a_group_may_read_the_stored_files_and_nothing_else(settings: Settings, tmp_path: Path):
    os.umask(file_modes.UMASK)
    data = tmp_path / "data"
    data.mkdir()
    (data / "secret_key").write_text("s")
    settings.FILE_GROUP = GROUP
    where = Places(data, None, data / "media", GROUP)

    Folder(location=data / "media").save("p/1/clip.mp4", ContentFile(b"film"))
    with NamedTemporaryFile(dir=tmp_path, delete=False) as written:
        written.write(b"png")
        written.flush()
        Folder(location=data / "media").save("p/2/big.png", MovedFile(written))
    file_modes.tighten(where)

    assert {name: f"{mode:o}" for name, mode in modes(data).items()} == {
        ".": "710",
        "secret_key": "600",
        "media": "2750",
        "media/p": "2750",
        "media/p/1": "2750",
        "media/p/1/clip.mp4": "640",
        "media/p/2": "2750",
        "media/p/2/big.png": "640",
    }
    assert file_modes.exposed(where, most=10) == []


def test_a_file_that_everybody_may_read_is_named_also_where_a_group_may(tmp_path: Path):
    data = made(tmp_path / "data", "media/a.mp4", "secret_key")
    where = Places(data, None, data / "media", GROUP)
    assert data / "media" / "a.mp4" in file_modes.exposed(where, most=10)

    file_modes.tighten(where)

    assert {name: f"{mode:o}" for name, mode in modes(data).items()} == {".": "710", "secret_key": "600", "media": "2750", "media/a.mp4": "640"}


def test_the_doctor_says_where_the_group_cannot_read_the_files(settings: Settings, tmp_path: Path):
    settings.DATA_DIR = made(tmp_path / "data", "media/p/a.mp4", "letters.txt")
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"
    settings.FILE_GROUP = GROUP
    settings.DATA_DIR.chmod(0o700)

    file_modes.tighten(places())

    assert [(finding.what, finding.mend) for finding in group_access()] == [
        (
            f"The group of STUDIO_FILE_GROUP cannot read {settings.DATA_DIR}, so the web server in front cannot send files.",
            f"Open it to that group alone: chgrp {GROUP} {settings.DATA_DIR} && chmod 710 {settings.DATA_DIR}",
        )
    ]
    settings.DATA_DIR.chmod(0o710)
    assert list(group_access()) == []


def test_nginx_without_a_group_is_refused_with_what_is_needed(tmp_path: Path):
    done = started(tmp_path, "manage.py", "check", **PRODUCTION, STUDIO_ACCEL_REDIRECT="/protected/")

    assert "STUDIO_ACCEL_REDIRECT needs STUDIO_FILE_GROUP" in done.stderr


def test_a_group_for_a_bucket_is_a_contradiction(tmp_path: Path):
    bucket = "s3://AKIA:s3cr3t@clips?region=eu-central-1"
    done = started(tmp_path, "manage.py", "check", **PRODUCTION, STUDIO_FILE_GROUP=str(GROUP), STUDIO_STORAGE_URL=bucket)

    assert "STUDIO_FILE_GROUP is for files in a folder" in done.stderr
