"""The reverse process under guidance."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from samplers.diffusion.noising import noise_variance, signal


class Score(Protocol):
    """∇ log p_t(x | target) (N, D) for x (N, D), t (N,), target (N,); None asks for the unconditional score."""

    def __call__(self, x: Tensor, t: Tensor, target: Tensor | None) -> Tensor: ...


def guided(score: Score, x: Tensor, t: Tensor, target: Tensor, guidance: float) -> Tensor:
    """s_∅ + w (s_a − s_∅): w = 0 the unconditional score, 1 the conditional one, above 1 extrapolation.

    The score that carries no weight is not computed.
    """
    if guidance == 1.0:
        return score(x, t, target)
    free = score(x, t, None)
    return free if guidance == 0.0 else free + guidance * (score(x, t, target) - free)


@torch.no_grad()
def reverse_sde(
    score: Score,
    target: Tensor,
    times: Tensor,
    n_dimensions: int,
    source: torch.Generator | Tensor,
    *,
    guidance: float = 1.0,
) -> Tensor:
    """Points (N, D) at the last of the falling `times` (K + 1,), one for each target (N,), started from N(0, I).

    `source` draws the noise, or is the noise (K + 1, N, D) itself, so that each point may have its own.

    Solves dX = [½ X + s] dt + dW backwards in time. A step holds the denoised point x + h_t s (which is α_t E[x | x_t])
    constant and solves the rest exactly, so directions that carry no signal have the right variance at any number
    of steps. Raises ValueError when the times do not fall.
    """
    if not bool((times[:-1] > times[1:]).all()):
        raise ValueError("the times of a reverse process must fall")

    def noise(k: int) -> Tensor:
        if isinstance(source, Tensor):
            return source[k]
        return torch.randn(len(target), n_dimensions, generator=source, dtype=times.dtype).to(target.device)

    x = noise(0)
    for k, (now, after) in enumerate(pairwise(times), start=1):
        h_now, h_after, h_step = noise_variance(now), noise_variance(after), noise_variance(now - after)
        shrink = signal(now - after)
        denoised = x + h_now * guided(score, x, now.expand(len(x)), target, guidance)
        mean = (h_step / shrink * denoised + h_after * shrink * x) / h_now
        x = mean + (h_after * h_step / h_now).sqrt() * noise(k)
    return x
