"""Merging rows into compounds: equal standard SMILES are one compound, labels averaged, every row accounted for."""

import math
from array import array
from collections import Counter
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

    def __init__(self, n_labels: int) -> None:
        self.n_labels = n_labels
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

    @property
    def n_compounds(self) -> int:
        """How many distinct compounds there are so far."""
        return len(self._lines)

    def add(self, line: int, result: dict[str, Any], values: list[float]) -> Entry:
        """Account for one row; `values` has one number a label, NaN where the row has none."""
        entry = self._placed(line, result, values)
        self.counts[entry.status] += 1
        return entry

    def _placed(self, line: int, result: dict[str, Any], values: list[float]) -> Entry:
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
                self._observe(position, at, value)
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
        for low, high in zip(self._low, self._high, strict=True):
            low.append(math.inf)
            high.append(-math.inf)

    def _merge(self, at: int, result: dict[str, Any]) -> Entry:
        earlier = next(steps for steps, number in self._histories.items() if number == self._history[at])
        causes = list(dict.fromkeys([*earlier, *result["steps"]]))
        kind = f"{SAME} after: {', '.join(causes)}" if causes else SAME
        self.merged_by_reason[kind] += 1
        line = self._lines[at]
        return Entry(MERGED, into_line=line, code="merged", reason=f"Merged into line {line:,}: {kind}.")

    def _observe(self, position: int, at: int, value: float) -> None:
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
        """Averaged values of one label, of the compounds that have one."""
        return [m for m, n in zip(self._mean[position], self._n[position], strict=True) if n]

    def disagreement(self, position: int) -> tuple[int, float]:
        """How many compounds carry different values of one label, and the largest range among them."""
        ranges = [high - low for low, high in zip(self._low[position], self._high[position], strict=True) if high > low]
        return len(ranges), max(ranges, default=0.0)

    def label_columns(self, position: int, start: int, stop: int) -> dict[str, pa.Array]:
        """Mean, standard deviation (null below two values) and number of values, for compounds start to stop."""
        n = np.frombuffer(self._n[position], dtype=np.int32)[start:stop]
        mean = np.frombuffer(self._mean[position], dtype=np.float64)[start:stop]
        squares = np.frombuffer(self._squares[position], dtype=np.float64)[start:stop]
        spread = np.sqrt(squares / np.maximum(n - 1, 1))
        return {
            "label": pa.array(mean, mask=n == 0),
            "spread": pa.array(spread, mask=n < 2),
            "n": pa.array(n.copy(), pa.int32()),
        }
