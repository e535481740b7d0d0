"""Fetches the structure editor that search fields offer: OpenChemLib JS, one file of a pinned release (BSD-3-Clause).

    python requirements/structure_editor.py

The file goes into the environment of the Python that runs this, beside its licence, and is served from there. Where it
cannot be fetched everything else works, and structures are typed. `NPM_CONFIG_REGISTRY` names another npm registry.
"""

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

VERSION = "9.25.0"
SHA512 = "FGTaZLJRTGXNC7khx8QvX/EiQBHpH1ncUbT7YXDJhw/Y/aDUKe5WrUIqTguMEtSs3GUHcRUjNUhfkpxulx2UXw=="
WANTED = ("dist/openchemlib.js", "LICENSE")
LARGEST = 20_000_000  # bytes of the release
PATIENCE_S = 30
FOLDER = Path(sys.prefix) / "share" / "designlab" / "openchemlib"


class Unusable(Exception):
    """What came is not the release that is pinned."""


def fetch() -> bytes:
    """The release as it is published."""
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
    if not registry.startswith("https://"):
        raise Unusable(f"{registry} is no address that begins with https://")
    address = f"{registry}/openchemlib/-/openchemlib-{VERSION}.tgz"
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310 - https, see above
        return answer.read(LARGEST)


def unpack(release: bytes, folder: Path) -> None:
    """Put the wanted files of a release into a folder. Raises Unusable when it is not the pinned one."""
    if base64.b64encode(hashlib.sha512(release).digest()).decode() != SHA512:
        raise Unusable("the file that came is not the release that is pinned")
    with tarfile.open(fileobj=io.BytesIO(release)) as archive:
        contents = {name: archive.extractfile(f"package/{name}").read() for name in WANTED}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        part = folder / f"{Path(name).name}.part"
        part.write_bytes(content)
        part.replace(folder / Path(name).name)
    (folder / "VERSION").write_text(f"{VERSION}\n")


def main() -> None:
    """Fetch the editor unless the pinned one is there; a failure is told in a sentence and stops nothing."""
    there = FOLDER / "VERSION"
    if there.exists() and there.read_text().strip() == VERSION:
        return
    try:
        unpack(fetch(), FOLDER)
    except (Unusable, OSError, urllib.error.URLError, tarfile.TarError, KeyError) as problem:
        sys.stderr.write(
            f"The structure editor could not be fetched ({problem}). All else works, and structures can be typed; "
            "`make editor` tries again.\n"
        )


if __name__ == "__main__":
    main()
