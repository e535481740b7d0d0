"""Records of SD files and FASTA files as rows, read line by line: a damaged record costs that record.

An SD record ends at a line that begins with `$$$$`; a terminator further right, or indented, is part of a value. What
stands before the `M  END` line (or, where that is missing, before the first field) is the drawing and stays as written.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from designlab.datasets.content import Content, text_lines
from designlab.datasets.errors import ImportRefused
from designlab.datasets.row import Row

DRAWING, TITLE, SEQUENCE, NAME, DESCRIPTION = "molfile", "title", "sequence", "name", "description"
FASTA_COLUMNS = (SEQUENCE, NAME, DESCRIPTION)
MAX_RECORD_LINES = 20_000
MAX_RECORD_CHARACTERS = 1_000_000
MAX_SEQUENCE = 100_000
MAX_TAGS = 2_000
MAX_TAG = 200
_TAG = re.compile(r">[^<]*<(?P<name>.+)>[^>]*")
_NUMBERED = re.compile(r">\s*(?P<name>DT\d+|\S[^<>]*?)\s*(?:\(\d+\))?\s*")
Field = tuple[str, str]


def sdf_tags(path: Path, content: Content) -> tuple[str, ...]:
    """Names of all fields of all records, in order of first appearance."""
    found: dict[str, None] = {}
    for line in text_lines(path, content):
        if line.startswith(">") and (name := _tag(line)):
            found.setdefault(name)
            if len(found) > MAX_TAGS:
                raise ImportRefused(f"The file has more than {MAX_TAGS:,} different fields.", code="too_large")
    return tuple(found)


def sdf_rows(path: Path, content: Content, tags: tuple[str, ...]) -> Iterator[Row]:
    """One row a record: the drawing, its title, and the value of each field; repeated fields are joined by "; "."""
    for number, (start, lines, whole) in enumerate(_records(path, content), start=1):
        if not whole:
            words = f"The record is longer than {MAX_RECORD_LINES:,} lines or {MAX_RECORD_CHARACTERS:,} characters."
            yield Row(start, ["", lines[0].strip() if lines else "", *[""] * len(tags)], words, number)
            continue
        drawing, rest = _drawing(lines)
        values: dict[str, list[str]] = {}
        for name, value in _fields(rest):
            values.setdefault(name, []).append(value)
        title = drawing[0].strip() if drawing else ""
        yield Row(start, ["\n".join(drawing), title, *("; ".join(values.get(tag, ())) for tag in tags)], "", number)


def last_record_is_closed(path: Path, content: Content) -> bool:
    """Whether the file ends with a terminator, as the format wants; the last record is read either way."""
    last = ""
    for line in text_lines(path, content):
        if line and not line.isspace():
            last = line
    return last.startswith("$$$$")


def _records(path: Path, content: Content) -> Iterator[tuple[int, list[str], bool]]:
    """First line's number, lines, and whether the record was kept whole; what is above the caps is dropped."""
    lines: list[str] = []
    start, size, seen = 1, 0, 0
    filled = False
    for number, line in enumerate(text_lines(path, content), start=1):
        if line.startswith("$$$$"):
            yield start, lines, seen == len(lines)
            lines, start, size, seen, filled = [], number + 1, 0, 0, False
            continue
        seen += 1
        size += len(line)
        filled = filled or bool(line.strip())
        if len(lines) < MAX_RECORD_LINES and size <= MAX_RECORD_CHARACTERS:
            lines.append(line)
    if filled:
        yield start, lines, seen == len(lines)


def _drawing(lines: list[str]) -> tuple[list[str], list[str]]:
    for position, line in enumerate(lines):
        if line.startswith("M  END"):
            return lines[: position + 1], lines[position + 1 :]
        if position > 2 and line.startswith(">"):
            return lines[:position], lines[position:]
    return lines, []


def _fields(lines: list[str]) -> Iterator[Field]:
    """Fields with their values; lines of one value are joined, blank lines around a value are not part of it."""
    name, value = "", []
    for line in lines:
        if line.startswith(">") and (tag := _tag(line)):
            if name:
                yield name, "\n".join(value).strip()
            name, value = tag, []
        else:
            value.append(line)
    if name:
        yield name, "\n".join(value).strip()


def _tag(line: str) -> str:
    found = _TAG.fullmatch(line.rstrip()) or _NUMBERED.fullmatch(line)
    return " ".join(found["name"].split())[:MAX_TAG] if found else ""


def fasta_rows(path: Path, content: Content) -> Iterator[Row]:
    """One row a sequence: its letters without blanks and line ends, its name, and the rest of its heading."""
    start, number, heading, letters, size = 0, 0, "", [""], 0
    for at, line in enumerate(text_lines(path, content), start=1):
        if line.startswith(">"):
            if number:
                yield _sequence(start, number, heading, letters, size)
            start, number, heading, letters, size = at, number + 1, line[1:].strip(), [], 0
        elif not line.startswith(";"):
            size += len(line)
            if size <= MAX_SEQUENCE:
                letters.append("".join(line.split()))
    if number:
        yield _sequence(start, number, heading, letters, size)


def _sequence(start: int, number: int, heading: str, letters: list[str], size: int) -> Row:
    name, _, description = heading.partition(" ")
    problem = f"The sequence is longer than {MAX_SEQUENCE:,} letters." if size > MAX_SEQUENCE else ""
    return Row(start, ["".join(letters), name, description.strip()], problem, number)
