"""From an uploaded table to curated compounds and a receipt that accounts for every row.

Pure: the chemistry comes in as a function, the files go out to a folder, nothing else is touched.
"""

import csv
import math
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from designlab.datasets import labels
from designlab.datasets.compounds import ACCEPTED, MERGED, REJECTED, Compounds, Entry
from designlab.datasets.errors import ImportRefused
from designlab.datasets.labels import Label, position_of
from designlab.datasets.reading import kind_of, open_table
from designlab.datasets.row import Row
from designlab.datasets.table import Dialect, Standardise, rows, with_header

CHUNK = 200
TABLE, ROWS, REJECTED_CSV, MERGED_CSV = "table.parquet", "rows.parquet", "rejected.csv", "merged.csv"
MAX_TEXT = 4_000  # of an original cell kept in the row ledger; the upload itself keeps all of it
MAX_DRAWING = 100_000  # a drawing is kept whole, for it is the only original there is
FEW = 20
SEQUENCES = ("dna", "rna", "peptide")

Progress = Callable[[int, int], None]
InOrder = Callable[[Iterator[list[str]], str], Iterator[list[dict[str, Any]]]]


def import_table(
    path: Path,
    mapping: dict[str, Any],
    out_folder: Path,
    standardise: Standardise,
    progress: Progress | None = None,
    in_order: InOrder | None = None,
) -> dict[str, Any]:
    """Standardise every row of a table, merge equal compounds, and write the curated files into `out_folder`.

    `mapping` has structure (column name), id (name or ""), labels (see `labels.from_mapping`) and header.
    `progress(done, total)` is called after each chunk of rows; `in_order(chunks, kind)` answers chunks of texts in
    their order, perhaps on several cores, and is `standardise` chunk by chunk when not given. Returns the receipt (see
    docs/data-sets.md); raises ImportRefused, leaving no file behind, when the table as a whole cannot be used.
    """
    path, out_folder = Path(path), Path(out_folder)
    sheet = str(mapping.get("sheet") or "")
    dialect = with_header(open_table(path, standardise, sheet), mapping.get("header"))
    columns = _Columns(dialect, mapping)
    n_rows = labels.check(path, dialect, columns.labels)
    if n_rows == 0:
        raise ImportRefused("The file has a header and no data rows.", code="no_rows")
    out_folder.mkdir(parents=True, exist_ok=True)
    try:
        in_order = in_order or (lambda chunks, kind: (standardise(chunk, kind) for chunk in chunks))
        return _import(path, dialect, columns, n_rows, out_folder, in_order, progress or (lambda done, total: None))
    except BaseException:
        remove_outputs(out_folder)
        raise


def remove_outputs(out_folder: Path) -> None:
    """Take away what an import that did not end well has written."""
    for name in (TABLE, ROWS, REJECTED_CSV, MERGED_CSV):
        (out_folder / name).unlink(missing_ok=True)


def _sequences(mapping: dict[str, Any]) -> str:
    kind = str(mapping.get("kind") or "")
    if kind not in ("", "molecule", *SEQUENCES):
        raise ImportRefused(f"There is no kind of sequence “{kind}”; known are {', '.join(SEQUENCES)}.", code="kind")
    return kind if kind in SEQUENCES else ""


class _Columns:
    def __init__(self, dialect: Dialect, mapping: dict[str, Any]) -> None:
        chosen = str(mapping.get("structure") or "")
        if not chosen:
            raise ImportRefused("No column was chosen for the structures.", code="no_structure")
        self.structure = position_of(chosen, dialect, "structure")
        self.kind = kind_of(dialect, dialect.names[self.structure], _sequences(mapping))
        identifier = str(mapping.get("id") or "")
        self.id = position_of(identifier, dialect, "id") if identifier else None
        self.labels = labels.from_mapping(list(mapping.get("labels") or []), dialect)


def _import(
    path: Path,
    dialect: Dialect,
    columns: _Columns,
    n_rows: int,
    out_folder: Path,
    in_order: InOrder,
    progress: Progress,
) -> dict[str, Any]:
    compounds = Compounds(len(columns.labels), [label.is_class for label in columns.labels])
    with _Ledger(out_folder, [label.name for label in columns.labels]) as ledger:
        done = 0
        for chunk, results in _standardised(rows(path, dialect), columns, in_order):
            for row, result in zip(chunk, results, strict=True):
                readings = [label.read(row.cells) for label in columns.labels]
                values, relations = [one.value for one in readings], [one.relation for one in readings]
                entry = compounds.add(row.line, result, values, relations)
                ledger.write(row, columns, entry, result, [*values, *relations])
            done += len(chunk)
            progress(done, n_rows)
    if not compounds.n_compounds:
        raise ImportRefused(
            _nothing_read(n_rows, ledger.first_rejected), code="no_structures", rejected=ledger.first_rejected
        )
    _write_table(out_folder, columns, compounds)
    return _receipt(dialect, columns, compounds, n_rows)


def _standardised(
    stream: Iterator[Row], columns: _Columns, in_order: InOrder
) -> Iterator[tuple[list[Row], list[dict[str, Any]]]]:
    """Chunks of rows with their results; each distinct text of a chunk is asked once, malformed rows never."""
    waiting: deque[tuple[list[Row], list[str]]] = deque()

    def texts() -> Iterator[list[str]]:
        while chunk := list(islice(stream, CHUNK)):
            distinct = list(dict.fromkeys(row.cells[columns.structure] for row in chunk if not row.problem))
            waiting.append((chunk, distinct))
            yield distinct

    for results in in_order(texts(), columns.kind):
        chunk, distinct = waiting.popleft()
        found = dict(zip(distinct, results, strict=True))
        yield chunk, [_result(row, found, columns) for row in chunk]


def _result(row: Row, found: dict[str, dict[str, Any]], columns: _Columns) -> dict[str, Any]:
    """What the chemistry said of a row's text, or that the row is malformed; records are called by their number."""
    if row.problem:
        result = {"ok": False, "code": "ragged", "message": row.problem, "steps": [], "flags": []}
    else:
        result = found[row.cells[columns.structure]]
    if row.number and not result["ok"]:
        return result | {"message": f"Record {row.number:,}: {result['message']}"}
    return result


def _nothing_read(n_rows: int, rejected: list[dict[str, Any]]) -> str:
    line, message = rejected[0]["line"], rejected[0]["message"]
    return f"None of the {n_rows:,} rows holds a structure that can be read. Line {line:,}: {message}"


class _Ledger:
    """One record for every row of the file, in order: what became of it and why."""

    def __init__(self, folder: Path, label_names: list[str]) -> None:
        self.folder, self.label_names = folder, label_names
        self.schema = pa.schema(
            [("line", pa.int64()), ("status", pa.string()), ("into_line", pa.int64()), ("code", pa.string()),
             ("reason", pa.string()), ("original", pa.string()), ("id", pa.string()), ("smiles", pa.string()),
             ("inchikey", pa.string()), ("steps", pa.string()), ("flags", pa.string()),
             *((f"label:{name}", pa.float64()) for name in label_names),
             *((f"label:{name}:relation", pa.string()) for name in label_names)]
        )  # fmt: skip
        self.waiting: list[list[Any]] = []
        self.first_rejected: list[dict[str, Any]] = []

    def __enter__(self) -> "_Ledger":
        self.parquet = pq.ParquetWriter(self.folder / ROWS, self.schema)
        self.rejected = (self.folder / REJECTED_CSV).open("w", newline="", encoding="utf-8")
        self.merged = (self.folder / MERGED_CSV).open("w", newline="", encoding="utf-8")
        self.rejected_rows, self.merged_rows = csv.writer(self.rejected), csv.writer(self.merged)
        self.rejected_rows.writerow(["line", "id", "original", "code", "reason"])
        self.merged_rows.writerow(["line", "id", "original", "smiles", "merged_into_line", "reason"])
        return self

    def __exit__(self, *error: object) -> None:
        self._flush()
        self.parquet.close()
        self.rejected.close()
        self.merged.close()

    def write(self, row: Row, columns: _Columns, entry: Entry, result: dict[str, Any], values: list[Any]) -> None:
        original = row.cells[columns.structure][: MAX_DRAWING if columns.kind == "molblock" else MAX_TEXT]
        name = row.cells[columns.id][:MAX_TEXT] if columns.id is not None else ""
        if entry.status == REJECTED:
            self.rejected_rows.writerow([row.line, escaped(name), escaped(original), entry.code, escaped(entry.reason)])
            if len(self.first_rejected) < 100:
                record = {"line": row.line, "original": original[:200], "code": entry.code, "message": entry.reason}
                self.first_rejected.append(record)
        elif entry.status == MERGED:
            smiles = escaped(result["smiles"])
            merged = [row.line, escaped(name), escaped(original), smiles, entry.into_line, entry.reason]
            self.merged_rows.writerow(merged)
        became = [row.line, entry.status, entry.into_line, entry.code, entry.reason]
        chemistry = [result.get("smiles", ""), result.get("inchikey", "")]
        history = ["; ".join(result["steps"]), "; ".join(result["flags"])]
        self.waiting.append([*became, original, name, *chemistry, *history, *values])
        if len(self.waiting) >= 10_000:
            self._flush()

    def _flush(self) -> None:
        if self.waiting:
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(zip(*self.waiting, strict=True), self.schema, strict=True)
            ]
            self.parquet.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
            self.waiting = []


def escaped(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def _write_table(folder: Path, columns: _Columns, compounds: Compounds) -> None:
    """The curated table: one row a compound, in the order of its first row in the file."""
    kept = ["line", "id", "original", "smiles", "inchikey", "steps", "flags"]
    start = 0
    writer = None
    try:
        with pq.ParquetFile(folder / ROWS) as source:
            for batch in source.iter_batches(batch_size=20_000, columns=["status", *kept]):
                table = pa.Table.from_batches([batch])
                table = table.filter(pa.compute.equal(table["status"], ACCEPTED)).select(kept)
                stop = start + table.num_rows
                table = table.append_column("n_rows", pa.array(compounds.n_rows[start:stop], pa.int32()))
                for position, label in enumerate(columns.labels):
                    for prefix, values in compounds.label_columns(position, start, stop).items():
                        name = f"label:{label.name}:relation" if prefix == "relation" else f"{prefix}:{label.name}"
                        table = table.append_column(name, values)
                writer = writer or pq.ParquetWriter(folder / TABLE, table.schema)
                writer.write_table(table)
                start = stop
    finally:
        if writer is not None:
            writer.close()


def _receipt(dialect: Dialect, columns: _Columns, compounds: Compounds, n_rows: int) -> dict[str, Any]:
    counts = compounds.counts
    accounted = counts[ACCEPTED] + counts[MERGED] + counts[REJECTED]
    if accounted != n_rows:
        raise RuntimeError(f"the receipt accounts for {accounted} of {n_rows} rows")
    described, warnings = [], _warnings(dialect, compounds)
    for position, label in enumerate(columns.labels):
        values = compounds.means(position)
        described.append(_label_receipt(label, compounds, position, values))
        warnings.extend(labels.warnings(label, values))
        if n := described[-1]["n_disagree"]:
            rule = "the majority decides, a tie leaves none" if label.is_class else "the mean is used, the spread kept"
            words = f"“{label.name}”: {n:,} compounds carry values that disagree; {rule}."
            warnings.append({"code": "disagree", "message": words})
        if n := compounds.n_against_bounds(position):
            words = f"“{label.name}”: {n:,} compounds have bounds that contradict each other or the measured mean."
            warnings.append({"code": "bounds", "message": words})
    return {
        "schema": 2,
        "rows": n_rows,
        "accepted": counts[ACCEPTED],
        "merged": counts[MERGED],
        "rejected": counts[REJECTED],
        "rejected_by_code": dict(compounds.rejected_by_code.most_common()),
        "rejected_examples": compounds.rejected_examples,
        "merged_by_reason": dict(compounds.merged_by_reason.most_common()),
        "steps": dict(compounds.steps.most_common()),
        "flags": dict(compounds.flags.most_common()),
        "n_sharing_inchikey": compounds.n_sharing_inchikey,
        "labels": described,
        "warnings": warnings,
        "files": {"table": TABLE, "rows": ROWS, "rejected": REJECTED_CSV, "merged": MERGED_CSV},
    }


def _label_receipt(label: Label, compounds: Compounds, position: int, values: list[float]) -> dict[str, Any]:
    disagree, largest = compounds.disagreement(position)
    return {
        "name": label.name,
        "column": f"label:{label.name}",
        "relation": f"label:{label.name}:relation",
        "source": label.source,
        "kind": "class" if label.is_class else "number",
        "classes": _classes(label),
        "unit": label.kept_unit,
        "unit_as_written": label.unit,
        "scale": label.scale,
        "decimal": label.decimal,
        "censored": label.censored,
        "n_values": len(values),
        "n_bounds": compounds.n_bounds(position),
        "cells": {kind: n for kind, n in sorted(label.counts.items()) if n},
        "min": min(values, default=None),
        "max": max(values, default=None),
        "mean": math.fsum(values) / len(values) if values else None,
        "binary": label.is_class,
        "n_disagree": disagree,
        "largest_range": largest,
    }


def _classes(label: Label) -> dict[str, list[str]]:
    """Which words of the file became 1 and which 0; empty for numbers."""
    if not label.is_class:
        return {}
    outcomes = label.outcomes or {"1": 1.0, "0": 0.0}
    return {str(value): [text for text, found in outcomes.items() if found == value] for value in (1, 0)}


def _warnings(dialect: Dialect, compounds: Compounds) -> list[dict[str, str]]:
    found = []
    if dialect.content.guessed:
        found.append(
            {"code": "encoding", "message": "The file is not UTF-8; it was read as Latin-1. Check accented names."}
        )
    if compounds.n_compounds < FEW:
        found.append(
            {"code": "few_rows", "message": f"{compounds.n_compounds} compounds are too few to learn a model from."}
        )
    if compounds.n_sharing_inchikey:
        n = compounds.n_sharing_inchikey
        words = f"{n:,} compounds share an InChIKey with another: tautomers or charge forms, kept apart."
        found.append({"code": "tautomers", "message": words})
    return found
