"""What can be said without positives: separation, support, drift, and the odds before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from samplers.banel.models import Model


def auc(low: Tensor, high: Tensor) -> float:
    """Chance that a value of `high` exceeds one of `low`, ties half; NaN where one of them is empty."""
    if not len(low) or not len(high):
        return math.nan
    ordered = low.sort().values
    below = torch.searchsorted(ordered, high) + torch.searchsorted(ordered, high, right=True)
    return float(below.double().mean() / 2 / len(low))


@dataclass(frozen=True, slots=True)
class Spread:
    """Of draws: exp(entropy), Kullback–Leibler divergence from the first generator, length, share of unique ones."""

    support: float
    kl: float
    length: float
    unique: float


def spread(model: Model, first: Model, rows: Tensor, keys: Sequence[str | None]) -> Spread:
    """Of rows drawn from `model`, and the identities of the first of them, None where one is invalid.

    The averages of log p are unbiased, in nats; the share of unique ones is among the identities given.
    """
    log_p = model.log_prob(rows)
    valid = {key for key in keys if key is not None}
    return Spread(
        float((-log_p.mean()).exp()), float((log_p - first.log_prob(rows)).mean()),
        float((rows >= 0).sum(dim=1).double().mean()), len(valid) / max(len(keys), 1),
    )  # fmt: skip


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


def log_success(model: Model, successes: Tensor) -> float:
    """log of the success rate: the log-sum-exp of log p over a listed success set (S, L)."""
    return float(torch.logsumexp(model.log_prob(successes), dim=0))


def histogram(groups: dict[str, Tensor], n_bins: int = 24) -> dict[str, list[float]]:
    """Counts of each group's finite scores in common bins between the extremes; "edges" has one more number."""
    finite = {name: values[torch.isfinite(values)] for name, values in groups.items()}
    together = torch.cat(list(finite.values()))
    if not len(together):
        return {}
    low, high = float(together.min()), float(together.max())
    edges = torch.linspace(low, max(high, low + 1e-9), n_bins + 1, dtype=torch.float64)
    at = {name: torch.bucketize(values, edges[1:-1], right=True) for name, values in finite.items()}
    counts = {name: torch.bincount(where, minlength=n_bins).double().tolist() for name, where in at.items()}
    return {"edges": edges.tolist(), **counts}
