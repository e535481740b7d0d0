"""The odds: bounds, what plain resampling would do, what insurance guarantees. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence


def upper_rate(n_failures: int, level: float = 0.95) -> float:
    """Largest success rate that n failures in a row leave likely, about 3/n; 1 for none.

    Says something about the law the failures were drawn by, when they are independent draws.
    """
    return 1.0 if n_failures == 0 else 1 - (1 - level) ** (1 / n_failures)


def plain_chance(rate: float, n: int) -> float:
    """Chance that n independent draws of this success rate hold a hit."""
    return -math.expm1(n * math.log1p(-rate)) if rate < 1 else float(n > 0)


def insured_share(share: float, expected_hits: float) -> float:
    """Least part of plain resampling's chance of a hit that a share s of unfiltered draws guarantees.

    (1 − exp(−sλ)) / (1 − exp(−λ)), λ = success rate times budget; s itself at λ = 0. It holds whatever the other
    draws do, since those alone are s times the budget independent draws.
    """
    if expected_hits <= 0:
        return share
    return math.expm1(-share * expected_hits) / math.expm1(-expected_hits)


def hit_probability(rates: Sequence[tuple[float, int]]) -> float:
    """1 − Π (1 − ρ)^n over parts (ρ, n) of what was tested: exact where draws are independent given the models."""
    log_miss = 0.0
    for rate, n in rates:
        if rate >= 1 and n:
            return 1.0
        log_miss += n * math.log1p(-rate)
    return -math.expm1(log_miss)


def chance_of_difference(passed: int, tested: int, other_passed: int, other_tested: int) -> float:
    """Fisher's exact test, two-sided: the chance of shares this far apart or farther when one rate is behind both.

    The sum over all tables with these totals that are no likelier than this one. Raises ValueError for more passes than
    tests.
    """
    if not (0 <= passed <= tested and 0 <= other_passed <= other_tested):
        raise ValueError(f"{passed} of {tested} and {other_passed} of {other_tested} are no counts of passes")
    total = passed + other_passed

    def ways(n: int) -> int:
        return math.comb(tested, n) * math.comb(other_tested, total - n)

    mine = ways(passed)
    counts = (ways(n) for n in range(max(0, total - other_tested), min(tested, total) + 1))
    return sum(n for n in counts if n <= mine) / math.comb(tested + other_tested, total)
