"""Who on this machine may read our files: the user that the studio runs as, and nobody else.

One exception: a web server that sends the stored files itself reads them as a member of STUDIO_FILE_GROUP. Only the storage's folder is open to that
group; of the data folder it may only pass through. Knows no Django.
"""

import grp
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
SHARED_FILE, SHARED_FOLDER = 0o640, 0o2750  # set-group-ID: what is made inside belongs to the group too
PASSABLE_FOLDER = 0o710
DATABASE_PARTS = ("", "-wal", "-shm", "-journal")
# What the studio keeps in its data folder. A folder that holds anything else may be somebody else's too.
OURS = frozenset(
    {
        "secret_key",
        "field_keys",
        "port",
        "run.lock",
        "media",
        "sandbox",
        "static",
        "temporary",
        "decoding",
        "arriving",
        "authorities.pem",
        "lost+found",
    }
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where our files are. `database` and `stored` are None where they are not on this machine; `group` is None without STUDIO_FILE_GROUP."""

    data: Path
    database: Path | None
    stored: Path | None
    group: int | None = None

    def mode(self, path: Path) -> int:
        """The mode that this file or folder of ours should have."""
        is_folder = path.is_dir()
        if self.group is not None and self.stored is not None:
            if path == self.stored or self.stored in path.parents:
                return SHARED_FOLDER if is_folder else SHARED_FILE
            if is_folder and path in self.stored.parents:
                return PASSABLE_FOLDER
        return PRIVATE_FOLDER if is_folder else PRIVATE_FILE


def tighten(places: Places) -> None:
    """Close what an earlier version, or another umask, left open. Changes only what belongs to us, and no folder that others may use too."""
    for path in _roots(places):
        if _is_ours_to_change(path):
            _close(path, places)
    if places.group is not None and places.stored is not None:
        for path in (places.stored, *_below(places.stored)):
            if _is_ours_to_change(path):
                _close(path, places)


def exposed(places: Places, *, most: int) -> list[Path]:
    """The first `most` of our files and folders that others can reach and read, or that the group can which should not."""
    found: list[Path] = []
    for root in _roots(places):
        for path in _reachable(root, places):
            if len(found) == most:
                return found
            if path not in found:
                found.append(path)
    return found


def closed_to_group(places: Places) -> list[Path]:
    """The folders on the way to the stored files, themselves included, that the group should be let into and is not."""
    if places.group is None or places.stored is None:
        return []
    way = [path for path in (places.stored, *places.stored.parents) if path in (places.stored, places.data) or places.data in path.parents]
    return [path for path in way if path.is_dir() and not _lets_in(path, places)]


def group_id(name: str) -> int | None:
    """The number of a group of this machine, by its name or number; None where there is none of this name."""
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def may_use(group: int) -> bool:
    """Whether we may give files to this group."""
    return os.geteuid() == 0 or group == os.getegid() or group in os.getgroups()


def make_folders(path: Path, *, up_to: Path, group: int | None) -> None:
    """Make a folder below `up_to` and all above it. With a group each belongs to it; a umask is never changed, since other threads write meanwhile."""
    if path.is_dir():
        return
    if path != up_to:
        make_folders(path.parent, up_to=up_to, group=group)
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    if group is not None:
        os.chown(path, -1, group)
        path.chmod(SHARED_FOLDER)


def share(file: Path, group: int) -> None:
    """Let the members of a group read a stored file."""
    os.chown(file, -1, group)  # one that was moved here kept its group
    file.chmod(SHARED_FILE)


def _roots(places: Places) -> Iterator[Path]:
    """The data folder, what is in it, the database's files and the storage's folder, each if it is there."""
    if places.data.is_dir():
        if _holds_only_ours(places):
            yield places.data
        yield from sorted(path for path in places.data.iterdir() if not path.is_symlink())
    elsewhere = [Path(f"{places.database}{part}") for part in DATABASE_PARTS] if places.database else []
    elsewhere += [places.stored] if places.stored else []
    yield from (path for path in elsewhere if places.data not in path.parents and path.exists())


def _holds_only_ours(places: Places) -> bool:
    """Whether the data folder has nothing but what the studio keeps there."""
    database = places.database.name if places.database and places.database.parent == places.data else "studio.sqlite3"
    known = OURS | {f"{database}{part}" for part in DATABASE_PARTS}
    return all(path.name in known or path.name.startswith("cluster-") for path in places.data.iterdir())


def _is_ours_to_change(path: Path) -> bool:
    return not path.is_symlink() and path.exists() and path.stat().st_uid == os.geteuid()


def _lets_in(folder: Path, places: Places) -> bool:
    now, wanted = folder.stat(), places.mode(folder) & stat.S_IRWXG
    return now.st_gid == places.group and now.st_mode & wanted == wanted


def _close(path: Path, places: Places) -> None:
    """Take from others what they should not have, and give the group what it should. What its owner may do stays."""
    wanted, now = places.mode(path), path.stat()
    if wanted & OTHERS and places.group is not None and now.st_gid != places.group:
        os.chown(path, -1, places.group)
    mode = stat.S_IMODE(now.st_mode) & ~OTHERS | wanted & (OTHERS | stat.S_ISGID)
    if mode != stat.S_IMODE(path.stat().st_mode):
        path.chmod(mode)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else ():
        yield path
        yield from _below(path)


def _reachable(path: Path, places: Places) -> Iterator[Path]:
    """The path and what is below it, as far as others may read it. What is in a folder that they cannot enter is closed, whatever its own mode."""
    if path.is_symlink() or not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS & ~places.mode(path):
        yield path
    elif not mode & (stat.S_IXGRP | stat.S_IXOTH):
        return
    if path.is_dir() and os.access(path, os.R_OK | os.X_OK):
        for inside in sorted(path.iterdir()):
            yield from _reachable(inside, places)
