"""Draws that belong to one design alone, so that neither its neighbours nor the size of a batch change it."""

from __future__ import annotations

import torch
from torch import Tensor


def own_uniforms(n: int, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Uniform numbers (n, *shape), float64: those of each design come from a generator of its own."""
    rows = [torch.rand(shape, generator=own, dtype=torch.float64) for own in own_generators(n, source)]
    return torch.stack(rows) if rows else torch.zeros(0, *shape, dtype=torch.float64)


def own_normals(n: int, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Standard normal numbers (n, *shape), float32, in the same way."""
    rows = [torch.randn(shape, generator=own) for own in own_generators(n, source)]
    return torch.stack(rows) if rows else torch.zeros(0, *shape)


def own_generators(n: int, source: torch.Generator) -> list[torch.Generator]:
    """A generator for each of n designs; the first of them do not depend on n."""
    return [torch.Generator().manual_seed(seed) for seed in torch.randint(2**62, (n,), generator=source).tolist()]


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
