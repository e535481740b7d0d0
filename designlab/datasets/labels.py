"""Label columns of an import: checked for numbers before any chemistry is done, then read row by row."""

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median_low
from typing import Any, NamedTuple

from designlab.datasets import cells, classes, units
from designlab.datasets.columns import unit_of
from designlab.datasets.errors import ImportRefused
from designlab.datasets.table import Dialect, rows
from designlab.datasets.trouble import trouble_sentence

DROP, NUMBER, BOUND = "drop", "number", "bound"
P_SCALE = "p"
MIN_NUMERIC_SHARE = 0.5  # below it the column is refused: what is left out would outweigh what is kept
MAX_LABELS = 20
_DECIMAL_SAMPLE = 20_000
_EXAMPLES = 200
_RELATION_SAMPLE = 5_000
_MANY = 3  # distinct values after which a column is no pass/fail of 0 and 1
OUTLIER = 1e4  # times the median distance from the median
_FLIPPED = {"<": ">", ">": "<", "": "", "=": "="}


class Reading(NamedTuple):
    """A value with its relation (= < >); NaN and "" when there is none, and then the kind that explains it."""

    value: float
    relation: str
    kind: str


@dataclass(slots=True)
class Label:
    """One label column and how its cells are read; `censored` says what becomes of ">10000"."""

    name: str
    position: int
    source: str = ""  # the column's own name
    unit: str = ""  # of the numbers as written
    scale: str = ""  # "p": kept as −log10 mol/L
    decimal: str = ""  # "" means: found out from the column
    grouped: bool = False
    censored: str = BOUND
    unit_column: int | None = None
    relation: int | None = None  # position of the column that holds <, > and so on
    relation_told: bool = True  # false: look for such a column, so that a bound is never taken for a measurement
    outcomes: dict[str, float] = field(default_factory=dict)  # class → 1 pass, 0 fail
    counts: Counter[str] = field(default_factory=Counter)
    distinct: set[float] = field(default_factory=set)  # up to _MANY values
    examples: list[str] = field(default_factory=list)

    @property
    def is_class(self) -> bool:
        """Whether this is pass or fail, in words or as numbers that are all 0 or 1."""
        return bool(self.outcomes) or (self.distinct == {0.0, 1.0} and not self.scale)

    @property
    def kept_unit(self) -> str:
        """The unit of the values in the curated table."""
        return units.P_UNIT if self.scale == P_SCALE else self.unit

    def read(self, row: list[str]) -> Reading:
        """The value of a row, in the unit and on the scale of the curated table."""
        cell = row[self.position]
        if self.outcomes:
            return self._outcome(cell)
        if self.relation is not None:
            cell = cells.with_relation(row[self.relation], cell)
        kind, value, relation = cells.read(cell, self.decimal, self.grouped)
        unit = row[self.unit_column].strip() if self.unit_column is not None else self.unit
        if kind in (cells.UNIT, cells.PERCENT) and self.unit:
            kind, value, relation, unit = cells.quantity(cell, self.decimal, self.grouped)
        if kind not in (cells.NUMBER, cells.CENSORED):
            return Reading(math.nan, "", kind)
        if unit != self.unit and math.isnan(value := self._in_unit(value, unit)):
            return Reading(math.nan, "", cells.PERCENT if unit == units.PERCENT else cells.UNIT)
        return self._scaled(value, relation.rstrip("=") if kind == cells.CENSORED else "=")

    def _outcome(self, cell: str) -> Reading:
        text = classes.key(cell)
        if not text or cells.read(text)[0] == cells.EMPTY:
            return Reading(math.nan, "", cells.EMPTY)
        value = self.outcomes.get(text, math.nan)
        return Reading(value, "", cells.OTHER_CLASS) if math.isnan(value) else Reading(value, "=", "")

    def _in_unit(self, value: float, unit: str) -> float:
        """A value in the label's unit; NaN when the two have nothing to do with each other."""
        if units.plain(unit) == units.plain(self.unit):
            return value
        ours, theirs = units.molar(self.unit), units.molar(unit)
        return value * (theirs / ours) if ours and theirs else math.nan

    def _scaled(self, value: float, relation: str) -> Reading:
        if relation != "=":
            if self.censored == NUMBER:
                relation = "="
            elif self.censored == DROP or relation not in ("<", ">"):  # "ca. 80" is neither a bound nor a value
                return Reading(math.nan, "", cells.CENSORED)
        if self.scale == P_SCALE:
            value = units.p_scale(value, self.unit)
            if math.isnan(value):
                return Reading(math.nan, "", cells.NOT_POSITIVE)
            relation = _FLIPPED[relation]
        return Reading(value, relation, "" if relation == "=" else cells.BOUND)


def from_mapping(asked: list[Any], dialect: Dialect) -> list[Label]:
    """Labels of a mapping: names, or dicts as `mapping.check` makes them."""
    if len(asked) > MAX_LABELS:
        raise ImportRefused(f"{len(asked)} label columns were chosen; the limit is {MAX_LABELS}.", code="label")
    labels: list[Label] = []
    for one in asked:
        label = _from_mapping({"column": one} if isinstance(one, str) else dict(one), dialect)
        if any(label.position == other.position for other in labels):
            raise ImportRefused(f"The label column “{label.source}” was chosen twice.", code="label")
        if any(label.name == other.name for other in labels) or (label.scale and label.name in dialect.names):
            label.name = f"{label.source} (−log10)" if label.scale else label.source
        labels.append(label)
    return labels


def _from_mapping(told: dict[str, Any], dialect: Dialect) -> Label:
    position = position_of(str(told.get("column", "")), dialect, "label")
    source, header = dialect.names[position], dialect.headers[position]
    relation, unit_column = str(told.get("relation") or ""), str(told.get("unit_column") or "")
    unit = str(told.get("unit") or unit_of(header)).strip()
    scale = str(told.get("scale") or "")
    if told.get("censored", BOUND) not in (DROP, NUMBER, BOUND):
        raise ImportRefused(
            f"Values like “>10000” can be kept as bounds ({BOUND}), left out ({DROP}) or used ({NUMBER}).", code="label"
        )
    if scale not in ("", P_SCALE) or (scale and units.molar(unit) is None):
        words = f"“{source}” cannot become −log10 mol/L: its unit must be a concentration, and it is “{unit}”."
        raise ImportRefused(words, code="label")
    outcomes = dict.fromkeys(map(classes.key, told.get("pass") or []), 1.0)
    outcomes |= dict.fromkeys(map(classes.key, told.get("fail") or []), 0.0)
    return Label(
        units.p_name(header or source) if scale else source,
        position,
        source=source,
        unit=unit,
        scale=scale,
        decimal=told.get("decimal", "") if told.get("decimal") in (".", ",") else "",
        grouped=bool(told.get("grouped")),
        censored=told.get("censored", BOUND),
        unit_column=position_of(unit_column, dialect, "unit") if unit_column else None,
        relation=position_of(relation, dialect, "relation") if relation else None,
        relation_told="relation" in told,
        outcomes=outcomes,
    )


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
            _count(label, row.cells)
    for label in labels:
        _refuse_text(label)
    return n_rows


def _count(label: Label, row: list[str]) -> None:
    reading = label.read(row)
    label.counts[reading.kind or (cells.CLASS if label.outcomes else cells.NUMBER)] += 1
    if reading.kind in cells.TROUBLE and len(label.examples) < _EXAMPLES:
        unit = f" {row[label.unit_column]}" if label.unit_column is not None else ""
        label.examples.append(row[label.position] + unit)
    if not reading.kind and len(label.distinct) < _MANY:
        label.distinct.add(reading.value)


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
    if label.outcomes:
        if not label.counts[cells.CLASS]:
            words = f"No row of “{label.source}” holds a class that was called pass or fail."
            raise ImportRefused(words, code="label")
        return
    numbers = label.counts[cells.NUMBER]
    troubled = sum(label.counts[kind] for kind in cells.TROUBLE)
    if numbers == 0 and not troubled:
        bounds = label.counts[cells.CENSORED] + label.counts[cells.BOUND]
        rest = f"; {bounds:,} bounds like “>10000” alone teach nothing" if bounds else ""
        raise ImportRefused(f"The label column “{label.source}” holds no number{rest}.", code="label")
    if numbers + label.counts[cells.BOUND] < MIN_NUMERIC_SHARE * (numbers + label.counts[cells.BOUND] + troubled):
        raise ImportRefused(trouble_sentence(label.source, label.examples, label.decimal), code="label")


def warnings(label: Label, values: list[float]) -> list[dict[str, str]]:
    """What a person should know about a label: values left out, no variance, absurd outliers."""
    found = []
    words = {
        cells.CENSORED: "bounds or approximations like “>10000” or “ca. 80” were left out",
        cells.BOUND: "values like “>10000” are kept as bounds, apart from measured values",
        cells.NOT_FINITE: "values are infinite or too large to store and were left out",
        cells.NOT_POSITIVE: "values are zero or negative, have no logarithm, and were left out",
        cells.PERCENT: "cells with percent signs were left out",
        cells.UNIT: "cells with a unit that does not convert were left out",
        cells.GROUPED: "cells with grouped digits, which can be read in two ways, were left out",
        cells.TEXT: "cells with text were left out",
        cells.OTHER_CLASS: "cells hold a class that is neither pass nor fail and were left out",
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
    if len(values) < 4 or set(values) <= {0.0, 1.0}:
        return []
    middle = median_low(values)
    width = max(median_low([abs(value - middle) for value in values]), 1e-12 * max(abs(middle), 1.0))
    return [value for value in values if abs(value - middle) > OUTLIER * width]
