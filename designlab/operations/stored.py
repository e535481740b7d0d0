"""Which files the rows name, and which lie in storage."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.files.storage import default_storage
from django.db.models import Model

from designlab.campaigns.models import Checkpoint, Run
from designlab.candidates import grouping, structure_index
from designlab.datasets.models import DataSet, PropertyModel
from designlab.rounds.models import Search

CHUNK = 1 << 20


@dataclass(frozen=True)
class Named:
    """A file that a row names, with the digest the row expects; empty where it keeps none."""

    name: str
    sha256: str
    row: type[Model]
    pk: int
    whose: str  # the row in words: "the table of data set 3"

    def still_named(self) -> bool:
        """Whether the row names it now: work goes on while files are looked at."""
        return any(other.name == self.name for other in _of(self.row, pk=self.pk))


def named_files(using: str = "default") -> Iterator[Named]:
    """Every file that a row of this database names. What a team named itself, a data set say, is not told."""
    for model in _READERS:
        yield from _of(model, using=using)


def _of(model: type[Model], using: str = "default", **which: int) -> Iterator[Named]:
    reader, fields = _READERS[model]
    rows = model._default_manager.using(using).filter(**which).order_by("pk").values("pk", *fields)
    for row in rows.iterator(chunk_size=500):
        for name, sha256, what in reader(row):
            if name:
                yield Named(name, sha256, model, row["pk"], what.format(row["pk"]))


def _dataset(row: dict) -> Iterator[tuple[str, str, str]]:
    yield row["original"], row["original_sha256"], "the uploaded file of data set {}"
    stored, digests = row["receipt"].get("stored", {}), row["receipt"].get("digests", {})
    yield row["table"], row["table_sha256"], "the table of data set {}"
    if row["rejected"] and row["rejected"] not in stored.values():
        yield row["rejected"], "", "the rejected rows of data set {}"
    for what, name in stored.items():
        if name != row["table"]:
            yield name, digests.get(what, ""), f"the {what} rows of data set {{}}"


def _model(row: dict) -> Iterator[tuple[str, str, str]]:
    yield row["archive"], row["archive_sha256"], "learned model {}"


def _checkpoint(row: dict) -> Iterator[tuple[str, str, str]]:
    yield row["file"], row["sha256"], f"the checkpoint of run {row['run_id']} at step {row['step']}"


def _search(row: dict) -> Iterator[tuple[str, str, str]]:
    yield row["state"], row["state_sha256"], "the state of search {}"


_READERS = {
    DataSet: (_dataset, ("original", "original_sha256", "table", "table_sha256", "rejected", "receipt")),
    PropertyModel: (_model, ("archive", "archive_sha256")),
    Checkpoint: (_checkpoint, ("run_id", "step", "file", "sha256")),
    Search: (_search, ("state", "state_sha256")),
}


def cache_folders(using: str = "default") -> set[str]:
    """Folders of what is made again when it is lost: prepared searches and groups of the runs there are."""
    runs = Run.objects.using(using).only("pk", "created_at")
    return {folder_of(run) for run in runs for folder_of in (structure_index.folder_of, grouping.folder_of)}


def stored_files(folder: str = "") -> Iterator[str]:
    """The names of all files in storage, in order."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    prefix = f"{folder}/" if folder else ""
    yield from (prefix + name for name in sorted(files))
    for inner in sorted(folders):
        yield from stored_files(prefix + inner)


def digest_of(name: str) -> str:
    """The SHA-256 of a stored file. Raises FileNotFoundError."""
    digest = hashlib.sha256()
    with default_storage.open(name, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def written_at(name: str) -> datetime:
    """When a stored file was written. Raises FileNotFoundError."""
    return default_storage.get_modified_time(name)
