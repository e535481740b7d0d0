"""Mixing of chains whose autocorrelation is known."""

import math

import pytest
import torch

from samplers.metrics.mixing import effective_sample_size, split_r_hat
from samplers.rng import generator


def autoregressive(rho, n_chains=8, n=20_000):
    """Chains with correlation rho^k at lag k and variance 1."""
    noise = torch.randn(n_chains, n, generator=generator(0, "noise"), dtype=torch.float64)
    draws = [noise[:, 0]]
    for k in range(1, n):
        draws.append(rho * draws[-1] + math.sqrt(1 - rho**2) * noise[:, k])
    return torch.stack(draws, dim=1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_an_autoregressive_chain_is_worth_what_its_correlation_leaves(rho):
    draws = autoregressive(rho)
    assert effective_sample_size(draws) == pytest.approx(draws.numel() * (1 - rho) / (1 + rho), rel=0.1)
    assert split_r_hat(draws) == pytest.approx(1.0, abs=0.005)


def test_one_chain_elsewhere_raises_r_hat_and_leaves_few_draws():
    draws = autoregressive(0.0, n=1000)
    draws[0] += 3.0
    # Seven chains at 0 and one at 3: the variance of half-chain means is 9 * 2 * 14 / (16 * 15).
    assert split_r_hat(draws) == pytest.approx(math.sqrt(1 + 9 * 28 / 240), rel=0.02)
    assert effective_sample_size(draws) < 50


def test_a_drift_within_every_chain_is_seen_by_splitting():
    draws = autoregressive(0.0, n=1000) + torch.linspace(0, 3, 1000, dtype=torch.float64)
    assert split_r_hat(draws) > 1.2


def test_chains_that_never_move_have_no_figure():
    assert math.isnan(split_r_hat(torch.ones(4, 100)))
    assert math.isnan(effective_sample_size(torch.ones(4, 100)))
    assert math.isnan(split_r_hat(torch.rand(4, 3)))
