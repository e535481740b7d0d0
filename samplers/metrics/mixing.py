"""Whether parallel chains have forgotten where they started, and how many independent draws they are worth.

Draws are (chains, n): one number a state, in the order of the chain, warm-up left out.
Source: Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4-11.5; Geyer 1992 for where the sum is cut.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _halves(draws: Tensor) -> Tensor:
    """(2 chains, n // 2): each chain's first and second half as chains of their own; an odd middle draw is left out."""
    half = draws.shape[1] // 2
    return torch.cat([draws[:, :half], draws[:, -half:]]).double()


def _variances(chains: Tensor) -> tuple[Tensor, Tensor]:
    """Mean variance within chains W, and the variance of a draw estimated from all chains."""
    n = chains.shape[1]
    within = chains.var(dim=1).mean()
    return within, within * (n - 1) / n + chains.mean(dim=1).var()


def split_r_hat(draws: Tensor) -> float:
    """Potential scale reduction over half chains of draws (chains, n): 1 when they agree, above 1.01 is a warning.

    nan for fewer than four draws a chain, or where nothing moves.
    """
    if draws.shape[1] < 4:
        return math.nan
    within, total = _variances(_halves(draws))
    return float((total / within).sqrt()) if float(within) > 0 else math.nan


def effective_sample_size(draws: Tensor) -> float:
    """How many independent draws the mean of draws (chains, n) is worth, from autocorrelations within and between.

    nan for fewer than four draws a chain, or where nothing moves. Antithetic chains may be worth more than they hold.
    """
    if draws.shape[1] < 4:
        return math.nan
    chains = _halves(draws)
    m, n = chains.shape
    within, total = _variances(chains)
    if not float(within) > 0:
        return math.nan
    correlation = 1 - (within - _autocovariance(chains).mean(dim=0) * n / (n - 1)) / total
    correlation[0] = 1.0
    pairs = correlation[: n // 2 * 2].view(-1, 2).sum(dim=1)
    negative = torch.nonzero(pairs <= 0)
    pairs = pairs[: int(negative[0])] if len(negative) else pairs
    monotone = torch.cummin(pairs, dim=0).values
    time = 2 * float(monotone.sum()) - 1
    # Antithetic chains are not believed beyond log10 of the draws, where the estimate is mostly noise.
    return m * n / max(time, 1 / math.log10(m * n))


def _autocovariance(chains: Tensor) -> Tensor:
    """(chains, n) covariances at every lag, divided by n, by a Fourier transform padded against wrapping round."""
    n = chains.shape[1]
    centred = chains - chains.mean(dim=1, keepdim=True)
    spectrum = torch.fft.rfft(centred, n=2 * n, dim=1)
    return torch.fft.irfft(spectrum.abs().square(), n=2 * n, dim=1)[:, :n] / n
