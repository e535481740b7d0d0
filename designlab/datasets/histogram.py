"""Histograms as plain numbers for a small drawing on the server."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT, BASE = 360, 120, 96  # of the drawing, in its own units; bars stand on BASE
MAX_BINS = 24


def histogram(values: Sequence[float | None], *, unit: str = "", log: bool | None = None) -> dict | None:
    """Bars, ticks and a sentence for these values, or None when there are none.

    The scale is logarithmic when asked for, or when `log` is None and a linear one would hide the values: positive,
    over more than three decades, and half of them in the lowest tenth of the range.
    """
    found = sorted(v for v in values if v is not None and math.isfinite(v))
    if not found:
        return None
    if log is None:
        squeezed = found[len(found) // 2] < found[0] + 0.1 * (found[-1] - found[0])
        log = squeezed and found[0] > 0 and found[-1] / found[0] > 1_000
    log = log and found[0] > 0
    scaled = [math.log10(v) for v in found] if log else found
    counts, low, width = _counts(scaled)
    tallest = max(counts)
    step = WIDTH / len(counts)
    bars = []
    for i, n in enumerate(counts):
        if not n:
            continue
        height = max(1.5, BASE * n / tallest)
        edges = [_unscaled(low + width * (i + k), log) for k in (0, 1)]
        words = f"{_short(edges[0])} to {_short(edges[1])}: {n:,}"
        bars.append(
            {
                "x": round(i * step + 0.5, 2),
                "y": round(BASE - height, 2),
                "width": round(max(step - 1, 0.5), 2),
                "height": round(height, 2),
                "words": words,
            }
        )
    middle = found[len(found) // 2]
    reach = f"{_short(found[0])} to {_short(found[-1])}"
    return {
        "bars": bars,
        "ticks": _ticks(low, width * len(counts), log),
        "n": len(found),
        "log": log,
        "unit": unit,
        "low": found[0],
        "high": found[-1],
        "median": middle,
        "words": f"{len(found):,} values from {reach}, half of them below {_short(middle)}",
    }


def _counts(scaled: list[float]) -> tuple[list[int], float, float]:
    """Counts per bin, where the first bin begins, and how wide a bin is."""
    low, high = scaled[0], scaled[-1]
    if high - low <= 1e-12 * max(1.0, abs(low), abs(high)):
        return [len(scaled)], low - 0.5, 1.0
    n_bins = min(MAX_BINS, max(5, math.ceil(math.sqrt(len(scaled)))))
    distinct = len(set(scaled[:: max(1, len(scaled) // 2_000)]))
    if distinct <= 12 and all(v == int(v) for v in (low, high)) and high - low < MAX_BINS:
        n_bins, low, high = int(high - low) + 1, low - 0.5, high + 0.5  # whole numbers and classes get a bar each
    width = (high - low) / n_bins
    counts = [0] * n_bins
    for value in scaled:
        counts[min(n_bins - 1, int((value - low) / width))] += 1
    return counts, low, width


def _ticks(low: float, span: float, log: bool) -> list[dict]:
    step = max(1.0, round(span / 4)) if log else _round_step(span / 4)
    first = math.ceil(low / step - 1e-9) * step
    ticks = []
    position = first
    while position <= low + span * (1 + 1e-9):
        x = WIDTH * (position - low) / span
        words = _power(round(position)) if log else _short(position)
        half = 3.5 * len(words)  # of the words' width, nearly
        anchor = "start" if x < half else "end" if x > WIDTH - half else "middle"
        ticks.append({"x": round(x, 2), "words": words, "anchor": anchor})
        position += step
    return ticks


def _power(exponent: int) -> str:
    """A power of ten as people write it: 0.01, 1, 1,000, 10⁶."""
    if -3 <= exponent <= 4:
        return _short(10.0**exponent)
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _round_step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, the nearest at or above."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if raw <= power * factor * (1 + 1e-9))


def _unscaled(value: float, log: bool) -> float:
    return 10.0**value if log else value


def _short(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
    if "e" in text and 1e-6 < abs(value) < 1:
        text = f"{value:.6f}".rstrip("0")
    return ("0" if float(value) == 0 or text == "-0" else text).replace("-", "−")
