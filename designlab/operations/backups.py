"""Backup and restore of a whole installation: the database and the files that its rows name.

Work may go on while a backup is made. Files are only ever added or deleted, never changed; so every file there is gets
a second name first, which deletion does not take away, then the database is copied, then the files that came
meanwhile are held too. What the rows of the copy name is then at hand.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from designlab.campaigns.models import Run
from designlab.operations import databases, stored
from designlab.operations.archive import Manifest, Member, Refused, digest_of, unpack_checked, write
from designlab.rounds.models import Search
from designlab.version import VERSION, revision

TRIES = 5
MADE_BY_MIGRATION = {"contenttypes.ContentType", "auth.Permission", "sessions.Session"}


def make(path: Path) -> Manifest:
    """Write a backup to a file that is not there yet. Raises Refused; `faults` of the manifest tell what is damaged."""
    if path.exists():
        raise Refused(f"{path} is there already; name a new file.")
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {path.parent}.")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with _folder("backup") as scratch:
            manifest, held = _snapshot(scratch)
            write(unfinished, manifest, scratch / "database", held)
        path.hardlink_to(unfinished)  # never over a file that came meanwhile
    except FileExistsError as problem:
        raise Refused(f"{path} is there already; name a new file.") from problem
    except databases.Failed as problem:
        raise Refused(str(problem)) from problem
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


@contextmanager
def _folder(purpose: str) -> Iterator[Path]:
    """An empty folder beside the storage, on the same disk, that goes away afterwards."""
    settings.VAR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{purpose}-", dir=settings.VAR) as name:
        yield Path(name)


def _snapshot(scratch: Path) -> tuple[Manifest, dict[str, Path]]:
    """The manifest, and where each of its files is held. Tried again when a file was gone before it could be held."""
    for attempt in range(1, TRIES + 1):
        held: dict[str, Path] = {}
        database = scratch / "database"
        database.unlink(missing_ok=True)
        _hold(held, scratch / f"files-{attempt}")
        with databases.copied(database) as using:
            _hold(held, scratch / f"files-{attempt}")
            named = {one.name: one for one in stored.named_files(using)}
            manifest = _manifest(using, database, named, held)
        gone = [one for one in named.values() if one.name not in held]
        if attempt == TRIES or all(one.still_named() for one in gone):
            return manifest, held
    raise AssertionError("unreachable")


def _hold(held: dict[str, Path], folder: Path) -> None:
    """Give every stored file a second name in the folder, or a copy where storage is on another disk or no disk."""
    for name in stored.stored_files():
        if name in held:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            try:
                target.hardlink_to(default_storage.path(name))
            except (OSError, NotImplementedError):
                with default_storage.open(name, "rb") as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
            continue
        held[name] = target


def _manifest(using: str, database: Path, named: dict[str, stored.Named], held: dict[str, Path]) -> Manifest:
    files, faults = [], []
    for name, one in sorted(named.items()):
        if name not in held:
            faults.append(f"{name}, {one.whose}, is missing from storage and therefore from the backup.")
            continue
        files.append(digest_of(held[name], name))
        if one.sha256 and files[-1].sha256 != one.sha256:
            faults.append(f"{name}, {one.whose}, was changed since it was written; the backup holds the changed file.")
    return Manifest(
        version=VERSION, revision=revision(), made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        engine=databases.engine(), migrations=_applied(using), database=digest_of(database, "database"), files=files,
        rows=_rows(using), faults=faults,
    )  # fmt: skip


def _applied(using: str) -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connections[using]).applied_migrations())


def _rows(using: str) -> dict[str, int]:
    return {model._meta.label: model._base_manager.using(using).count() for model in apps.get_models()}


# -- restore ----------------------------------------------------------------------------------------------


def restore(path: Path) -> tuple[Manifest, list[str]]:
    """Fill an empty installation from a backup; returns its manifest and the migrations that are to be run.

    Raises Refused, and changes nothing, when the installation holds anything, when the backup was changed, or when it
    was made by a newer DesignLab or on another database.
    """
    _refuse_unless_empty()
    with _folder("restore") as scratch:
        manifest = unpack_checked(path, scratch)
        known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
        _refuse_unless_fitting(manifest, known)
        written: list[str] = []
        try:
            for one in manifest.files:  # told one by one, so that a failure half way takes away what was written
                written.append(_bring_back(scratch / "files" / one.name, one))  # noqa: PERF401 - a failure half way
            databases.bring_back(scratch / "database")
        except databases.Failed as problem:
            _take_away(written)
            raise Refused(f"{problem} Nothing was restored.") from problem
        except BaseException:
            _take_away(written)
            raise
    if _rows_differ(manifest):
        raise Refused("The restored database does not hold the rows that the manifest counts; do not use it.")
    _free_leases()
    return manifest, sorted(known - set(manifest.migrations))


def _refuse_unless_empty() -> None:
    for name in stored.stored_files():
        raise Refused(f"The storage is not empty: it holds {name}. A backup is restored into a new installation only.")
    for model in apps.get_models():
        if model._meta.label in MADE_BY_MIGRATION:
            continue
        try:
            filled = model._base_manager.exists()
        except DatabaseError:  # the table is not there yet
            connections["default"].close()
            continue
        if filled:
            words = f"The database is not empty: it holds {model._meta.verbose_name_plural}."
            raise Refused(f"{words} A backup is restored into a new installation only.")


def _refuse_unless_fitting(manifest: Manifest, known: set[str]) -> None:
    if manifest.engine != databases.engine():
        raise Refused(f"The backup is of a {manifest.engine} database; this installation uses {databases.engine()}.")
    if newer := sorted(set(manifest.migrations) - known):
        raise Refused(
            f"The backup was made by DesignLab {manifest.version} ({manifest.revision}), which is newer than this one "
            f"({VERSION}): it knows {newer[0]}. Install that version first."
        )


class _Staged(File):
    """A file on the disk of the storage, which moves it instead of copying it."""

    def temporary_file_path(self) -> str:
        """Where it lies."""
        return str(self.file.name)


def _bring_back(path: Path, one: Member) -> str:
    with path.open("rb") as file:
        name = default_storage.save(one.name, _Staged(file, name=str(path)))
    if name != one.name:
        default_storage.delete(name)
        raise Refused(f"{one.name} could not be stored under its name; is something else writing to the storage?")
    return name


def _take_away(written: list[str]) -> None:
    for name in written:
        default_storage.delete(name)


def _rows_differ(manifest: Manifest) -> bool:
    """Tables that came with later migrations are not there yet, and so not counted."""
    for model in apps.get_models():
        expected = manifest.rows.get(model._meta.label)
        if expected is None:
            continue
        table = connections["default"].ops.quote_name(model._meta.db_table)
        with connections["default"].cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - the name is a model's
            if cursor.fetchone() != (expected,):
                return True
    return False


def _free_leases() -> None:
    """No worker of the old installation works here: what was being trained is taken up at once, and is no death."""
    for model in (Run, Search):
        model._base_manager.exclude(lease_owner="").update(lease_owner="", enqueued_at=None)
