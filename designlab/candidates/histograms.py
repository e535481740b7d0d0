"""Small histograms for the rail of filters: the whole run in grey, what the filter keeps in colour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.columns import columns_of
from designlab.candidates.filters import Filter, RewardAtLeast, ValueWithin
from designlab.candidates.objectives import Objective

BINS = 24


@dataclass(frozen=True)
class Bar:
    """One bin, in units of a drawing 240 wide and 36 high."""

    x: float
    height: float
    inside: bool

    @property
    def y(self) -> float:
        """Where the bar begins, from above."""
        return round(36 - self.height, 2)


@dataclass(frozen=True)
class Histogram:
    """The distribution of one figure over a run."""

    key: str
    heading: str
    low: float
    high: float
    chosen_low: str
    chosen_high: str
    bars: list[Bar]


def histograms(run: Run, objectives: list[Objective], chosen: Filter) -> list[Histogram]:
    """Of the reward and of every objective; over the columns of the run."""
    columns = columns_of(run)
    counted = [_binned(one) for one in (columns.reward, *(columns.values[one.name] for one in objectives))]
    fields = chosen.fields()
    limits = _limits(chosen)
    headings = [("reward", "Reward"), *((one.key, one.heading) for one in objectives)]
    found = []
    for (name, heading), (low, high, heights) in zip(headings, counted, strict=True):
        bars = _bars(low, high, heights, limits.get(name, (None, None))) if heights else []
        ends = fields.get(f"{name}_min", ""), fields.get(f"{name}_max", "")
        found.append(Histogram(name, heading, low, high, *ends, bars))
    return found


def _binned(values: NDArray[np.float64]) -> tuple[float, float, list[int]]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 0.0, []
    low, high = float(values.min()), float(values.max())
    scale = BINS / (high - low) if high > low else 0.0
    places = np.minimum(BINS - 1, ((values - low) * scale).astype(np.int64))
    return low, high, np.bincount(places, minlength=BINS).tolist()


def _limits(chosen: Filter) -> dict[str, tuple[float | None, float | None]]:
    found: dict[str, tuple[float | None, float | None]] = {}
    for condition in chosen.conditions:
        if isinstance(condition, RewardAtLeast):
            found["reward"] = condition.low, None
        elif isinstance(condition, ValueWithin):
            found[condition.objective.key] = condition.low, condition.high
    return found


def _bars(low: float, high: float, heights: list[int], limits: tuple[float | None, float | None]) -> list[Bar]:
    step, top = (high - low) / BINS, max(heights)
    bars = []
    for i, n in enumerate(heights):
        start, end = low + i * step, low + (i + 1) * step
        inside = (limits[0] is None or end > limits[0]) and (limits[1] is None or start <= limits[1])
        if n:  # the square root keeps a bin with few candidates visible beside one with thousands
            bars.append(Bar(i * 10, round(max(2.0, 36 * (n / top) ** 0.5), 2), inside))
    return bars
