"""What a file from the laboratory holds, read in the child process: no Django here, and nothing is judged yet."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from designlab.datasets.errors import ImportRefused
from designlab.datasets.reading import kind_of, open_table
from designlab.datasets.table import Standardise, rows

MOST_ROWS = 5_000
NAMED = {
    "id": ("id", "well id", "sample id", "compound id", "sample", "compound", "name"),
    "verdict": ("verdict", "result", "outcome", "call", "pass/fail", "status", "assay"),
    "structure": ("smiles", "sequence", "structure"),
}


def read_table(path: Path, standardise: Standardise, kind: str) -> dict[str, Any]:
    """Names of the columns, rows as [line, cells], and every structure's standard writing by its text.

    Raises ImportRefused.
    """
    dialect = open_table(path, standardise)
    found = list(islice(rows(path, dialect), MOST_ROWS + 1))
    if len(found) > MOST_ROWS:
        raise ImportRefused(
            f"The file has more than {MOST_ROWS:,} rows; a list from the laboratory has at most that.",
            code="too_many_rows",
        )
    if not found:
        raise ImportRefused("The file has a header and no rows.", code="no_rows")
    broken = [{"line": row.line, "message": row.problem} for row in found if row.problem]
    if broken:
        words = "Nothing was taken from this file: some rows cannot be read."
        raise ImportRefused(words, code="ragged", rejected=broken)
    at = column(dialect.names, "structure")
    written = {}
    if at is not None:
        texts = list(dict.fromkeys(row.cells[at].strip() for row in found if row.cells[at].strip()))
        how = kind_of(dialect, dialect.names[at], "" if kind == "molecule" else kind)
        written = {text: one["smiles"] for text, one in zip(texts, standardise(texts, how), strict=True) if one["ok"]}
    return {"names": list(dialect.names), "rows": [[row.line, row.cells] for row in found], "structures": written}


def column(names: Sequence[str], what: str) -> int | None:
    """The position of the column that is named like an id, a verdict or a structure."""
    plain = [" ".join(name.replace("_", " ").split()).casefold() for name in names]
    return next((plain.index(word) for word in NAMED[what] if word in plain), None)
