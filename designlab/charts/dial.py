"""The target dial as plain geometry: a distribution, the reach of the data below it, and where the targets lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, TOP = 640, 96, 6
BINS = 48
INSIDE, EDGE, OUTSIDE = "inside", "edge", "outside"
SIGMAS = 6.0  # a target further from the mean than so many standard deviations is brought back to there
CENTRAL = 0.9
SPARE = 0.18  # of the drawn values, left free on both sides so that a target can be seen to lie outside


@dataclass(frozen=True)
class Reach:
    """What a generator can know: the lowest and highest value of the data, the central 90 %, mean and deviation."""

    lowest: float
    low: float
    high: float
    highest: float
    mean: float
    sd: float

    def level(self, target: float) -> str:
        """Whether a target lies inside the data, at their edge, or outside."""
        if self.low <= target <= self.high:
            return INSIDE
        return EDGE if self.lowest <= target <= self.highest else OUTSIDE

    def clipped(self, target: float) -> float:
        """The target that is used: no further than six standard deviations from the mean."""
        return min(max(target, self.mean - SIGMAS * self.sd), self.mean + SIGMAS * self.sd)

    def sweep(self, n: int = 9) -> list[float]:
        """n targets evenly over the central 90 %, rounded inwards to what the spread of the data deserves."""
        step = 10.0 ** (math.floor(math.log10(self.sd)) - 1) if self.sd > 0 else 1.0
        low, high = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{step * round(low + (high - low) * i / (n - 1)):.6g}") for i in range(n)]


def reach_of(values: Sequence[float], weights: Sequence[float], limits: Sequence[float] = ()) -> Reach | None:
    """The reach of values with weights; `limits` are the measured labels, where there are any. None without values."""
    known = sorted((v, w) for v, w in zip(values, weights, strict=True) if v is not None and math.isfinite(v))
    if not known:
        return None
    total = sum(w for _, w in known)
    mean = sum(v * w for v, w in known) / total
    sd = math.sqrt(sum(w * (v - mean) ** 2 for v, w in known) / total)
    low, high = _quantile(known, total, (1 - CENTRAL) / 2), _quantile(known, total, (1 + CENTRAL) / 2)
    ends = [v for v in limits if v is not None and math.isfinite(v)] or [known[0][0], known[-1][0]]
    lowest, highest = min(ends), max(ends)
    return Reach(lowest, max(low, lowest), min(high, highest), highest, mean, sd)


def _quantile(known: Sequence[tuple[float, float]], total: float, share: float) -> float:
    reached = 0.0
    for value, weight in known:
        reached += weight
        if reached >= share * total - 1e-9:
            return value
    return known[-1][0]


def picture(values: Sequence[float], weights: Sequence[float], reach: Reach, targets: Sequence[float]) -> dict:
    """Everything the drawing needs, in its own units of 640 by 96: bars, bands below them, marks of the targets."""
    used = [reach.clipped(target) for target in targets]
    finite = [(v, w) for v, w in zip(values, weights, strict=True) if v is not None and math.isfinite(v)]
    ends = [reach.lowest, reach.highest, *(v for v, _ in finite)]
    spare = SPARE * (max(ends) - min(ends)) or 0.5
    # A target within the free space leaves the drawing as it is: it must not grow under a slider that is pushed.
    low, high = min(min(ends) - spare, *used, math.inf), max(max(ends) + spare, *used, -math.inf)
    across = _across(low, high)
    edges = [low, reach.lowest, reach.low, reach.high, reach.highest, high]
    levels = [OUTSIDE, EDGE, INSIDE, EDGE, OUTSIDE]
    bands = [
        {"level": level, "x": across(a), "width": round(across(b) - across(a), 2)}
        for level, a, b in zip(levels, edges, edges[1:], strict=False)
        if b > a
    ]
    marks = [{"value": t, "x": across(t), "level": reach.level(t)} for t in used]
    return {
        "width": WIDTH, "height": HEIGHT, "low": low, "high": high, "bars": _bars(finite, low, high), "bands": bands,
        "marks": marks, "ticks": [{"x": across(v), "value": v} for v in (reach.lowest, reach.highest)],
    }  # fmt: skip


def _across(low: float, high: float):
    return lambda value: round(WIDTH * (value - low) / (high - low), 2)


def _bars(known: Sequence[tuple[float, float]], low: float, high: float) -> list[dict]:
    counts, step = [0.0] * BINS, WIDTH / BINS
    for value, weight in known:
        counts[min(BINS - 1, int((value - low) / (high - low) * BINS))] += weight
    tallest = max(counts) or 1
    heights = [(HEIGHT - TOP) * n / tallest for n in counts]
    return [
        {"x": round(i * step + 0.3, 2), "y": round(HEIGHT - h, 2), "w": round(step - 0.6, 2), "h": round(h, 2)}
        for i, h in enumerate(heights)
        if h
    ]
