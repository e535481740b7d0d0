"""Downloads that are one binary file: written to disk, read back, and only then given away."""

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.drawing.image import Image
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

Rows = Iterable[Sequence[object]]
MOST_ROWS = 20_000  # of a sheet: a spreadsheet program holds all of it in memory, and so do we
DRAWN = 500  # rows with a drawing
PICTURE = (160, 107)  # px, in a row of 80 points
ROW_POINTS, STRUCTURE_WIDTH, CHUNK, BLOCK = 82, 24, 2_000, 1 << 16


class NotTheSame(Exception):
    """A file that does not say what it was given to say; it is not handed out."""


def xlsx(header: Sequence[str], rows: Rows, draw: Callable[[str], bytes]) -> Iterator[bytes]:
    """A sheet with a drawing beside each of the first structures, which stand in the second column.

    Texts are cells of text, never formulas. Raises NotTheSame when the sheet reads back as something else.
    """
    book = Workbook()
    sheet = book.active
    sheet.title = "Candidates"
    sheet.append(["structure", *(_cell(name) for name in header)])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.data_type = "s"
    sheet.freeze_panes = "D2"
    keys = []
    for number, row in enumerate(islice(rows, MOST_ROWS), start=2):
        sheet.append([None, *(_cell(value) for value in row)])
        _as_text(sheet[number])
        keys.append((str(row[0]), str(row[1])))
        if number - 2 < DRAWN and (picture := draw(str(row[1]))):
            image = Image(io.BytesIO(picture))
            image.width, image.height = PICTURE
            sheet.add_image(image, f"A{number}")
            sheet.row_dimensions[number].height = ROW_POINTS
    sheet.column_dimensions["A"].width = STRUCTURE_WIDTH
    for at in range(2, len(header) + 2):
        sheet.column_dimensions[get_column_letter(at)].width = 30 if at == 3 else 14
    with tempfile.TemporaryDirectory(prefix="designlab-") as folder:
        path = Path(folder) / "candidates.xlsx"
        book.save(path)
        back = load_workbook(path, read_only=True)
        found = back.worksheets[0].iter_rows(min_row=2, min_col=2, max_col=3, values_only=True)
        _check(keys, ((str(one), str(two)) for one, two in found))
        back.close()
        yield from _content(path)


def parquet(header: Sequence[str], rows: Rows, *, n_whole: int) -> Iterator[bytes]:
    """A typed table: the last `n_whole` columns are int64, others text or float64.

    Raises NotTheSame when it reads back as something else.
    """
    names, keys = _distinct(header), []
    with tempfile.TemporaryDirectory(prefix="designlab-") as folder:
        path = Path(folder) / "candidates.parquet"
        writer, rest = None, iter(rows)
        while chunk := list(islice(rest, CHUNK)):
            keys += [(str(row[0]), str(row[1])) for row in chunk]
            columns = [[row[at] for row in chunk] for at in range(len(names))]
            if writer is None:
                types = [_type(column) for column in columns[:-n_whole]] + [pa.int64()] * n_whole
                schema = pa.schema(list(zip(names, types, strict=True)))
                writer = pq.ParquetWriter(path, schema)
            writer.write_table(pa.table(columns, schema=schema))
        if writer is None:
            pq.write_table(pa.table({name: pa.array([], pa.string()) for name in names}), path)
        else:
            writer.close()
        back = pq.read_table(path, columns=names[:2])
        _check(keys, zip(back.column(0).to_pylist(), back.column(1).to_pylist(), strict=True))
        yield from _content(path)


def _type(column: Sequence[object]) -> pa.DataType:
    return pa.string() if any(isinstance(value, str) for value in column) else pa.float64()


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names that differ from each other; the second of a name gets a number."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _cell(value: object) -> object:
    return ILLEGAL_CHARACTERS_RE.sub(" ", value) if isinstance(value, str) else value


def _as_text(cells: Iterable[Cell]) -> None:
    """Keep texts that begin like a formula from being one."""
    for cell in cells:
        if isinstance(cell.value, str):
            cell.data_type = "s"


def _check(wanted: Sequence[tuple[str, str]], found: Iterable[tuple[str, str]]) -> None:
    read = list(found)
    if read != list(wanted):
        raise NotTheSame(f"{len(wanted):,} rows were written and {len(read):,} read back, or some of them differ.")


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
