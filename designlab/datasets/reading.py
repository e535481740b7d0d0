"""What was understood of an uploaded table, as plain data for the mapping page; nothing is stored here."""

from itertools import islice
from pathlib import Path
from typing import Any

from designlab.datasets import columns, proposals, records, spreadsheet
from designlab.datasets.columns import Column
from designlab.datasets.content import BINARY, ENCODING_LABELS, KIND_LABELS, SDF, SPREADSHEET, Content, examine
from designlab.datasets.errors import ImportRefused
from designlab.datasets.row import Row
from designlab.datasets.table import SEPARATOR_LABELS, WHITESPACE, Dialect, Standardise, detect, rows, with_header

SAMPLE_ROWS = 5_000
SAMPLE_CELLS = 400_000  # wide tables are judged on fewer rows
ROWS_SHOWN = 20
CELL_SHOWN = 300
MANY_COLUMNS = 200
FEW_ROWS = 20


def open_table(path: Path, standardise: Standardise, sheet: str = "") -> Dialect:
    """Encoding, separator, header and column names of a file; raises ImportRefused when it holds no rows."""
    path = Path(path)
    return detect(path, examine(path), standardise, sheet)


def kind_of(dialect: Dialect, structure: str, sequences: str = "") -> str:
    """How the structures of this column are written: as sequences if told so, drawn in an SD file, else as SMILES."""
    if sequences:
        return sequences
    return "molblock" if dialect.content.kind == SDF and structure == dialect.names[0] else "smiles"


def inspect(path: Path, standardise: Standardise, header: bool | None = None, sheet: str = "") -> dict[str, Any]:
    """Look at a file once and say what it seems to be.

    Keys: encoding, encoding_label, compressed, separator, separator_label, header, n_rows, n_bad_rows, columns (see
    `columns.describe`), rows (the first 20, with their line numbers), questions and warnings (code, message, and for
    questions column and choices), and mapping, a proposal that `importing.import_table` accepts. Counts of cells and
    numbers refer to `n_sampled` rows. `header` overrides what was found about the first line, `sheet` which sheet of a
    spreadsheet is the table.
    Raises ImportRefused when the file cannot be imported at all.
    """
    path = Path(path)
    dialect = with_header(open_table(path, standardise, sheet), header)
    sample, n_rows, n_bad, first_bad = _sampled(path, dialect)
    if n_rows == 0:
        raise ImportRefused("The file has a header and no data rows.", code="no_rows")
    measured = columns.measure(dialect.names, dialect.headers, [row.cells for row in sample])
    columns.assign_roles(measured, standardise, dialect.content.kind)
    if dialect.separator == WHITESPACE and len(measured) == 2 and measured[1].role == columns.IGNORE:
        measured[1].role = columns.ID
    content = dialect.content
    proposal = proposals.mapping(dialect, measured)
    warnings = _warnings(dialect, measured, n_rows, n_bad, first_bad) + _file_warnings(path, dialect)
    return {
        "kind": content.kind,
        "kind_label": KIND_LABELS[content.kind],
        "sheet": dialect.sheet,
        "sheets": list(dialect.sheets),
        "encoding": content.encoding,
        "encoding_label": "" if content.kind in BINARY.values() else ENCODING_LABELS[content.encoding],
        "compressed": content.compressed,
        "n_bytes": content.n_bytes,
        "separator": dialect.separator,
        "separator_label": SEPARATOR_LABELS[dialect.separator],
        "header": dialect.header,
        "n_rows": n_rows,
        "n_sampled": len(sample),
        "n_bad_rows": n_bad,
        "columns": [columns.describe(column) for column in measured],
        "rows": [{"line": row.line, "cells": _shown(row, content)} for row in sample[:ROWS_SHOWN]],
        "questions": proposals.questions(dialect, measured, proposal),
        "warnings": warnings,
        "mapping": proposal,
        "drawn": _drawn(dialect, sample[:ROWS_SHOWN], proposal, standardise),
    }


def _shown(row: Row, content: Content) -> list[str]:
    """The cells of a row as the mapping page shows them; a drawing is told by its size."""
    cells = [cell[:CELL_SHOWN] for cell in row.cells]
    if content.kind == SDF:
        cells[0] = f"drawing of {row.cells[0].count(chr(10)) + 1:,} lines"
    return cells


def _drawn(
    dialect: Dialect, shown: list[Row], proposal: dict[str, Any], standardise: Standardise
) -> list[dict[str, Any]]:
    """The first structures or sequences in their standard writing, for the page."""
    structure = proposal["structure"]
    if not structure:
        return []
    position = dialect.names.index(structure)
    kind = kind_of(dialect, structure, proposal.get("kind", ""))
    results = standardise([row.cells[position] for row in shown], kind)
    return [
        {"line": row.line, "smiles": result["smiles"]}
        for row, result in zip(shown, results, strict=True)
        if result["ok"]
    ]


def _sampled(path: Path, dialect: Dialect) -> tuple[list[Row], int, int, Row | None]:
    """The first rows, how many rows there are, how many of them are malformed, and the first of those."""
    wanted = max(ROWS_SHOWN, min(SAMPLE_ROWS, SAMPLE_CELLS // len(dialect.names)))
    stream = rows(path, dialect)
    sample = list(islice(stream, wanted))
    bad = [row for row in sample if row.problem]
    n_rows, n_bad, first_bad = len(sample), len(bad), bad[0] if bad else None
    for row in stream:
        n_rows += 1
        if row.problem:
            n_bad += 1
            first_bad = first_bad or row
    return sample, n_rows, n_bad, first_bad


def _warnings(
    dialect: Dialect, measured: list[Column], n_rows: int, n_bad: int, bad: Row | None
) -> list[dict[str, str]]:
    found = []
    if dialect.content.guessed:
        label = ENCODING_LABELS[dialect.content.encoding]
        found.append(_warning("encoding", f"The file is not UTF-8; it was read as {label}. Check accented names."))
    if any(column.decimal == "," for column in measured):
        found.append(_warning("decimal_comma", "Numbers are written with a decimal comma; 6,33 is read as 6.33."))
    if not dialect.header_sure:
        found.append(_warning("header", "It is not certain whether the first line names the columns."))
    if n_bad and bad:
        found.append(
            _warning("ragged", f"{n_bad:,} rows are malformed and will be rejected; line {bad.line:,}: {bad.problem}")
        )
    for column in columns.with_role(measured, columns.STRUCTURE):
        if (column.structure_share or 0.0) < 0.9:
            words = (
                f"Only {column.structure_share or 0.0:.0%} of the cells tried in “{column.name}” read as structures."
            )
            found.append(_warning("structures", words))
    if len(measured) > MANY_COLUMNS:
        found.append(
            _warning("many_columns", f"The table has {len(measured):,} columns; only those with a role are kept.")
        )
    if dialect.content.kind == SDF:
        uneven = [column.name for column in measured[2:] if len(column.filled) < len(column.values)]
        if uneven:
            shown = ", ".join(f"“{name}”" for name in uneven[:3]) + (", …" if len(uneven) > 3 else "")
            found.append(_warning("uneven", f"Not every record has every field; some lack {shown}."))
    if n_rows < FEW_ROWS:
        found.append(_warning("few_rows", f"{n_rows:,} rows are too few to learn a model from."))
    for column in columns.with_role(measured, columns.LABEL):
        numbers = column.numbers or []
        if len(numbers) > 1 and min(numbers) == max(numbers):
            found.append(_warning("constant", f"All values of “{column.name}” are equal ({numbers[0]:g})."))
    return found


def _file_warnings(path: Path, dialect: Dialect) -> list[dict[str, str]]:
    """What is odd about the file itself: an unclosed record, formulas that nobody computed, fields not shared."""
    found = []
    content = dialect.content
    if content.kind == SDF and not records.last_record_is_closed(path, content):
        found.append(_warning("terminator", "The last record has no terminator ($$$$); it was read to the file's end."))
    if content.kind == SPREADSHEET:
        n = spreadsheet.formulas_without_value(path, content, dialect.sheet, SAMPLE_ROWS)
        if n:
            words = f"{n:,} cells hold formulas without a stored value; they count as empty, since none is computed."
            found.append(_warning("formulas", words))
    return found


def _warning(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
