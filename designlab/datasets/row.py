"""One record of an upload, whatever kind of file it came from."""

from typing import NamedTuple


class Row(NamedTuple):
    """The line a record began on (from 1), its cells, what was wrong with it ("" when nothing was), its number."""

    line: int
    cells: list[str]
    problem: str
    number: int = 0  # of the record, from 1, where people count records rather than lines
