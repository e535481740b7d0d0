"""Small pictures of the set-up page as plain geometry: a histogram of the data, the desirability curve above it."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT, TOP, POINTS = 320, 84, 6, 65
BINS = 28


def histogram(values: Sequence[float], n_bins: int = BINS) -> dict | None:
    """Counts between the 1 % and 99 % points; the few beyond them are counted at the ends. None without values."""
    finite = sorted(value for value in values if value is not None and math.isfinite(value))
    if not finite:
        return None
    low, high = finite[round(0.01 * (len(finite) - 1))], finite[round(0.99 * (len(finite) - 1))]
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = [0] * n_bins
    for value in finite:
        counts[min(n_bins - 1, max(0, int((value - low) / (high - low) * n_bins)))] += 1
    return {"low": low, "high": high, "counts": counts, "n": len(finite)}


def reach(hist: dict | None, transform: dict) -> tuple[float, float]:
    """The span that a picture shows: all of the data and all of the curve."""
    margin = transform.get("margin") or 0
    ends = [transform[end] for end in ("low", "high") if transform.get(end) is not None]
    values = [hist["low"], hist["high"]] if hist else []
    values += [end - margin for end in ends] + [end + margin for end in ends]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    spare = 0.04 * (high - low) or 0.5
    return low - spare, high + spare


def grid(low: float, high: float) -> list[float]:
    """Where a curve is computed."""
    return [low + (high - low) * i / (POINTS - 1) for i in range(POINTS)]


def bars(hist: dict | None, low: float, high: float) -> list[dict]:
    """The histogram's bars in the picture's own units."""
    if not hist:
        return []
    width = (hist["high"] - hist["low"]) / len(hist["counts"])
    tallest = max(hist["counts"]) or 1
    drawn = []
    for i, count in enumerate(hist["counts"]):
        height = (HEIGHT - TOP) * count / tallest
        if count:
            left = _across(hist["low"] + i * width, low, high)
            drawn.append(
                {
                    "x": round(left, 2),
                    "y": round(HEIGHT - height, 2),
                    "w": round(max(0.5, _across(hist["low"] + (i + 1) * width, low, high) - left - 0.6), 2),
                    "h": round(height, 2),
                }
            )
    return drawn


def path(ys: Sequence[float]) -> str:
    """A curve of desirabilities, evenly spaced, as an SVG path."""
    step = WIDTH / (len(ys) - 1)
    points = [f"{i * step:.1f},{HEIGHT - (HEIGHT - TOP) * y:.1f}" for i, y in enumerate(ys)]
    return "M" + " L".join(points)


def picture(hist: dict | None, low: float, high: float, ys: Sequence[float] | None) -> dict:
    """Everything a template needs to draw an objective; no curve while its numbers are refused."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars(hist, low, high),
        "path": path(ys) if ys else "",
        "low": low,
        "high": high,
    }


def reward_bars(rewards: Sequence[float]) -> dict:
    """The combined rewards of known molecules between 0 and 1, twenty bins."""
    counts = [0] * 20
    for reward in rewards:
        counts[min(19, max(0, int(reward * 20)))] += 1
    hist = {"low": 0.0, "high": 1.0, "counts": counts}
    return picture(hist, 0.0, 1.0, None)


def _across(value: float, low: float, high: float) -> float:
    return WIDTH * (value - low) / (high - low)
