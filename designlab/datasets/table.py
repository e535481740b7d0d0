"""Rows of any upload with the line each began on. For text tables: separator, header, quotes, ragged rows."""

import csv
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from designlab.datasets import cells, records, spreadsheet, structured
from designlab.datasets.content import FASTA, JSON, PARQUET, SDF, SPREADSHEET, Content, text_lines
from designlab.datasets.errors import ImportRefused
from designlab.datasets.row import Row

Standardise = Callable[..., list[dict[str, Any]]]  # texts, and what they are: see `designlab.engine.chemistry`

MAX_ROWS = 2_000_000
MAX_COLUMNS = 2_000
MAX_QUOTED_LINES = 50
MAX_HEADER_CHARACTERS = 200
MAX_SHEETS_TRIED = 20
SAMPLE_LINES = 400

WHITESPACE = " "  # SMILES, a blank or tab, and a name that may hold blanks
SINGLE = ""  # one value a line
CELLS = "cells"  # a spreadsheet needs none
RECORDS = "records"  # neither do the records of SD files, FASTA, JSON and Parquet
SEPARATOR_LABELS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", WHITESPACE: "blank", SINGLE: "none",
                    CELLS: "none (cells)", RECORDS: "none (records)"}  # fmt: skip
_HEADER_WORDS = re.compile(
    r"smiles|structure|^id$|_id\b|\bid\b|^name|compound|molecule|ic50|ec50|\bki\b|label|activity|class|^exp|log", re.I
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written. `names` are unique; a repeated header gets a number, "pIC50 (2)"."""

    content: Content
    separator: str
    header: bool
    names: tuple[str, ...]
    headers: tuple[str, ...]  # as written; empty strings where there was none
    first: tuple[str, ...]  # cells of the first record, header or not
    header_sure: bool = True
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    @property
    def repeated(self) -> list[str]:
        """Headers that more than one column carries."""
        return [name for name, n in Counter(filter(None, self.headers)).items() if n > 1]


def detect(path: Path, content: Content, standardise: Standardise, sheet: str = "") -> Dialect:
    """Find how a file is written from its beginning; raises ImportRefused when there is nothing to read."""
    if content.kind in (SDF, FASTA, JSON, PARQUET):
        return _of_records(path, content)
    if content.kind == SPREADSHEET:
        return _of_sheets(path, content, standardise, sheet)
    lines = list(islice(_numbered(path, content), SAMPLE_LINES))
    wanted = [pair for pair in lines if pair[1].strip()]
    if not wanted:
        raise ImportRefused("The file holds blank lines only: no data rows.", code="no_rows")
    separator = _separator(wanted, standardise)
    rows = list(_records(iter(wanted), separator))
    if not rows:
        raise ImportRefused("The file holds comments only: no data rows.", code="no_rows")
    return _shaped(rows, content, separator, standardise)


def _of_records(path: Path, content: Content) -> Dialect:
    headers: tuple[str, ...] = records.FASTA_COLUMNS
    if content.kind == SDF:
        headers = (records.DRAWING, records.TITLE, *records.sdf_tags(path, content))
    elif content.kind != FASTA:
        headers = (structured.json_names if content.kind == JSON else structured.parquet_names)(path, content)
    return Dialect(content, RECORDS, False, _unique(headers), headers, ("",) * len(headers))


def _of_sheets(path: Path, content: Content, standardise: Standardise, wanted: str) -> Dialect:
    """The dialect of the sheet wanted, or of the first one that holds structures."""
    names = tuple(spreadsheet.sheets(path, content))
    if wanted and wanted not in names:
        raise ImportRefused(f"The spreadsheet has no filled sheet “{wanted}”.", code="no_sheet")
    found = []
    for name in (wanted,) if wanted else names[:MAX_SHEETS_TRIED]:
        rows = list(islice(spreadsheet.sheet_rows(path, content, name), SAMPLE_LINES))
        dialect = replace(_shaped(rows, content, CELLS, standardise), sheet=name, sheets=names)
        width = range(len(dialect.names))
        body = [_fitted(row, len(width)).cells for row in rows[dialect.header :][:40]]
        found.append((max((_share([row[i] for row in body], standardise) for i in width), default=0.0), dialect))
    return max(found, key=lambda pair: pair[0])[1]


def _shaped(rows: list[Row], content: Content, separator: str, standardise: Standardise) -> Dialect:
    width = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
    while len(rows) > 1 and rows[0].cells[0].startswith(("#", "//")) and len(rows[0].cells) != width:
        rows.pop(0)  # a comment above the table
    header, sure = _has_header(rows, standardise)
    first = rows[0].cells if header else [""] * width
    if len(first) > MAX_COLUMNS:
        raise ImportRefused(f"The table has {len(first):,} columns; the limit is {MAX_COLUMNS:,}.", code="too_large")
    headers = _headers(first, len(first))
    return Dialect(content, separator, header, _unique(headers), headers, tuple(rows[0].cells), sure)


def with_header(dialect: Dialect, header: bool | None) -> Dialect:
    """The dialect with a person's answer whether the first line names the columns; None keeps what was found."""
    if header is None or header == dialect.header or dialect.separator == RECORDS:
        return dialect
    headers = _headers(list(dialect.first), len(dialect.names)) if header else ("",) * len(dialect.names)
    return replace(dialect, header=header, headers=headers, names=_unique(headers), header_sure=True)


def _headers(first: list[str], width: int) -> tuple[str, ...]:
    cleaned = [" ".join(cell.strip("\ufeff \t").split()) for cell in first]
    return tuple(cleaned + [""] * (width - len(cleaned)))


def _unique(headers: tuple[str, ...]) -> tuple[str, ...]:
    counts = Counter(headers)
    taken: set[str] = set()
    names = []
    for position, header in enumerate(headers, start=1):
        name = header or f"column {position}"
        n = 1
        if header and counts[header] > 1:
            name = f"{header} ({n})"
        while name in taken:
            n += 1
            name = f"{header or f'column {position}'} ({n})"
        taken.add(name)
        names.append(name)
    return tuple(names)


def rows(path: Path, dialect: Dialect) -> Iterator[Row]:
    """Data rows in file order. Short rows are filled with empty cells; long or badly quoted rows carry a problem."""
    width = len(dialect.names)
    stream = _stream(path, dialect)
    started = not dialect.header
    n_rows = 0
    for row in stream:
        if not started or n_rows == 0:
            if _is_comment(row, dialect):
                continue
            if not started:
                started = True
                continue
        n_rows += 1
        if n_rows > MAX_ROWS:
            raise ImportRefused(f"The table has more than {MAX_ROWS:,} rows; split it.", code="too_many_rows")
        yield _fitted(row, width)


def _stream(path: Path, dialect: Dialect) -> Iterator[Row]:
    content = dialect.content
    if content.kind == SDF:
        return records.sdf_rows(path, content, dialect.headers[2:])
    if content.kind == FASTA:
        return records.fasta_rows(path, content)
    if content.kind == SPREADSHEET:
        return spreadsheet.sheet_rows(path, content, dialect.sheet)
    if content.kind == JSON:
        return structured.json_rows(path, content, dialect.headers)
    if content.kind == PARQUET:
        return structured.parquet_rows(path, content, len(dialect.headers))
    return _records(_numbered(path, content), dialect.separator)


def _is_comment(row: Row, dialect: Dialect) -> bool:
    return row.cells[0].startswith(("#", "//")) and len(row.cells) != len(dialect.names)


def _fitted(row: Row, width: int) -> Row:
    found = row.cells
    if len(found) == width:
        return row
    if len(found) < width:
        return row._replace(cells=found + [""] * (width - len(found)))
    extra = [cell for cell in found[width:] if cell.strip()]
    if not extra:
        return row._replace(cells=found[:width])
    problem = f"The row has {len(found)} cells where the table has {width} columns."
    return row._replace(cells=found[:width], problem=row.problem or problem)


def _numbered(path: Path, content: Content) -> Iterator[tuple[int, str]]:
    return enumerate(text_lines(path, content), start=1)


def _records(lines: Iterator[tuple[int, str]], separator: str) -> Iterator[Row]:
    """Split lines into records; blank lines are no records. Quotes count only where a cell begins with one."""
    if separator in (WHITESPACE, SINGLE):
        yield from _plain_records(lines, separator)
        return
    opening = re.compile(rf'(?:^|{re.escape(separator)})[ ]*"')
    put_back: deque[tuple[int, str]] = deque()
    while (numbered := put_back.popleft() if put_back else next(lines, None)) is not None:
        number, line = numbered
        if not line or line.isspace():
            continue
        if '"' not in line or not opening.search(line):
            yield Row(number, line.split(separator), "")
            continue
        more: list[tuple[int, str]] = []
        quotes = line.count('"')
        while quotes % 2 and len(more) < MAX_QUOTED_LINES:
            following = put_back.popleft() if put_back else next(lines, None)
            if following is None:
                break
            more.append(following)
            quotes += following[1].count('"')
        if quotes % 2:  # never closed: the row is lost, the lines after it are not
            put_back.extendleft(reversed(more))
            yield Row(number, line.split(separator), "A quote is opened in this row and not closed.")
            continue
        text = "\n".join([line, *(following for _, following in more)])
        yield Row(number, next(csv.reader(_keeping_ends(text), delimiter=separator, skipinitialspace=True), []), "")


def _keeping_ends(text: str) -> list[str]:
    return (
        text.splitlines(keepends=True) if len(text) < csv.field_size_limit() else [text[: csv.field_size_limit() - 1]]
    )


def _plain_records(lines: Iterator[tuple[int, str]], separator: str) -> Iterator[Row]:
    for number, line in lines:
        text = line.strip("\ufeff \t")
        if not text or text.startswith(("#", "//")):
            continue
        if separator == SINGLE:
            yield Row(number, [text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text], "")
            continue
        smiles, _, name = text.replace("\t", " ", 1 if "\t" in text else 0).partition(" ")
        name = name.strip()
        if name.startswith("|") and "|" in name[1:]:  # an extension block belongs to the structure
            block, _, name = name[1:].partition("|")
            smiles, name = f"{smiles} |{block}|", name.strip()
        yield Row(number, [smiles, name], "")


def _separator(lines: list[tuple[int, str]], standardise: Standardise) -> str:
    best, best_score = SINGLE, (0.0, 0)
    for separator in (",", "\t", ";", "|"):
        found = [len(row.cells) for row in _records(iter(lines), separator)]
        width, n = Counter(found).most_common(1)[0]
        if width > 1:
            best_score, best = max((best_score, best), ((n / len(found), width), separator))
    if best != SINGLE and best_score[0] >= 0.7:
        return best
    texts = [line.strip() for _, line in lines if not line.lstrip().startswith(("#", "//"))]
    if any(re.search(r"\s", text) for text in texts):
        words = [text.split(maxsplit=1)[0] for text in texts[:50]]
        if words and sum(result["ok"] for result in standardise(words)) >= 0.5 * len(words):
            return WHITESPACE
    return best if best_score[0] >= 0.4 else SINGLE


def _has_header(sample: list[Row], standardise: Standardise) -> tuple[bool, bool]:
    """Whether the first row names the columns, and whether that is sure."""
    first, body = sample[0].cells, [row.cells for row in sample[1:41]]
    columns = [[row[i] for row in body if i < len(row) and row[i].strip()] for i in range(len(first))]
    structural = [_share(column, standardise) >= 0.5 if column else True for column in columns]
    first_is_data = any(yes and _share([cell], standardise) for cell, yes in zip(first, structural, strict=True))
    if first_is_data or any(len(cell) > MAX_HEADER_CHARACTERS and " " not in cell for cell in first):
        return False, True
    if any(_HEADER_WORDS.search(cell) for cell in first):
        return True, True
    for cell, column in zip(first, columns, strict=True):
        decimal = cells.decimal_mark(column)
        if column and cells.kinds(column, decimal)[cells.NUMBER] >= 0.8 * len(column):
            kind = cells.read(cell, decimal)[0]
            if kind in (cells.NUMBER, cells.TEXT):
                return kind == cells.TEXT, True
    return True, any(structural)


def _share(values: list[str], standardise: Standardise) -> float:
    """Share of cells that read as structures; single letters and bare numbers prove nothing."""
    texts = [value.strip() for value in values]
    asked = [text for text in texts if len(text) > 1 and cells.read(text)[0] != cells.NUMBER]
    return sum(result["ok"] for result in standardise(asked)) / len(texts) if asked else 0.0
