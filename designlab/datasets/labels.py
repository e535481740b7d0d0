"""Label columns of an import: checked for numbers before any chemistry is done, then read row by row."""

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median_low
from typing import Any

from designlab.datasets import cells
from designlab.datasets.columns import unit_of
from designlab.datasets.errors import ImportRefused
from designlab.datasets.reading import trouble_sentence
from designlab.datasets.table import Dialect, rows

DROP, NUMBER = "drop", "number"
MIN_NUMERIC_SHARE = 0.5  # below it the column is refused: what is left out would outweigh what is kept
MAX_LABELS = 20
_DECIMAL_SAMPLE = 20_000
_EXAMPLES = 200
_RELATION_SAMPLE = 5_000
OUTLIER = 1e4  # times the median distance from the median


@dataclass(slots=True)
class Label:
    """One label column and how its cells are read; `censored` says what becomes of ">10000"."""

    name: str
    position: int
    unit: str = ""
    decimal: str = ""  # "" means: found out from the column
    censored: str = DROP
    relation: int | None = None  # position of the column that holds <, > and so on
    relation_told: bool = True  # false: look for such a column, so that a bound is never taken for a measurement
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def read(self, row: list[str]) -> tuple[float, str]:
        """The value (NaN when there is none) and, for a filled cell without value, the kind that explains it."""
        cell = row[self.position]
        if self.relation is not None:
            cell = cells.with_relation(row[self.relation], cell)
        kind, value, _ = cells.read(cell, self.decimal)
        if kind == cells.CENSORED and self.censored == NUMBER:
            return value, ""
        return (value, "") if kind == cells.NUMBER else (math.nan, kind)


def from_mapping(asked: list[Any], dialect: Dialect) -> list[Label]:
    """Labels of a mapping: names, or dicts with column, unit, decimal, censored and relation."""
    if len(asked) > MAX_LABELS:
        raise ImportRefused(f"{len(asked)} label columns were chosen; the limit is {MAX_LABELS}.", code="label")
    labels = []
    for one in asked:
        told = {"column": one} if isinstance(one, str) else dict(one)
        position = position_of(str(told.get("column", "")), dialect, "label")
        relation = str(told.get("relation") or "")
        name = dialect.names[position]
        if any(label.name == name for label in labels):
            raise ImportRefused(f"The label column “{name}” was chosen twice.", code="label")
        if told.get("censored", DROP) not in (DROP, NUMBER):
            raise ImportRefused(f"Values like “>10000” can be left out ({DROP}) or used ({NUMBER}).", code="label")
        labels.append(
            Label(
                name,
                position,
                unit=str(told.get("unit") or unit_of(dialect.headers[position])),
                decimal=told.get("decimal", "") if told.get("decimal") in (".", ",") else "",
                censored=told.get("censored", DROP),
                relation=position_of(relation, dialect, "relation") if relation else None,
                relation_told="relation" in told,
            )
        )
    return labels


def position_of(name: str, dialect: Dialect, what: str) -> int:
    """Position of a column by its unique name; a repeated header is refused, naming the columns it could mean."""
    if name in dialect.names:
        return dialect.names.index(name)
    meant = [unique for unique, header in zip(dialect.names, dialect.headers, strict=True) if header == name]
    if meant and name:
        raise ImportRefused(
            f"More than one column is called “{name}”; say which one: {', '.join(f'“{one}”' for one in meant)}.",
            code="repeated_header",
        )
    shown = ", ".join(f"“{one}”" for one in dialect.names[:8]) + (", …" if len(dialect.names) > 8 else "")
    raise ImportRefused(f"There is no {what} column “{name}”. The columns are {shown}.", code=f"no_{what}")


def check(path: Path, dialect: Dialect, labels: list[Label]) -> int:
    """Read the label columns once, count their kinds of cells, and refuse a column that is not numeric.

    Returns the number of rows.
    """
    for label in labels:
        if not label.decimal:
            sample = (row.cells[label.position] for row in islice(rows(path, dialect), _DECIMAL_SAMPLE))
            label.decimal = cells.decimal_mark(sample)
    if any(not label.relation_told for label in labels):
        found = _relation_position(path, dialect)
        for label in labels:
            if not label.relation_told:
                label.relation = found
    n_rows = 0
    for row in rows(path, dialect):
        n_rows += 1
        for label in labels:
            _, kind = label.read(row.cells)
            label.counts[kind or cells.NUMBER] += 1
            if kind in cells.TROUBLE and len(label.examples) < _EXAMPLES:
                label.examples.append(row.cells[label.position])
    for label in labels:
        _refuse_text(label)
    return n_rows


def _relation_position(path: Path, dialect: Dialect) -> int | None:
    """Position of a column that holds nothing but relations, some of them bounds; None when there is none."""
    seen: list[set[str]] = [set() for _ in dialect.names]
    for row in islice(rows(path, dialect), _RELATION_SAMPLE):
        for values, cell in zip(seen, row.cells, strict=True):
            if len(values) <= len(cells.RELATION_WORDS):
                values.add(cell.strip())
    for position, values in enumerate(seen):
        values.discard("")
        if cells.are_relations(values):
            return position
    return None


def _refuse_text(label: Label) -> None:
    numbers = label.counts[cells.NUMBER]
    troubled = sum(label.counts[kind] for kind in cells.TROUBLE)
    if numbers == 0 and not troubled:
        dropped = label.counts[cells.CENSORED]
        rest = f"; {dropped:,} bounds like “>10000” would be left out" if dropped else ""
        raise ImportRefused(f"The label column “{label.name}” holds no number{rest}.", code="label")
    if numbers < MIN_NUMERIC_SHARE * (numbers + troubled):
        raise ImportRefused(trouble_sentence(label.name, label.examples, label.decimal), code="label")


def warnings(label: Label, values: list[float]) -> list[dict[str, str]]:
    """What a person should know about a label: values left out, no variance, absurd outliers."""
    found = []
    words = {
        cells.CENSORED: "bounds like “>10000” were left out",
        cells.NOT_FINITE: "values are infinite or too large to store and were left out",
        cells.PERCENT: "cells with percent signs were left out",
        cells.UNIT: "cells with a unit were left out",
        cells.GROUPED: "cells with grouped digits, which can be read in two ways, were left out",
        cells.TEXT: "cells with text were left out",
    }
    for kind, sentence in words.items():
        if n := label.counts[kind]:
            found.append({"code": f"label_{kind}", "message": f"“{label.name}”: {n:,} {sentence}."})
    if len(values) > 1 and min(values) == max(values):
        words_equal = f"“{label.name}”: all values are equal ({values[0]:g}); no model can learn from it."
        found.append({"code": "constant", "message": words_equal})
    elif outliers := _outliers(values):
        message = f"“{label.name}”: {len(outliers):,} values lie absurdly far out, for example {outliers[0]:g}."
        found.append({"code": "outlier", "message": message})
    return found


def _outliers(values: list[float]) -> list[float]:
    """Values further from the median than 10,000 times the median distance; never more than half of them."""
    if len(values) < 4:
        return []
    middle = median_low(values)
    width = max(median_low([abs(value - middle) for value in values]), 1e-12 * max(abs(middle), 1.0))
    return [value for value in values if abs(value - middle) > OUTLIER * width]
