"""Draws that belong to one design alone, so that neither its neighbours nor the size of a batch change it."""

from __future__ import annotations

import torch
from torch import Tensor


def own_uniforms(n: int, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Uniform numbers (n, *shape), float64: those of each design come from a generator of its own."""
    seeds = torch.randint(2**62, (n,), generator=source).tolist()
    rows = [torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
    return torch.stack(rows) if rows else torch.zeros(0, *shape, dtype=torch.float64)


def by_inversion(log_p: Tensor, uniform: Tensor) -> Tensor:
    """One index a row from log-probabilities (N, V) in double precision, at uniforms (N,); never one of probability 0.

    In single precision the smallest probabilities would be lost, and what is drawn would be too narrow.
    """
    p = log_p.double().exp()
    cumulative = p.cumsum(dim=1)
    wanted = (uniform.to(p) * cumulative[:, -1]).unsqueeze(1)
    # Rounding may carry a draw past the end; the last index that can be drawn stands there.
    last = (p > 0).long().cumsum(dim=1).argmax(dim=1)
    return torch.minimum(torch.searchsorted(cumulative, wanted, right=True).squeeze(1), last)
