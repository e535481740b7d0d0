"""What a worker does with a file, from storage and back: look into it, import it. Returns the fields to write."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.core.files import File
from django.core.files.storage import default_storage

from designlab.datasets import curated
from designlab.datasets import mapping as answers
from designlab.datasets.child import import_in_child, inspect_in_child
from designlab.datasets.errors import ImportRefused
from designlab.datasets.histogram import histogram
from designlab.datasets.models import DataSet
from designlab.engine import chemistry
from designlab.engine.files import sha256_of

N_MEASURED = 5_000
PROPERTIES = (("molecular_weight", "Molecular weight", "Da"), ("logp", "Computed logP", ""))


@contextmanager
def _copied(dataset: DataSet) -> Iterator[Path]:
    """The original in a folder of its own that goes away afterwards; the child reads plain files only."""
    with tempfile.TemporaryDirectory(prefix="designlab-file-") as folder:
        path = Path(folder) / "original"
        try:
            with default_storage.open(dataset.original.name, "rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        except FileNotFoundError as problem:
            words = "The uploaded file is missing from the storage; upload it again, or restore it from a backup."
            raise ImportRefused(words, code="missing") from problem
        yield path


def inspect(dataset: DataSet) -> dict[str, Any]:
    """What an uploaded file seems to be, or why it is refused."""
    try:
        with _copied(dataset) as path:
            told = dataset.mapping
            found = inspect_in_child(path, header=told.get("header"), sheet=told.get("sheet", ""))
    except ImportRefused as refusal:
        return {"status": DataSet.Status.REFUSED, "message": str(refusal), "inspection": {}}
    if dataset.previous is not None:  # what was answered for the earlier version is not asked again
        found["mapping"] = answers.as_before(found, dataset.previous.mapping)
    return {"status": DataSet.Status.ASKING, "message": "", "inspection": found, "mapping": {}}


def import_file(dataset: DataSet, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Import a file as its mapping says: the curated table and the receipt, or back to the questions with a reason."""
    try:
        with _copied(dataset) as path:
            out = path.parent / "out"
            receipt = import_in_child(path, dataset.mapping, out, on_progress=tell)
            return _kept(dataset, receipt, out)
    except ImportRefused as refusal:
        return {"status": DataSet.Status.ASKING, "message": str(refusal), "receipt": {}}


def _kept(dataset: DataSet, receipt: dict[str, Any], out: Path) -> dict[str, Any]:
    files = receipt.pop("files")
    labels = _labels(receipt["labels"], dataset.mapping)
    table = pq.read_table(out / files["table"])
    kind = dataset.mapping.get("kind") or DataSet.Kind.MOLECULE
    receipt["standardisation"] = chemistry.standardisation_version(kind)
    receipt |= {"figures": _figures(table, labels, kind), "disagreements": curated.disagreements(table, labels)}
    digests = {what: sha256_of(out / name) for what, name in files.items()}
    folder = f"{Path(dataset.original.name).parent.as_posix()}/{uuid.uuid4().hex[:8]}"
    stored = {what: _store(out / name, f"{folder}/{name}") for what, name in files.items()}
    return {
        "status": DataSet.Status.READY,
        "message": "",
        "receipt": receipt | {"stored": stored, "digests": digests},
        "labels": labels,
        "n_structures": table.num_rows,
        "kind": kind,
        "standardisation": receipt["standardisation"],
        "table": stored["table"],
        "table_sha256": digests["table"],
        "rejected": stored["rejected"],
    }


def _store(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return default_storage.save(name, File(file))


def _labels(described: list[dict[str, Any]], mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """The labels as campaigns refer to them: name, columns of the table, kind, unit, direction, range.

    The direction is that of the kept values: a low IC50 is good, and so is a high pIC50.
    """
    directions = {row["column"]: row.get("direction", "") for row in mapping["labels"]}
    kept = ("name", "column", "relation", "source", "kind", "classes", "unit", "scale", "n_values", "n_bounds", "min",
            "max", "mean", "binary")  # fmt: skip
    flipped = {"high": "low", "low": "high", "": ""}
    labels = []
    for row in described:
        direction = directions.get(row["source"], "")
        labels.append(
            {key: row[key] for key in kept} | {"direction": flipped[direction] if row["scale"] else direction}
        )
    return labels


def _figures(table: pa.Table, labels: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Histograms of the labels, and of a few properties of at most a few thousand compounds, evenly spaced."""
    figures = []
    for label in labels:
        measured = table.filter(pc.equal(table[label["relation"]], "="))[label["column"]].to_pylist()
        figures.append({"title": label["name"], "histogram": histogram(measured, unit=label["unit"])})
    texts = table["smiles"].to_pylist()
    measured = texts[:: max(1, -(-len(texts) // N_MEASURED))]
    if kind == DataSet.Kind.MOLECULE:
        values = chemistry.properties(measured, [name for name, _, _ in PROPERTIES])
        figures += [
            {"title": title, "histogram": histogram(values[name], unit=unit)} for name, title, unit in PROPERTIES
        ]
    else:
        figures.append(
            {"title": "Length", "histogram": histogram([float(len(text)) for text in measured], unit="letters")}
        )
    return [figure for figure in figures if figure["histogram"]]


def forget(found: dict[str, Any]) -> None:
    """Remove the files of an import that came too late."""
    for name in found.get("receipt", {}).get("stored", {}).values():
        default_storage.delete(name)
