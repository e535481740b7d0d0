"""The form of a backup: one tar with a manifest, the database and the stored files, each with its digest."""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST, DATABASE, FILES = "manifest.json", "database", "files/"
MANIFEST_MAX = 1 << 30
CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """A backup cannot be made or used; the message says why."""


@dataclass(frozen=True)
class Member:
    """One file of a backup."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    version: str
    revision: str
    made_at: str
    engine: str
    migrations: list[str]
    database: Member
    files: list[Member]
    rows: dict[str, int]
    faults: list[str] = field(default_factory=list)
    format: int = FORMAT


def write(path: Path, manifest: Manifest, database: Path, held: dict[str, Path]) -> None:
    """Write a backup; `held` says where each file of the manifest lies."""
    told = json.dumps(asdict(manifest), indent=1).encode()
    with path.open("xb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        path.chmod(0o600)  # it holds everything that the installation holds
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(told), 0o600
        tar.addfile(entry, io.BytesIO(told))
        _add(tar, DATABASE, database, manifest.database.size)
        for one in manifest.files:
            _add(tar, FILES + one.name, held[one.name], one.size)


def _add(tar: tarfile.TarFile, name: str, path: Path, size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(path.stat().st_mtime)
    with path.open("rb") as file:
        tar.addfile(entry, file)


def digest_of(path: Path, name: str) -> Member:
    """A file as the manifest names it."""
    with path.open("rb") as file:
        return Member(name, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def unpack_checked(path: Path, to: Path) -> Manifest:
    """Unpack a backup into an empty folder, every file held against its digest. Raises Refused.

    Nothing but what the manifest names is taken; a file that is missing, changed, too much or no file refuses it all.
    """
    try:
        with tarfile.open(path, mode="r:") as tar:
            members = iter(tar)
            manifest = _read_manifest(tar, next(members, None))
            wanted = {FILES + one.name: one for one in manifest.files} | {DATABASE: manifest.database}
            for entry in members:
                _take(tar, entry, wanted, to)
    except FileNotFoundError as problem:
        raise Refused(f"There is no file {path}.") from problem
    except (tarfile.TarError, EOFError) as problem:
        raise Refused(f"{path} is no backup, or its end is missing; it cannot be read as a tar file.") from problem
    if wanted:
        raise Refused(f"The backup lacks {next(iter(wanted))} and {len(wanted) - 1} more files that it names.")
    return manifest


def _take(tar: tarfile.TarFile, entry: tarfile.TarInfo, wanted: dict[str, Member], to: Path) -> None:
    one = wanted.pop(entry.name, None)
    if one is None or not entry.isreg() or entry.issparse():
        raise Refused(f"The backup holds {entry.name[:200]!r}, which its manifest does not name; it was changed.")
    if entry.size != one.size:
        raise Refused(f"{entry.name} in the backup does not have the size that its manifest states; it was changed.")
    target, digest = to / entry.name, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(entry)
    assert source is not None
    with target.open("xb") as out:
        while piece := source.read(CHUNK):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != one.sha256:
        raise Refused(f"{entry.name} in the backup does not have the digest that its manifest states; it was changed.")


def _read_manifest(tar: tarfile.TarFile, entry: tarfile.TarInfo | None) -> Manifest:
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > MANIFEST_MAX:
        raise Refused("This is no backup of DesignLab: it does not begin with a manifest.")
    source = tar.extractfile(entry)
    assert source is not None
    try:
        raw = json.loads(source.read())
        if raw.get("format") != FORMAT:
            raise Refused(f"The backup has format {raw.get('format')!r:.20}; this DesignLab reads format {FORMAT}.")
        files = [_member(one) for one in raw["files"]]
        manifest = Manifest(**raw | {"files": files, "database": _member(raw["database"])})
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise Refused("The manifest of the backup cannot be read; the file was changed.") from problem
    for one in _repeated([one.name for one in files]):
        raise Refused(f"The manifest names {one} twice; the file was changed.")
    return manifest


def _member(raw: dict[str, Any]) -> Member:
    one = Member(**raw)
    parts = one.name.split("/")
    if not one.name or "\\" in one.name or "\0" in one.name or any(part in ("", ".", "..") for part in parts):
        raise Refused(f"The manifest names {one.name[:200]!r}, which is no name of a stored file.")
    if not _DIGEST.fullmatch(one.sha256) or not isinstance(one.size, int):
        raise Refused(f"The manifest states no digest for {one.name[:200]}.")
    return one


def _repeated(names: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
