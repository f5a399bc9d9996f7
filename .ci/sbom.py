"""Write what the studio consists of as a CycloneDX document (JSON): the pinned packages that it runs with, and the browser files in its tree, each with hashes.

    .ci/sbom.py FILE

The same tree gives the same bytes: no time, no random number, and no address of a registry. What only tests and builds need is left out.
"""

import base64
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENT = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)((?:.*\\\n)*.*)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def packages(requirements: str) -> Iterator[Component]:
    """A component for each pin, with the hashes of all archives that may be installed for it."""
    for name, version, rest in REQUIREMENT.findall(requirements):
        usual = re.sub(r"[-_.]+", "-", name).lower()
        yield Component(
            type=ComponentType.LIBRARY,
            name=usual,
            version=version,
            bom_ref=f"pkg:pypi/{usual}@{version}",
            purl=PackageURL("pypi", name=usual, version=version),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in HASH.findall(rest)],
        )


def vendored(lock: dict[str, dict[str, Any]]) -> Iterator[Component]:
    """A component for each package of browser files that the studio serves, with a component for each of its files."""
    for name, package in lock.items():
        files = {path: file for path, file in package["files"].items() if path.startswith("static/")}
        if files:
            scope, _, plain = name.rpartition("/")
            purl = PackageURL("npm", scope or None, plain, package["version"])
            yield Component(
                type=ComponentType.LIBRARY,
                name=plain,
                group=scope or None,
                version=package["version"],
                bom_ref=purl.to_string(),
                purl=purl,
                licenses=[LicenseExpression(package["license"])],
                hashes=[hashed(package["integrity"])],
                components=[
                    Component(type=ComponentType.FILE, name=path, bom_ref=f"file:{path}", hashes=[hashed(file["sri"])])
                    for path, file in files.items()
                ],
            )


def hashed(sri: str) -> HashType:
    """A hash as browsers and npm write it (sha384-…), as CycloneDX has it."""
    kind, _, value = sri.partition("-")
    return HashType(alg=HashAlgorithm[f"SHA_{kind.removeprefix('sha')}"], content=base64.b64decode(value).hex())


def document(root: Path) -> str:
    """The document of the tree in this folder."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    bom = Bom()
    bom.metadata.component = Component(type=ComponentType.APPLICATION, name=project["name"], version=project["version"], bom_ref=project["name"])
    parts = [
        *packages((root / ".ci/requirements/app.txt").read_text()),
        *vendored(json.loads((root / ".ci/vendor.lock.json").read_text())),
    ]
    bom.components.update(parts)
    bom.register_dependency(bom.metadata.component, parts)
    written = json.loads(JsonV1Dot6(bom).output_as_string())
    del written["metadata"]["timestamp"], written["serialNumber"]
    written["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(written, sort_keys=True)).urn
    return json.dumps(written, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(ROOT))
