"""Merging rows into compounds: equal standard SMILES are one compound, labels averaged, every row accounted for.

Measured values are averaged. Bounds (">10000") never mix with them: a compound that has both keeps its measured mean;
one that has bounds alone keeps the tightest, with its relation; bounds on both sides leave no value. Outcomes (0 or 1)
are decided by majority, and a tie leaves no value.
"""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

ACCEPTED, MERGED, REJECTED = "accepted", "merged", "rejected"
SAME = "same structure"
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one row."""

    status: str
    into_line: int | None = None
    code: str = ""
    reason: str = ""


class Compounds:
    """Compounds in order of first appearance. Holds numbers only; texts are streamed to the row ledger."""

    def __init__(self, n_labels: int, outcomes: Sequence[bool] = ()) -> None:
        self.n_labels, self.outcomes = n_labels, list(outcomes) or [False] * n_labels
        self.counts: Counter[str] = Counter({ACCEPTED: 0, MERGED: 0, REJECTED: 0})
        self.rejected_by_code: Counter[str] = Counter()
        self.rejected_examples: dict[str, list[dict[str, Any]]] = {}
        self.merged_by_reason: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.n_sharing_inchikey = 0
        self.n_rows = array("i")
        self._index: dict[bytes, int] = {}
        self._inchikeys: set[bytes] = set()
        self._lines = array("q")
        self._histories: dict[tuple[str, ...], int] = {(): 0}
        self._history = array("i")
        self._n = [array("i") for _ in range(n_labels)]
        self._mean = [array("d") for _ in range(n_labels)]
        self._squares = [array("d") for _ in range(n_labels)]  # summed squared distance from the mean
        self._low = [array("d") for _ in range(n_labels)]
        self._high = [array("d") for _ in range(n_labels)]
        self._above = [array("d") for _ in range(n_labels)]  # the highest of the bounds ">"
        self._below = [array("d") for _ in range(n_labels)]  # the lowest of the bounds "<"

    @property
    def n_compounds(self) -> int:
        """How many distinct compounds there are so far."""
        return len(self._lines)

    def add(self, line: int, result: dict[str, Any], values: Sequence[float], relations: Sequence[str] = ()) -> Entry:
        """Account for one row; `values` has one number a label, NaN where there is none, `relations` its = < or >."""
        entry = self._placed(line, result, values, relations)
        self.counts[entry.status] += 1
        return entry

    def _placed(self, line: int, result: dict[str, Any], values: Sequence[float], relations: Sequence[str]) -> Entry:
        if not result["ok"]:
            self.rejected_by_code[result["code"]] += 1
            examples = self.rejected_examples.setdefault(result["code"], [])
            if len(examples) < EXAMPLES:
                examples.append({"line": line, "message": result["message"]})
            return Entry(REJECTED, code=result["code"], reason=result["message"])
        self.steps.update(result["steps"])
        key = blake2b(result["smiles"].encode(), digest_size=16).digest()
        at = self._index.get(key)
        if at is None:
            self._open(line, key, result)
            at = self.n_compounds - 1
            entry = Entry(ACCEPTED)
        else:
            entry = self._merge(at, result)
        self.n_rows[at] += 1
        for position, value in enumerate(values):
            if not math.isnan(value):
                self._observe(position, at, value, relations[position] if relations else "=")
        return entry

    def _open(self, line: int, key: bytes, result: dict[str, Any]) -> None:
        self._index[key] = self.n_compounds
        self._lines.append(line)
        self.n_rows.append(0)
        self._history.append(self._histories.setdefault(tuple(result["steps"]), len(self._histories)))
        self.flags.update(result["flags"])
        inchikey = result["inchikey"].encode()
        self.n_sharing_inchikey += bool(inchikey) and inchikey in self._inchikeys
        self._inchikeys.add(inchikey)
        for column in (self._n, self._mean, self._squares):
            for numbers in column:
                numbers.append(0)
        for column in (self._low, self._below):
            for numbers in column:
                numbers.append(math.inf)
        for column in (self._high, self._above):
            for numbers in column:
                numbers.append(-math.inf)

    def _merge(self, at: int, result: dict[str, Any]) -> Entry:
        earlier = next(steps for steps, number in self._histories.items() if number == self._history[at])
        causes = list(dict.fromkeys([*earlier, *result["steps"]]))
        kind = f"{SAME} after: {', '.join(causes)}" if causes else SAME
        self.merged_by_reason[kind] += 1
        line = self._lines[at]
        return Entry(MERGED, into_line=line, code="merged", reason=f"Merged into line {line:,}: {kind}.")

    def _observe(self, position: int, at: int, value: float, relation: str) -> None:
        if relation == ">":
            self._above[position][at] = max(self._above[position][at], value)
            return
        if relation == "<":
            self._below[position][at] = min(self._below[position][at], value)
            return
        # Welford's update keeps mean and spread exact enough for values that differ in the last digits only.
        self._n[position][at] += 1
        mean = self._mean[position][at]
        delta = value - mean
        mean += delta / self._n[position][at]
        self._mean[position][at] = mean
        self._squares[position][at] += delta * (value - mean)
        self._low[position][at] = min(self._low[position][at], value)
        self._high[position][at] = max(self._high[position][at], value)

    def means(self, position: int) -> list[float]:
        """Measured values of one label, averaged, of the compounds that have one; bounds are not among them."""
        values, relations = self._settled(position, 0, self.n_compounds)
        return values[relations == "="].tolist()

    def n_bounds(self, position: int) -> int:
        """How many compounds carry a bound and no measured value."""
        _, relations = self._settled(position, 0, self.n_compounds)
        return int(np.isin(relations, ("<", ">")).sum())

    def disagreement(self, position: int) -> tuple[int, float]:
        """How many compounds carry different values of one label, and the largest range among them."""
        ranges = [high - low for low, high in zip(self._low[position], self._high[position], strict=True) if high > low]
        return len(ranges), max(ranges, default=0.0)

    def n_against_bounds(self, position: int) -> int:
        """How many compounds have bounds that contradict each other, or their own measured mean."""
        n, mean, above, below = self._arrays(position, 0, self.n_compounds)
        return int(((above > below) | ((n > 0) & ((mean < above) | (mean > below)))).sum())

    def label_columns(self, position: int, start: int, stop: int) -> dict[str, pa.Array]:
        """Value, its relation, standard deviation (null below two values) and number of measured values."""
        values, relations = self._settled(position, start, stop)
        n = np.frombuffer(self._n[position], dtype=np.int32)[start:stop]
        squares = np.frombuffer(self._squares[position], dtype=np.float64)[start:stop]
        spread = np.sqrt(squares / np.maximum(n - 1, 1))
        return {
            "label": pa.array(values, mask=relations == ""),
            "relation": pa.array(relations.astype(object), pa.string(), mask=relations == ""),
            "spread": pa.array(spread, mask=n < 2),
            "n": pa.array(n.copy(), pa.int32()),
        }

    def _arrays(self, position: int, start: int, stop: int) -> tuple[np.ndarray, ...]:
        n = np.frombuffer(self._n[position], dtype=np.int32)[start:stop]
        columns = (self._mean, self._above, self._below)
        return n, *(np.frombuffer(column[position], dtype=np.float64)[start:stop] for column in columns)

    def _settled(self, position: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """The value of each compound and its relation: "=", "<", ">", or "" where there is none."""
        n, mean, above, below = self._arrays(position, start, stop)
        lower, upper = np.isfinite(above), np.isfinite(below)
        relations = np.where(n > 0, "=", np.where(lower & ~upper, ">", np.where(upper & ~lower, "<", "")))
        values = np.where(n > 0, mean, np.where(lower, above, below))
        if self.outcomes[position]:
            relations = np.where(mean == 0.5, "", relations)
            values = np.round(values)
        return values, relations
