"""Third-party browser files, pinned without a Node build.

    python .ci/vendor.py            fetch what vendor.toml names (with `npm pack`), write the files and vendor.lock.json
    python .ci/vendor.py --check    no network, no Node: the files in the tree are exactly the locked ones

The archive must match its own integrity value and, for an unchanged version, the one in the lock. Only the named files are taken.
No registry is named here: npm's own settings choose it.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SPEC, LOCK = ROOT / ".ci/vendor.toml", ROOT / ".ci/vendor.lock.json"
SPRITE = "icons.svg"

Package = dict[str, Any]


class NotAsLocked(Exception):
    """An archive or a file is not what it should be."""


def digest(data: bytes, name: str = "sha384") -> str:
    """The data's hash as browsers write it: sha384-…"""
    return f"{name}-" + base64.b64encode(hashlib.new(name, data).digest()).decode()


def pack(package: str, version: str, folder: Path) -> tuple[Path, str]:
    """The package's archive, checked against its own integrity value, and that value."""
    command = ["npm", "pack", f"{package}@{version}", "--json", "--ignore-scripts", "--pack-destination", str(folder)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own words
    info = told[0] if isinstance(told, list) else next(iter(told.values()))
    archive = folder / info["filename"]
    if digest(archive.read_bytes(), "sha512") != info["integrity"]:
        raise NotAsLocked(f"{package}@{version}: the archive does not match its own integrity value")
    return archive, info["integrity"]


def sprite(icons: dict[str, str]) -> str:
    """One SVG file with a symbol for each icon; `use` takes them by name."""
    symbols = []
    for name, svg in sorted(icons.items()):
        drawing = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
        if drawing is None:
            raise NotAsLocked(f"{name}.svg: not an SVG")
        shapes = " ".join(drawing[1].split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n<!-- Lucide icons, see ICONS-LICENSE -->\n' + "\n".join(symbols) + "\n</svg>\n"


def read(tar: tarfile.TarFile, name: str) -> bytes:
    """One file of a package."""
    member = tar.extractfile(f"package/{name}")
    if member is None:
        raise NotAsLocked(f"{name}: not a file in the archive")
    return member.read()


def unpack(archive: Path, want: Package) -> dict[str, bytes]:
    """The wanted files of an archive: name in the tree → bytes."""
    with tarfile.open(archive) as tar:
        files = {target: read(tar, source) for source, target in want["files"].items()}
        if "icons" in want:
            files[SPRITE] = sprite({name: read(tar, f"icons/{name}.svg").decode() for name in want["icons"]}).encode()
    return {f"{want['into']}/{target}": data for target, data in files.items()}


def fetch() -> str:
    """Write every file and the lock."""
    spec: dict[str, Package] = tomllib.loads(SPEC.read_text())["package"]
    before: dict[str, Package] = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    lock: dict[str, Package] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package, want in spec.items():
            archive, integrity = pack(package, want["version"], Path(folder))
            was = before.get(package, {})
            if was.get("version") == want["version"] and was["integrity"] != integrity:
                raise NotAsLocked(f"{package}@{want['version']}: same version, different archive than in the lock file")
            files = unpack(archive, want)
            for name, data in files.items():
                (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
                (ROOT / name).write_bytes(data)
            sums = {name: {"sri": digest(data), "bytes": len(data)} for name, data in files.items()}
            lock[package] = {"version": want["version"], "license": want["license"], "integrity": integrity, "files": sums}
    LOCK.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")
    return f"{sum(len(package['files']) for package in lock.values())} files from {len(lock)} packages"


def problems() -> list[str]:
    """What differs between vendor.toml, the lock and the tree, in plain words; empty when all is well."""
    spec: dict[str, Package] = tomllib.loads(SPEC.read_text())["package"]
    lock: dict[str, Package] = json.loads(LOCK.read_text())
    found = []
    if {name: want["version"] for name, want in spec.items()} != {name: have["version"] for name, have in lock.items()}:
        found.append("vendor.toml and vendor.lock.json name different versions")
    known = {name: sums for have in lock.values() for name, sums in have["files"].items()}
    for name, sums in known.items():
        path = ROOT / name
        if not path.is_file() or digest(path.read_bytes()) != sums["sri"]:
            found.append(f"{name}: missing or changed")
    for folder in ("static/vendor", "tests/vendor"):
        tree = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}
        found += [f"{name}: not in the lock file" for name in sorted(tree - set(known))]
    icons = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/img" / SPRITE).read_text()))
    if icons != set(spec["lucide-static"]["icons"]):
        found.append("vendor.toml and the sprite name different icons")
    return found


def main() -> int:
    """Fetch, or check; the exit status."""
    if "--check" in sys.argv:
        found = problems()
        sys.stdout.write(("\n".join(found) or "vendored files match the lock") + "\n")
        return bool(found)
    sys.stdout.write(fetch() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
