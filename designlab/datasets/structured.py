"""Records of JSON and Parquet files as rows: read piece by piece, nested values told by the path to them.

JSON may be a list of objects, an object that holds one (ours: "candidates"), or an object a line. Numbers stay the text
they were written in. Parquet is read in batches; what a file says of its own size is checked before a page is unpacked.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from designlab.datasets.content import Content, open_bytes
from designlab.datasets.errors import ImportRefused
from designlab.datasets.row import Row
from designlab.datasets.spreadsheet import as_text, unpacked

MAX_FIELDS, MAX_NAME, MAX_DEPTH = 2_000, 200, 8
MAX_RECORD_CHARACTERS = 1_000_000
MAX_PARQUET_BYTES = 400_000_000  # of all columns, unpacked
MAX_RATIO = 2_000  # dictionaries shrink repeated values far
RATIO_COUNTS_FROM = 50_000_000
BATCH = 2_000
OURS = "candidates"
_PIECE = 1 << 18
_SPACE = re.compile(r"[\s,\ufeff]*")
_NO_LIST = "This JSON holds no list of records; write one object for each molecule, in one list."
_DAMAGED = "The JSON is damaged near line {:,}: {}."
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda _: "")


# -- JSON -----------------------------------------------------------------------------------------------------


def json_names(path: Path, content: Content) -> tuple[str, ...]:
    """Names of all fields of all records, in order of first appearance."""
    chosen = _chosen(path, content)
    found: dict[str, None] = {}
    for _, record in _records(path, content, chosen):
        for name in _flat(record):
            found.setdefault(name)
        if len(found) > MAX_FIELDS:
            raise ImportRefused(f"The file has more than {MAX_FIELDS:,} different fields.", code="too_large")
    if not found:
        raise ImportRefused(_NO_LIST, code="json")
    return tuple(found)


def json_rows(path: Path, content: Content, names: tuple[str, ...]) -> Iterator[Row]:
    """One row a record, a value for each name; what a record lacks is empty."""
    for number, (line, record) in enumerate(_records(path, content, _chosen(path, content)), start=1):
        values = _flat(record)
        yield Row(line, [values.get(name, "") for name in names], "", number)


def _chosen(path: Path, content: Content) -> str:
    """Which list of an object is the table: "candidates" as in our own files, else the longest."""
    sizes = Counter(key for key, _, _ in _listed(path, content))
    if not sizes:
        raise ImportRefused(_NO_LIST, code="json")
    return OURS if OURS in sizes else max(sizes, key=lambda key: sizes[key])


def _records(path: Path, content: Content, chosen: str) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((line, record) for key, line, record in _listed(path, content) if key == chosen)


def _listed(path: Path, content: Content) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(list, line, object) for the objects in lists of a file; "" names a list, or lines, without a name."""
    with open_bytes(path, compressed=content.compressed) as raw:
        source = _Source(raw, content.encoding)
        opens = source.peek()
        if opens not in ("[", "{"):
            raise ImportRefused(_NO_LIST, code="json")
        if opens == "{":
            yield from _of_object(source)
            return
        source.skip(1)
        yield from (("", *found) for found in source.members())


def _of_object(source: "_Source") -> Iterator[tuple[str, int, dict[str, Any]]]:
    line, alone, has_list = source.line, {}, False
    source.skip(1)
    while (sign := source.peek()) not in ("}", ""):
        name = source.value()
        if not isinstance(name, str) or source.peek() != ":":
            raise ImportRefused(_DAMAGED.format(source.line, "a name was expected"), code="damaged")
        source.skip(1)
        if source.peek() == "[" and source.peek(2) == "{":
            source.skip(1)
            yield from ((name, *found) for found in source.members())
            source.skip(1)
            has_list = True
        else:
            alone[name] = source.value()
    if not sign:
        raise ImportRefused(_DAMAGED.format(source.line, "it ends too soon"), code="damaged")
    source.skip(1)
    if not has_list and source.peek() == "{":  # an object a line
        yield "", line, alone
        yield from (("", *found) for found in source.members(closed_by=""))


class _Source:
    """JSON text, taken value by value."""

    def __init__(self, raw: Any, encoding: str) -> None:
        self.raw, self.decoder = raw, codecs.getincrementaldecoder(encoding)()
        self.text, self.at, self.line, self.ended = "", 0, 1, False

    def _more(self) -> bool:
        piece = self.raw.read(_PIECE)
        self.ended = not piece
        self.line += self.text.count("\n", 0, self.at)
        self.text = self.text[self.at :] + self.decoder.decode(piece, final=self.ended)
        self.at = 0
        return not self.ended

    def peek(self, n: int = 1) -> str:
        """The n-th sign that is no blank or comma from here, "" at the end."""
        while True:
            position = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing too
            if n == 1:
                self.at = position
            else:
                position = _SPACE.match(self.text, position + 1).end()  # type: ignore[union-attr]
            if position < len(self.text):
                return self.text[position]
            if not self._more():
                return ""

    def skip(self, n: int) -> None:
        """Pass over signs."""
        self.at += n

    def value(self) -> Any:
        """The next value, at most as long as a record may be."""
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self.text, self.at)
            except RecursionError as deep:
                raise ImportRefused(_DAMAGED.format(self.line, "it is nested too deep"), code="damaged") from deep
            except json.JSONDecodeError as wrong:
                if len(self.text) - self.at > MAX_RECORD_CHARACTERS or not self._more():
                    self.line += self.text.count("\n", 0, max(wrong.pos, 0))
                    raise ImportRefused(_DAMAGED.format(self.line, wrong.msg), code="damaged") from wrong
                continue
            if end < len(self.text) or not self._more():  # a number could go on in the next piece
                self.at = end
                return found

    def members(self, closed_by: str = "]") -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects from here to the end of their list, each with its line."""
        while (sign := self.peek()) != closed_by:
            if sign != "{":
                words = "it ends too soon" if not sign else "a record that is no object"
                raise ImportRefused(_DAMAGED.format(self.line, words), code="damaged")
            self.line += self.text.count("\n", 0, self.at)
            self.text, self.at = self.text[self.at :], 0
            line = self.line
            yield line, self.value()


def _flat(record: dict[str, Any], path: str = "", depth: int = 0) -> dict[str, str]:
    """Values by the names that lead to them: {"o": {"logS": {"value": 1}}} has "o.logS.value"."""
    found: dict[str, str] = {}
    for key, value in record.items():
        name = f"{path}{' '.join(str(key).split())}"[:MAX_NAME]
        if isinstance(value, dict) and depth < MAX_DEPTH:
            found |= _flat(value, f"{name}.", depth + 1)
        else:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_plain(one) for one in value if not isinstance(one, dict | list))
    return "" if isinstance(value, dict) else as_text(value)


# -- Parquet ----------------------------------------------------------------------------------------------------


def parquet_names(path: Path, content: Content) -> tuple[str, ...]:
    """Names of the columns that hold one value a row. Raises ImportRefused where the file is none, or too large."""
    with _parquet(path, content) as file:
        names = tuple(field.name for field in file.schema_arrow if not pa.types.is_nested(field.type))
    if not names:
        raise ImportRefused("The Parquet file has no column with one value a row.", code="no_rows")
    if len(names) > MAX_FIELDS:
        raise ImportRefused(f"The table has {len(names):,} columns; the limit is {MAX_FIELDS:,}.", code="too_large")
    return names


def parquet_rows(path: Path, content: Content, n_columns: int) -> Iterator[Row]:
    """One row a row, numbered from 1, its cells as a text table would hold them."""
    with _parquet(path, content) as file:
        wanted = [i for i, field in enumerate(file.schema_arrow) if not pa.types.is_nested(field.type)][:n_columns]
        names = file.schema_arrow.names
        number = 0
        for batch in file.iter_batches(batch_size=BATCH, columns=list(dict.fromkeys(names[i] for i in wanted))):
            columns = [batch.column(at).to_pylist() for at in range(batch.num_columns)]
            for values in zip(*columns, strict=True):
                number += 1
                yield Row(number, [_cell(value) for value in values], "", number)


@contextmanager
def _parquet(path: Path, content: Content) -> Iterator[pq.ParquetFile]:
    with unpacked(path, content) as plain:
        try:
            file = pq.ParquetFile(plain, thrift_string_size_limit=1 << 24, thrift_container_size_limit=1 << 20)
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            n_bytes = sum(group.total_byte_size for group in groups)
            if n_bytes > MAX_PARQUET_BYTES or n_bytes > max(RATIO_COUNTS_FROM, MAX_RATIO * plain.stat().st_size):
                raise ImportRefused("The Parquet file unpacks to more than is read; split it.", code="too_large")
            yield file
        except ImportRefused:
            raise
        except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as damage:
            words = "The Parquet file is damaged or written in a way that is not read; write it anew, or as CSV."
            raise ImportRefused(words, code="damaged") from damage


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float) and value != value:
        return ""
    if isinstance(value, Decimal | date | datetime | time):
        return str(value)
    return as_text(value)
