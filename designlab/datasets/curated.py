"""The curated table of a data set: read by page, written as CSV, summed up for its receipt."""

import csv
import io
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.core.files.storage import default_storage

from designlab.datasets.importing import escaped
from designlab.datasets.models import DataSet

N_DISAGREEING = 12
BATCH = 5_000
TEXT = ("id", "original", "smiles", "inchikey", "steps", "flags")
RELATION = re.compile(r"label:(?P<name>.*):relation")


def plain_name(name: str) -> str:
    """A name that every file system and header takes: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.").lower()[:60] or "data-set"


def rows(dataset: DataSet, start: int, stop: int) -> list[dict]:
    """Compounds from `start` up to, not including, `stop`: id, smiles, line, n_rows and the mean of each label."""
    labels = {label["column"]: label["name"] for label in dataset.labels}
    with default_storage.open(dataset.table, "rb") as file, pq.ParquetFile(file) as source:
        there = set(source.schema_arrow.names)  # data sets of the first version have no relations
        wanted = ["line", "id", "smiles", "n_rows", *labels, *(f"{column}:relation" for column in labels)]
        part = source.read([name for name in wanted if name in there]).slice(start, stop - start).to_pylist()
    for row in part:
        relations = {column: row.get(f"{column}:relation") for column in labels}
        row["labels"] = [
            (labels[column], row[column], relation if relation in ("<", ">") else "")
            for column, relation in relations.items()
        ]
    return part


def csv_lines(dataset: DataSet) -> Iterator[str]:
    """The whole table as lines of CSV. Numbers stay numbers; text that a spreadsheet would compute is quoted."""
    with default_storage.open(dataset.table, "rb") as file, pq.ParquetFile(file) as source:
        names = source.schema_arrow.names
        yield _line([_heading(name) for name in names])
        for batch in source.iter_batches(batch_size=BATCH):
            columns = [
                _cells(column.to_pylist(), text=name in TEXT, relation=bool(RELATION.fullmatch(name)))
                for name, column in zip(names, batch.columns, strict=True)
            ]
            yield "".join(_line(row) for row in zip(*columns, strict=True))


def _heading(name: str) -> str:
    relation = RELATION.fullmatch(name)
    return f"relation:{relation['name']}" if relation else name.removeprefix("label:")


def _line(cells) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()


def _cells(values: list, *, text: bool, relation: bool) -> list:
    """Texts safe for spreadsheets; an exact value carries no relation, so that no cell is a bare "="."""
    if relation:
        return [value if value in ("<", ">") else "" for value in values]
    return [escaped(value or "") for value in values] if text else values


def disagreements(table: pa.Table, labels: list[dict]) -> list[dict]:
    """Compounds whose repeated values of one label differ most."""
    found = []
    for label in labels:
        spread = f"spread:{label['name']}"
        differing = table.filter(pc.greater(table[spread], 0)).sort_by([(spread, "descending")])
        shown = differing.slice(0, N_DISAGREEING).select(
            ["smiles", "id", label["column"], spread, f"n:{label['name']}"]
        )
        found += [
            dict(zip(("smiles", "id", "mean", "spread", "n"), row.values(), strict=True)) | {"label": label["name"]}
            for row in shown.to_pylist()
        ]
    return found
