"""Renew the digests of the outside images in a compose file: what their tags mean now. Needs a network and Docker's buildx; no engine has to run.

    .ci/pin_images.py compose.yaml

A tag may be given to other bytes at any time, a digest may not. Only digests are changed; read the difference before it is committed.
"""

import re
import subprocess
import sys
from pathlib import Path

PINNED = re.compile(r"(?P<image>[\w./-]+:[\w.-]+)@(?P<digest>sha256:[0-9a-f]{64})")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(image: str) -> str:
    """What the tag of this image means now. Ends the command where the registry cannot be asked."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    found = done.stdout.strip()
    if done.returncode or not DIGEST.fullmatch(found):
        sys.exit(f"pin-images: {image} was not found: {done.stderr.strip() or found or 'no answer'}. Nothing was changed.")
    return found


def main(file: Path) -> None:
    """Write the file anew once every digest is known, and print what changed."""
    text = file.read_text()
    now = {image: digest_of(image) for image in sorted({match["image"] for match in PINNED.finditer(text)})}
    for match in PINNED.finditer(text):
        if now[match["image"]] != match["digest"]:
            print(f"{match['image']} {match['digest']} -> {now[match['image']]}")  # noqa: T201 - this command's output
    file.write_text(PINNED.sub(lambda match: f"{match['image']}@{now[match['image']]}", text))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
