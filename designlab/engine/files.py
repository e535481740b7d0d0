"""Folders of the library, kept as one file each in the product's storage, checked by digest when they come back."""

import hashlib
import shutil
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from designlab.engine.errors import Refused

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same folder gives the same bytes whenever it is packed


@contextmanager
def working_folder() -> Iterator[Path]:
    """An empty folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="designlab-") as name:
        yield Path(name)


def sha256_of(path: Path) -> str:
    """The file's SHA-256 as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def store(folder: Path, prefix: str) -> tuple[str, str]:
    """Pack a folder into storage under a name of its own; returns that name and the digest.

    A name is used once, and a row points to it only after the write, so a reader never meets half a file.
    """
    with working_folder() as scratch:
        packed = scratch / "packed.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
                with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)
        with packed.open("rb") as file:
            name = default_storage.save(f"{prefix}-{uuid.uuid4().hex}.zip", File(file))
        return name, sha256_of(packed)


def unpack(name: str, sha256: str, folder: Path) -> None:
    """Bring a packed folder back. Raises Refused when the file is gone or its digest differs."""
    with working_folder() as scratch:
        packed = scratch / "packed.zip"
        try:
            with default_storage.open(name, "rb") as source, packed.open("wb") as target:
                shutil.copyfileobj(source, target)
        except FileNotFoundError as problem:
            raise Refused(f"The stored file {name} is missing; restore it from a backup.") from problem
        if sha256_of(packed) != sha256:
            raise Refused(f"The stored file {name} was changed since it was written; restore it from a backup.")
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)


def cached(name: str, sha256: str) -> Path:
    """A packed folder unpacked once on this machine and kept by its digest; never written to afterwards."""
    kept = settings.VAR / "cache" / sha256
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=kept.parent))
    try:
        unpack(name, sha256, fresh)
        fresh.rename(kept)
    except OSError:
        if not kept.is_dir():  # another process may have been quicker
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return kept
