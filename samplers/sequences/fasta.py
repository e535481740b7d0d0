"""FASTA text as records: headers, wrapped lines, comments. Nothing is decided about letters here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from samplers.errors import DesignError

MAX_HEADER: Final = 1_000  # characters of a header that are kept
MAX_RECORD: Final = 1_000_000  # characters of one sequence; chromosomes are no designs


@dataclass(slots=True)
class Record:
    """One FASTA record: the line its header stands on, the header's first word, the rest of it, and its letters."""

    line: int
    id: str
    description: str
    sequence: str = ""
    too_long: bool = False
    parts: list[str] = field(default_factory=list, repr=False)
    size: int = field(default=0, repr=False)


def records(lines: Iterable[str]) -> Iterator[Record]:
    """The records of FASTA text, one by one, with memory for one record only.

    A header begins with ">", a comment line with ";"; blank lines count for nothing. Letters are joined as written;
    a record without letters has an empty sequence. Beyond a million characters the letters of a record are left out
    and `too_long` says so. Raises DesignError, naming the line, when letters come before the first header.
    """
    current: Record | None = None
    for number, raw in enumerate(lines, start=1):
        line = raw.strip("\r\n\t \ufeff")
        if not line or line.startswith(";"):
            continue
        if line.startswith(">"):
            if current is not None:
                yield _closed(current)
            header = line[1:].strip()[:MAX_HEADER]
            name, _, rest = header.partition(" ") if " " in header else header.partition("\t")
            current = Record(number, name.strip(), rest.strip())
        elif current is None:
            raise DesignError(f"Line {number} holds letters before the first header; a FASTA file begins with '>'.")
        else:
            current.size += len(line)
            current.too_long = current.too_long or current.size > MAX_RECORD
            if not current.too_long:
                current.parts.append(line)
    if current is not None:
        yield _closed(current)


def _closed(record: Record) -> Record:
    record.sequence = "" if record.too_long else "".join(record.parts)
    record.parts = []
    return record
