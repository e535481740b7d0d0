"""Which candidates are shown, and in which order: read from an address, told in words, applied to columns of figures.

The list, the downloads and the selection for a review all go through `Filter`, so they cannot differ. Each kind of
condition is one small class with the same five members; a new kind joins `CONDITIONS` and nothing else changes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from designlab.candidates import origin
from designlab.candidates.columns import Columns
from designlab.candidates.objectives import Objective
from designlab.candidates.searching import OF_MOLECULES, Reader, Search
from designlab.common.templatetags.figures import sensible

MOST_SOURCE = 80  # signs that a source may have
SIMILARITY = "similarity"
Query = Mapping[str, str]
Refusals = dict[str, str]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]


class Condition(Protocol):
    """What every kind of condition can do."""

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective], refused: Refusals) -> list["Condition"]:
        """The conditions of this kind in an address; what cannot be used is noted in `refused` by its field."""

    def keeps(self, columns: Columns) -> Mask:
        """Which candidates fulfil it."""

    def words(self) -> str:
        """How the page tells of it."""

    def query(self) -> dict[str, str]:
        """Its part of an address; `read` takes it back."""


def number(query: Query, key: str, refused: Refusals) -> float | None:
    """A number from an address, or None where the field is empty; a refusal is noted."""
    raw = query.get(key, "").strip().replace("−", "-").replace(",", ".")
    if not raw:
        return None
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    refused[key] = f"“{raw[:40]}” is not a number; write it like 0.8 or −3.5."
    return None


def written(value: float) -> str:
    """A number as an address carries it: no more digits than needed."""
    return f"{value:.10g}"


@dataclass(frozen=True)
class RewardAtLeast:
    """Reward not below a limit."""

    low: float

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective], refused: Refusals) -> list["RewardAtLeast"]:
        low = number(query, "reward_min", refused)
        return [cls(low)] if low is not None else []

    def keeps(self, columns: Columns) -> Mask:
        return columns.reward >= self.low

    def words(self) -> str:
        return f"reward ≥ {self.low:.2f}" if round(self.low, 2) == self.low else f"reward ≥ {written(self.low)}"

    def query(self) -> dict[str, str]:
        return {"reward_min": written(self.low)}


@dataclass(frozen=True)
class ValueWithin:
    """An objective's value between two limits, either of them open."""

    objective: Objective
    low: float | None
    high: float | None

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective], refused: Refusals) -> list["ValueWithin"]:
        found = []
        for objective in objectives:
            low = number(query, f"{objective.key}_min", refused)
            high = number(query, f"{objective.key}_max", refused)
            if low is not None and high is not None and low > high:
                refused[f"{objective.key}_max"] = f"must not lie below {written(low)}, the lower limit."
            elif low is not None or high is not None:
                found.append(cls(objective, low, high))
        return found

    def keeps(self, columns: Columns) -> Mask:
        values = columns.values[self.objective.name]
        above = values >= (-math.inf if self.low is None else self.low)
        return above & (values <= (math.inf if self.high is None else self.high))

    def words(self) -> str:
        name, unit = self.objective.name, f" {self.objective.unit}" if self.objective.unit else ""
        if self.high is None:
            return f"{name} ≥ {sensible(self.low)}{unit}"
        if self.low is None:
            return f"{name} ≤ {sensible(self.high)}{unit}"
        return f"{name} {sensible(self.low)} to {sensible(self.high)}{unit}"

    def query(self) -> dict[str, str]:
        ends = {f"{self.objective.key}_min": self.low, f"{self.objective.key}_max": self.high}
        return {key: written(value) for key, value in ends.items() if value is not None}


@dataclass(frozen=True)
class OnlyNew:
    """Not among the molecules of the campaign's data."""

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective], refused: Refusals) -> list["OnlyNew"]:
        return [cls()] if query.get("new") else []

    def keeps(self, columns: Columns) -> Mask:
        return ~columns.is_known

    def words(self) -> str:
        return "new only"

    def query(self) -> dict[str, str]:
        return {"new": "1"}


@dataclass(frozen=True)
class DrawnFor:
    """Of one source: who drew it, or the target that it was drawn for."""

    source: str

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective], refused: Refusals) -> list["DrawnFor"]:
        source = query.get("source", "").strip()[:MOST_SOURCE]
        return [cls(source)] if source else []

    def keeps(self, columns: Columns) -> Mask:
        return columns.source == self.source

    def words(self) -> str:
        return origin.words(self.source)

    def query(self) -> dict[str, str]:
        return {"source": self.source}


@dataclass(frozen=True)
class OnFront:
    """On the Pareto front of all objectives, by their desirability."""

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective], refused: Refusals) -> list["OnFront"]:
        return [cls()] if query.get("front") and len(objectives) > 1 else []

    def keeps(self, columns: Columns) -> Mask:
        return columns.front

    def words(self) -> str:
        return "on the Pareto front"

    def query(self) -> dict[str, str]:
        return {"front": "1"}


CONDITIONS: tuple[type, ...] = (RewardAtLeast, ValueWithin, OnlyNew, OnFront, DrawnFor)


@dataclass(frozen=True)
class Order:
    """By what the rows are sorted; equal ones by their id, so that pages never overlap."""

    key: str = "reward"
    descending: bool = True
    objective: Objective | None = None

    @classmethod
    def read(cls, query: Query, objectives: Sequence[Objective]) -> "Order":
        """From `sort=-reward`; anything unknown gives the usual order, best first."""
        raw = query.get("sort", "")
        key, descending = raw.removeprefix("-"), raw.startswith("-")
        objective = next((one for one in objectives if one.key == key), None)
        known = objective or key in {"reward", "evaluation"} or (key == SIMILARITY and query.get("like", "").strip())
        return cls(key, descending, objective) if known else cls()

    def sorted(self, columns: Columns, places: Places) -> Places:
        """The places in this order; missing values come last in both directions.

        By similarity is the search's to sort, which alone knows it; equally similar ones stay best first.
        """
        ids = columns.id[places]
        if self.objective is not None:
            by = columns.values[self.objective.name][places]
            return places[np.lexsort((ids, -by if self.descending else by))]
        by = (columns.evaluation if self.key == "evaluation" else columns.log_reward)[places]
        upward = places[np.lexsort((-ids, by))]
        return upward[::-1] if self.descending or self.key == SIMILARITY else upward

    def query(self) -> dict[str, str]:
        return {} if self == Order() else {"sort": f"-{self.key}" if self.descending else self.key}


@dataclass(frozen=True)
class Filter:
    """Conditions and an order."""

    conditions: tuple = ()
    order: Order = Order()
    refused: Refusals = field(default_factory=dict, compare=False)
    searches: tuple[Search, ...] = ()  # by structure; they need more than columns

    @classmethod
    def read(
        cls, query: Query, objectives: Sequence[Objective], readers: Sequence[Reader] = OF_MOLECULES,
        marks: Sequence[Callable[[Query, Refusals], Sequence[Condition]]] = (),
    ) -> "Filter":  # fmt: skip
        """From an address or a form; fields that cannot be used are left out and told in `refused`.

        `readers` are those of what the kind of design can be searched for, `marks` those of what people and
        groupings marked in the run.
        """
        refused: Refusals = {}
        found = [one for each in CONDITIONS for one in each.read(query, objectives, refused)]
        found += [one for reader in marks for one in reader(query, refused)]
        searches = [one for reader in readers for one in reader(query, refused)]
        return cls(tuple(found), Order.read(query, objectives), refused, tuple(searches))

    @property
    def asked(self) -> tuple:
        """Conditions and searches, in the order in which they are told."""
        return self.conditions + self.searches

    def apply(self, columns: Columns) -> Places:
        """Where the candidates that fulfil every condition stand, in the order asked for."""
        keep = np.ones(len(columns), dtype=np.bool_)
        for condition in self.conditions:
            keep &= condition.keeps(columns)
        return self.order.sorted(columns, np.flatnonzero(keep))

    def words(self) -> list[str]:
        """The conditions as the page tells them."""
        return [condition.words() for condition in self.asked]

    def fields(self) -> dict[str, str]:
        """The conditions as form fields."""
        return {key: value for condition in self.asked for key, value in condition.query().items()}

    def query(self, **changes: str | int) -> str:
        """The address of this list, with changes; an empty change drops its key."""
        fields = {**self.fields(), **self.order.query(), **{key: str(value) for key, value in changes.items()}}
        return urlencode({key: value for key, value in fields.items() if value})
