"""Chains on tokens themselves: single changes proposed where the gradient promises most, accepted as Metropolis says.

Whatever the density, it is exactly the law of the chains: the gradient only proposes.
Source: Grathwohl et al. 2021 (Gibbs with gradients, arXiv 2102.04509), for categorical variables.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from samplers.energy.chains import Chains, LogDensity, value_and_gradient
from samplers.energy.relaxation import Relaxation
from samplers.numerics import gumbel_argmax

# Which single changes lead from tokens (N, L) to tokens that are allowed: (N, L, V), what stands included. A change is
# listed where it leads to exactly where the change back is listed.
Changes = Callable[[Tensor], Tensor]


def promised(one_hot: Tensor, gradient: Tensor, allowed: Tensor | None = None) -> Tensor:
    """(N, L V) log-weights of every single change: half of what a linear reading of the density says it is worth.

    Keeping the token that stands at a place has the weight 0 at each place: chains may stay where they are, without
    which two tokens and an even density would send them back and forth. Changes not `allowed` (N, L, V) have none.
    """
    standing = (gradient * one_hot).sum(dim=2, keepdim=True)
    weights = (gradient - standing) / 2
    if allowed is not None:
        weights = weights.masked_fill(~allowed, -math.inf)
    return weights.flatten(1)


def gibbs_with_gradients(
    log_density: LogDensity, start: Tensor, n_tokens: int, n_steps: int, source: torch.Generator,
    *, keep_every: int = 0, dtype: torch.dtype = torch.float32, changes: Changes | None = None, climbs: bool = False,
) -> Chains:  # fmt: skip
    """Chains of tokens (N, L) from `start`; `log_density` reads one-hot rows (N, L, V) and is differentiable there.

    A proposal that is no change counts as accepted. With `changes` the law is that of the density restricted to what
    they allow. Chains that climb take a proposal only where the density rises: they draw from nothing and end at modes.
    """

    def weighed(tokens: Tensor) -> tuple[Tensor, Tensor]:
        one_hot = F.one_hot(tokens, n_tokens).to(dtype)
        values, gradient = value_and_gradient(log_density, one_hot)
        return values, promised(one_hot, gradient, None if changes is None else changes(tokens))

    tokens, kept, kept_values, accepted = start, [], [], 0.0
    values, weights = weighed(tokens)
    for step in range(n_steps):
        if keep_every and step % keep_every == 0:
            kept.append(tokens)
            kept_values.append(values)
        chosen = gumbel_argmax(weights, source)
        place, token = chosen // n_tokens, chosen % n_tokens
        before = tokens.gather(1, place.unsqueeze(1)).squeeze(1)
        proposed = tokens.scatter(1, place.unsqueeze(1), token.unsqueeze(1))
        new_values, new_weights = weighed(proposed)
        forth = _log_probability(weights, chosen)
        back = _log_probability(new_weights, place * n_tokens + before)
        log_uniform = torch.rand(len(tokens), generator=source, dtype=torch.float64).log().to(values)
        rises = new_values > values if climbs else log_uniform < new_values - values + back - forth
        taken = (token == before) | rises
        accepted += float(taken.double().mean())
        tokens = torch.where(taken[:, None], proposed, tokens)
        values, weights = torch.where(taken, new_values, values), torch.where(taken[:, None], new_weights, weights)
    empty = tokens.new_empty((0, *tokens.shape)), values.new_empty((0, len(tokens)))
    held = (torch.stack(kept), torch.stack(kept_values)) if kept else empty
    return Chains(tokens, *held, accepted / max(n_steps, 1))


def token_walk(
    log_density: LogDensity, relaxation: Relaxation, start: Tensor, n_steps: int, source: torch.Generator,
    *, keep_every: int = 0,
) -> Chains:  # fmt: skip
    """Token chains for a log-density of vectors (N, D): from what `start` decodes to, to vectors of tokens again."""
    chains = gibbs_with_gradients(
        lambda one_hot: log_density(relaxation.embed(one_hot)), relaxation.decode(start), relaxation.n_tokens,
        n_steps, source, keep_every=keep_every, dtype=start.dtype,
    )  # fmt: skip

    def encoded(tokens: Tensor) -> Tensor:
        return relaxation.encode(tokens).to(start.dtype)

    kept = [encoded(tokens) for tokens in chains.kept]
    held = torch.stack(kept) if kept else start.new_empty((0, *start.shape))
    return Chains(encoded(chains.points), held, chains.kept_values, chains.acceptance)


def _log_probability(weights: Tensor, chosen: Tensor) -> Tensor:
    """(N,) log-probability of a choice under unnormalised log-weights (N, A)."""
    return weights.gather(1, chosen.unsqueeze(1)).squeeze(1) - weights.logsumexp(dim=1)
