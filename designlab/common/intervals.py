"""Intervals over repetitions: how far a mean over a few seeds can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.95
NAMED = "95 % t-intervals over seeds"


@dataclass(frozen=True)
class Interval:
    """A mean over n repetitions; `half` is half the width of its interval, None for a single repetition."""

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float | None:
        """The lower end."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """The upper end."""
        return None if self.half is None else self.mean + self.half


def t_interval(values: Sequence[float | None]) -> Interval | None:
    """Mean ± t(n − 1) s/√n of the values that there are, at 95 %; None without a value.

    It takes the repetitions for independent and their values for about normal, and is wide for two or three of them,
    as it must be (Student, 1908).
    """
    told = [value for value in values if value is not None]
    if not told:
        return None
    if len(told) == 1:
        return Interval(told[0], None, 1)
    from scipy.special import stdtrit

    quantile = float(stdtrit(len(told) - 1, (1 + CONFIDENCE) / 2))
    return Interval(fmean(told), quantile * stdev(told) / math.sqrt(len(told)), len(told))
