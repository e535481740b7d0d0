"""Drawing sequences from a denoiser: reveal masked places step by step until none is left.

Every sequence has random numbers of its own, so neither its neighbours in a batch nor the size of the batch
change what it becomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from samplers.diffusion.draws import by_inversion, own_uniforms
from samplers.diffusion.masked.network import Denoiser


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPlan:
    """How a sequence is drawn.

    n_steps: reveals on an even grid of t. guidance: γ. remask_rounds: how often `remask_share` of the free places is
    hidden again at random and redrawn. polish: reveal in order of confidence; this no longer samples the model and
    must be called polish wherever it is shown.
    """

    n_steps: int
    guidance: float = 1.0
    remask_rounds: int = 0
    remask_share: float = 0.2
    polish: bool = False


def _polished(hidden: Tensor, share: float, confidence: Tensor) -> Tensor:
    """Which hidden places (N, L) to reveal: the most confident ones, a share of them."""
    n_reveal = (hidden.sum(dim=1).double() * share).ceil().long()
    rank = confidence.masked_fill(~hidden, -torch.inf).argsort(dim=1, descending=True).argsort(dim=1)
    return hidden & (rank < n_reveal.unsqueeze(1))


def _drawn(tokens: Tensor, at: Tensor, log_p: Tensor, uniforms: Tensor) -> Tensor:
    """Tokens (N, L) with those at the places `at` (N, L) drawn; nothing is drawn for the other places."""
    return tokens.masked_scatter(at, by_inversion(log_p[at], uniforms[at]))


def _reveal_all(
    denoiser: Denoiser, tokens: Tensor, reward: Tensor | None, plan: SamplingPlan, uniforms: Tensor, start: float,
    allowed: Tensor | None,
) -> Tensor:  # fmt: skip
    """Reveal everything hidden in tokens (N, L), as if at time `start`; uniforms (N, n_steps, 2, L)."""
    times = torch.linspace(start, 0.0, plan.n_steps + 1, dtype=torch.float64).tolist()
    log_p, seen = None, tokens
    for step, (now, after) in enumerate(pairwise(times)):
        hidden = tokens == denoiser.mask
        if not bool(hidden.any()):
            break
        if log_p is None or not torch.equal(seen, tokens):  # nothing changed: the network would say the same
            log_p, seen = denoiser.guided(tokens, reward, plan.guidance), tokens
            if allowed is not None:
                log_p = log_p.masked_fill(~allowed, -torch.inf)
        share = 1.0 if step == plan.n_steps - 1 else (now - after) / now
        if plan.polish:
            drawn = _drawn(tokens, hidden, log_p, uniforms[:, step, 0])
            confidence = log_p.gather(-1, drawn.clamp_max(denoiser.n_tokens - 1).unsqueeze(-1)).squeeze(-1)
            tokens = torch.where(_polished(hidden, share, confidence), drawn, tokens)
        else:
            tokens = _drawn(tokens, hidden & (uniforms[:, step, 1] < share), log_p, uniforms[:, step, 0])
    return tokens


@torch.no_grad()
def sample(
    denoiser: Denoiser, fixed: Tensor, reward: Tensor | None, plan: SamplingPlan, source: torch.Generator,
    allowed: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Sequences (N, L), one a row of `fixed` (N, L), whose places are kept where they are not −1.

    reward (N,) standardised targets, or None for none. Fixed places are never changed. `allowed` (L, V) names the
    tokens that may stand at a place; at least one must.
    """
    n, length = fixed.shape
    rounds = 1 + plan.remask_rounds
    shape = (rounds, plan.n_steps + 1, 2, length)
    uniforms = own_uniforms(n, shape, source).to(fixed.device)
    free = fixed < 0
    tokens = _reveal_all(
        denoiser, fixed.masked_fill(free, denoiser.mask), reward, plan, uniforms[:, 0, :-1], 1.0, allowed
    )
    for k in range(1, rounds):
        again = free & (uniforms[:, k, -1, 0] < plan.remask_share)
        tokens = tokens.masked_fill(again, denoiser.mask)
        tokens = _reveal_all(denoiser, tokens, reward, plan, uniforms[:, k, :-1], plan.remask_share, allowed)
    return tokens
