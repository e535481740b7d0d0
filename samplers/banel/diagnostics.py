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
