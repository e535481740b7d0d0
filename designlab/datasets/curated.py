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


def plain_name(name: str) -> str:
    """A name that every file system and header takes: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.").lower()[:60] or "data-set"


def rows(dataset: DataSet, start: int, stop: int) -> list[dict]:
    """Compounds from `start` up to, not including, `stop`: id, smiles, line, n_rows and the mean of each label."""
    labels = {label["column"]: label["name"] for label in dataset.labels}
    with default_storage.open(dataset.table, "rb") as file:
        wanted = ["line", "id", "smiles", "n_rows", *labels]
        part = pq.read_table(file, columns=wanted).slice(start, stop - start).to_pylist()
    for row in part:
        row["labels"] = [(labels[column], row[column]) for column in labels]
    return part


def csv_lines(dataset: DataSet) -> Iterator[str]:
    """The whole table as lines of CSV. Numbers stay numbers; text that a spreadsheet would compute is quoted."""
    with default_storage.open(dataset.table, "rb") as file, pq.ParquetFile(file) as source:
        names = source.schema_arrow.names
        yield _line([name.removeprefix("label:") for name in names])
        for batch in source.iter_batches(batch_size=BATCH):
            columns = [
                [escaped(text or "") for text in column.to_pylist()] if name in TEXT else column.to_pylist()
                for name, column in zip(names, batch.columns, strict=True)
            ]
            yield "".join(_line(row) for row in zip(*columns, strict=True))


def _line(cells) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()


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
