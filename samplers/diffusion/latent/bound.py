"""The likelihood bound of the reverse process that is drawn from, step by step as it is drawn.

Source: the variational bound of Ho et al. 2020 (arXiv 2006.11239), for the forward process and the steps of
`samplers.diffusion.reverse`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from samplers.diffusion.noising import noise_variance, signal
from samplers.diffusion.reverse import Score


@torch.no_grad()
def nats_bound(score: Score, u: Tensor, times: Tensor, source: torch.Generator) -> Tensor:
    """An estimate (N,), float64, of an upper bound on −log density at points u (N, D) under the drawn process.

    `times` (K + 1,) fall to t0, the time of the points. One noised point for each time and row; the bound is tight
    where the reverse steps undo the forward ones.
    """
    n, d = u.shape
    u, times = u.double(), times.double()
    end = times[-1]
    before = times[0] - end
    # How far the forward process is from N(0, I) when it is stopped.
    total = 0.5 * (signal(before).square() * u.square().sum(dim=1))
    total = total + 0.5 * d * (noise_variance(before) - 1 - noise_variance(before).log())
    for now, after in pairwise(times):
        x = signal(now - end) * u + noise_variance(now - end).sqrt() * _normal((n, d), source)
        h_now, h_after, h_step, shrink = _spans(now, after)
        denoised = x + h_now * score(x.float(), now.float().expand(n), None).double()
        mean = (h_step / shrink * denoised + h_after * shrink * x) / h_now
        variance = h_after * h_step / h_now
        if after == end:
            gap = (u - mean).square().sum(dim=1)
            total = total + 0.5 * (gap / variance + d * (variance.log() + math.log(2 * math.pi)))
            continue
        wanted, spread = _posterior(x, u, now - end, after - end)
        gap = (wanted - mean).square().sum(dim=1)
        total = total + 0.5 * (gap / variance + d * (spread / variance - 1 - (spread / variance).log()))
    return total


def _spans(now: Tensor, after: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return noise_variance(now), noise_variance(after), noise_variance(now - after), signal(now - after)


def _posterior(x: Tensor, u: Tensor, now: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (N, D) and variance of the point at time `after`, given x at `now` and u at 0."""
    h_now, h_after, h_step, shrink = _spans(now, after)
    return (h_step * signal(after) * u + h_after * shrink * x) / h_now, h_after * h_step / h_now


def _normal(shape: tuple[int, int], source: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=source, dtype=torch.float64)
