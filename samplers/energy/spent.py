"""From which weight on more of it brings nothing. Standard library only: pages ask for it without torch or RDKit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

SURE = 2.0  # standard errors by which a higher weight must find more to count


def spent_from(rows: Sequence[Mapping[str, float]], sign: float = 1.0) -> int | None:
    """The first of the rows that no later one outdoes by the word of the reward's own model; None where there is none.

    Rows stand in rising order of weight and hold `mean`, `sd` and `n` of what that model says of their designs, and
    `ess`, as how many independent draws the chains count, where that is known. `sign` is −1 where lower is better. A
    later mean must be higher by two standard errors of the difference; the last row, which has none after it, is never
    the answer. It says nothing against designs: beyond it a model only promises more.
    """
    told = [
        (at, sign * row["mean"], _error(row)) for at, row in enumerate(rows) if math.isfinite(row.get("mean", math.nan))
    ]
    for k, (at, mean, error) in enumerate(told[:-1]):
        if all(later - mean <= SURE * math.hypot(error, other) for _, later, other in told[k + 1 :]):
            return at
    return None


def _error(row: Mapping[str, float]) -> float:
    """The standard error of a row's mean. Designs of few chains are no independent draws."""
    n = min(row["n"], row.get("ess", row["n"]))
    return row["sd"] / math.sqrt(max(n, 1.0))
