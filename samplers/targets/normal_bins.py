"""A discretised normal law with success in two bins of its tails: the picture that explains learning from failures."""

from __future__ import annotations

import torch
from torch import Tensor

from samplers.banel.filters import Filter, Region
from samplers.banel.scores import LogRatio
from samplers.banel.table import Table

N_BINS, RANGE, SUCCESS_AT = 30, 3.0, 2.0
SMOOTHING = 0.1  # λ, share of the generator in the failure model


def centres() -> Tensor:
    """(30,) float64 bin centres in [-3, 3]."""
    width = 2 * RANGE / N_BINS
    return torch.arange(N_BINS, dtype=torch.float64) * width - RANGE + width / 2


def prior() -> Table:
    """Normal weights on the bins."""
    weights = (-(centres() ** 2) / 2).exp()
    return Table(weights / weights.sum())


def success() -> Tensor:
    """(30,) true in the bins nearest to -2 and 2, one each; of two that are equally near, the outer one."""
    distance = (centres().abs() - SUCCESS_AT).abs() - 1e-6 * centres().abs()
    return distance <= distance.min() + 1e-9


def failure_model(table: Table, failures: Tensor) -> Table:
    """The histogram of failed rows (N, 1), with a share λ of the table itself.

    A bin never visited then has the ratio 1/λ exactly, and a visited one less.
    """
    seen = torch.bincount(failures[:, 0], minlength=N_BINS).double()
    return Table(seen / seen.sum()).mixed(table, SMOOTHING)


def update(table: Table, failures: Tensor) -> Table:
    """The table without the bins of these failures; unchanged without failures."""
    if not len(failures):
        return table
    score = LogRatio(table, failure_model(table, failures))
    threshold = float(-torch.tensor(SMOOTHING, dtype=torch.float64).log())
    accepted = Region([Filter(score, (threshold,))]).accepts(torch.arange(N_BINS).unsqueeze(1))
    return table.given(accepted & (table.p > 0))
