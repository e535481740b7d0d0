"""Sheets of an XLSX file as rows of text. Formulas are never computed: the value stored beside them counts.

The archive is measured before anything is unpacked; entities, links to other files and macros are not followed.
"""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from designlab.datasets.content import Content, open_bytes
from designlab.datasets.errors import ImportRefused
from designlab.datasets.row import Row

MAX_ENTRIES = 2_000
MAX_UNPACKED_BYTES = 400_000_000
MAX_STRINGS_BYTES = 60_000_000  # texts of all cells, which are held in memory while a sheet is read
MAX_RATIO = 200
RATIO_COUNTS_FROM = 10_000_000
MAX_CELLS_A_ROW = 2_000
MAX_CELL_CHARACTERS = 100_000
DAMAGED = (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, ParseError, DefusedXmlException, TypeError,
           IndexError, AttributeError, InvalidFileException)  # fmt: skip  # openpyxl has no class of its own for damage


def sheets(path: Path, content: Content) -> list[str]:
    """Names of the sheets that hold two rows or more, in their order, or one row where no sheet holds more."""
    with _book(path, content) as book:
        filled = {sheet.title: len(list(islice(_filled(sheet), 2))) for sheet in book.worksheets}
    names = [name for name, n in filled.items() if n and n == max(filled.values())]
    if not names:
        raise ImportRefused("The spreadsheet holds no filled cell: no data rows.", code="no_rows")
    return names


def sheet_rows(path: Path, content: Content, sheet: str) -> Iterator[Row]:
    """Filled rows of one sheet, with their numbers as the spreadsheet shows them."""
    with _book(path, content) as book:
        if sheet not in book.sheetnames:
            raise ImportRefused(f"The spreadsheet has no sheet “{sheet}”.", code="no_sheet")
        yield from _filled(book[sheet])


def formulas_without_value(path: Path, content: Content, sheet: str, n_rows: int) -> int:
    """How many formulas among the first rows carry no stored value, because no program has computed them yet."""
    with _book(path, content) as values, _book(path, content, formulas=True) as formulas:
        both = [book[sheet].iter_rows(values_only=True) for book in (values, formulas)]
        return sum(
            value is None and isinstance(formula, str) and formula.startswith("=")
            for row in islice(zip(*both, strict=False), n_rows)
            for value, formula in zip(*row, strict=False)
        )


@contextmanager
def _book(path: Path, content: Content, *, formulas: bool = False) -> Iterator[Any]:
    with unpacked(path, content) as plain, plain.open("rb") as file:  # its name, which may lie, is kept out
        try:
            _check_archive(plain)
            book = load_workbook(file, read_only=True, data_only=not formulas, keep_links=False, keep_vba=False)
        except ImportRefused:
            raise
        except DAMAGED as damage:
            raise ImportRefused("The spreadsheet is damaged; open it, save it anew and upload that.",
                                code="damaged") from damage  # fmt: skip
        try:
            yield book
        except ImportRefused:
            raise
        except DAMAGED as damage:
            raise ImportRefused("A sheet of the spreadsheet is damaged; save it anew.", code="damaged") from damage
        finally:
            book.close()


@contextmanager
def unpacked(path: Path, content: Content) -> Iterator[Path]:
    """The archive as a plain file, since it is read from its end."""
    if not content.compressed:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="designlab-sheet-") as folder:
        plain = Path(folder) / "book.xlsx"
        with open_bytes(path, compressed=True) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield plain


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
            raise ImportRefused("This is a ZIP archive; unpack it and upload the table.", code="compressed")
        if any("vbaProject" in name for name in names):
            raise ImportRefused("The spreadsheet holds macros; save it as XLSX without them.", code="spreadsheet")
        if any(name.endswith(".bin") and name.startswith("xl/w") for name in names):
            raise ImportRefused("This is a binary spreadsheet (XLSB); save it as XLSX.", code="spreadsheet")
        unpacked = sum(entry.file_size for entry in entries)
        strings = sum(entry.file_size for entry in entries if entry.filename.endswith("sharedStrings.xml"))
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED_BYTES or strings > MAX_STRINGS_BYTES:
        raise ImportRefused("The spreadsheet is too large to be read; save the sheet as CSV.", code="too_large")
    if unpacked > max(RATIO_COUNTS_FROM, MAX_RATIO * path.stat().st_size):
        words = f"The spreadsheet unpacks to more than {MAX_RATIO} times its size, which no table does."
        raise ImportRefused(words, code="too_large")


def _filled(sheet: Any) -> Iterator[Row]:
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    for number, values in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_CELLS_A_ROW + 1), start=1):
        row = [as_text(value) for value in values]
        while row and not row[-1]:
            row.pop()
        if row:
            problem = f"The row has more than {MAX_CELLS_A_ROW:,} cells." if len(row) > MAX_CELLS_A_ROW else ""
            yield Row(number, row, problem)


def as_text(value: Any) -> str:
    """A cell as a text table would hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date | time | timedelta):
        return str(value)
    text = str(value)[:MAX_CELL_CHARACTERS]
    return re.sub(r"_x000[dD]_", "", text).strip()
