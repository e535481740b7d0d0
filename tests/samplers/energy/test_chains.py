"""Chains on laws that are known: Gaussians, products with a reward, a box."""

import math

import pytest
import torch

from samplers.energy.chains import (
    Box,
    ascend,
    constant,
    geometric,
    langevin,
    metropolis_langevin,
    step_size_of,
)
from samplers.rng import generator

DOUBLE = torch.float64


def gaussian(precision):
    return lambda x: -0.5 * (x.square() * precision).sum(dim=1)


@pytest.mark.parametrize(("precision", "scale"), [(1.0, 0.5), (4.0, 0.3), (1.0, 1.0)])
def test_unadjusted_chains_have_the_covariance_of_the_discretised_gaussian(precision, scale):
    exact = 1 / (precision * (1 - scale**2 * precision / 4))
    start = torch.zeros(100_000, 1, dtype=DOUBLE)
    made = langevin(gaussian(precision), start, constant(step_size_of(scale), 60), generator(0, "walk")).points
    assert float(made.var()) == pytest.approx(exact, rel=4 * math.sqrt(2 / 100_000))
    assert float(made.mean()) == pytest.approx(0, abs=4 * math.sqrt(exact / 100_000))


def test_unadjusted_chains_diverge_where_the_step_is_too_long():
    start = torch.ones(10, 1, dtype=DOUBLE)
    made = langevin(gaussian(4.0), start, constant(step_size_of(1.05), 200), generator(0, "walk")).points
    assert float(made.abs().min()) > 1e3


def test_without_noise_every_chain_ends_in_the_mode():
    start = torch.randn(50, 3, generator=generator(0, "start"), dtype=DOUBLE)
    assert float(ascend(gaussian(2.0), start, constant(0.2, 200)).abs().max()) < 1e-12


def test_adjusted_chains_have_the_gaussian_itself_at_a_step_where_unadjusted_ones_are_off_by_a_third():
    start = torch.randn(50_000, 1, generator=generator(0, "start"), dtype=DOUBLE) * 2
    chains = metropolis_langevin(gaussian(1.0), start, constant(step_size_of(1.0), 40), generator(0, "walk"))
    assert float(chains.points.var()) == pytest.approx(1.0, rel=4 * math.sqrt(2 / 50_000))
    assert 0.5 < chains.acceptance < 1.0


def test_adjusted_chains_in_a_box_have_the_restricted_law():
    box = Box(torch.tensor([0.0], dtype=DOUBLE), torch.tensor([1.0], dtype=DOUBLE))
    start = box.uniform(40_000, generator(0, "start"))
    made = metropolis_langevin(
        lambda x: -2 * x.sum(dim=1), start, constant(0.05, 200), generator(0, "walk"), box=box
    ).points
    exact = 0.5 - 1 / math.expm1(2)  # mean of an exponential of rate 2 cut at 1
    assert bool(box.holds(made).all())
    assert float(made.mean()) == pytest.approx(exact, abs=4 * 0.27 / math.sqrt(40_000))


def test_reflection_folds_points_back_at_both_walls():
    box = Box(torch.tensor([-1.0], dtype=DOUBLE), torch.tensor([2.0], dtype=DOUBLE))
    beyond = torch.tensor([[-1.5], [2.5], [0.3], [6.0], [-8.0]], dtype=DOUBLE)
    assert box.reflect(beyond).flatten().tolist() == pytest.approx([-0.5, 1.5, 0.3, 0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("guidance", [0.0, 0.7, 2.0])
def test_a_density_tilted_by_a_linear_reward_moves_its_mean_by_the_weight(guidance):
    direction = torch.tensor([0.6, -0.8, 1.0], dtype=DOUBLE)
    sigma2, n = 0.49, 40_000
    start = torch.zeros(n, 3, dtype=DOUBLE)
    made = metropolis_langevin(
        lambda x: -x.square().sum(dim=1) / (2 * sigma2) + guidance * (x @ direction),
        start, constant(0.15, 120), generator(1, "walk"),
    ).points  # fmt: skip
    q = sigma2 * float(direction.square().sum())
    assert float((made @ direction).mean()) == pytest.approx(guidance * q, abs=4 * math.sqrt(q / n))
    assert float((made @ direction).var()) == pytest.approx(q, rel=4 * math.sqrt(2 / n))


def test_a_density_with_a_target_reward_has_the_mean_and_variance_of_the_closed_form():
    direction = torch.tensor([0.6, -0.8, 1.0], dtype=DOUBLE)
    sigma2, tolerance, target, n = 0.49, 0.5, 2.0, 40_000
    made = metropolis_langevin(
        lambda x: -x.square().sum(dim=1) / (2 * sigma2) - (target - x @ direction).square() / (2 * tolerance**2),
        torch.zeros(n, 3, dtype=DOUBLE), constant(0.08, 200), generator(2, "walk"),
    ).points  # fmt: skip
    q = sigma2 * float(direction.square().sum())
    variance = q * tolerance**2 / (q + tolerance**2)
    reward = made @ direction
    assert float(reward.mean()) == pytest.approx(target * q / (q + tolerance**2), abs=4 * math.sqrt(variance / n))
    assert float(reward.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / n))


def test_a_geometric_schedule_has_the_published_sum_of_variances():
    steps = geometric(0.02, 1e-4, 100)
    assert len(steps) == 100
    assert steps[0] == pytest.approx(0.02**2 / 2)
    assert steps[-1] == pytest.approx(1e-4**2 / 2)
    assert 2 * sum(steps) == pytest.approx(3.9e-3, rel=0.02)


def test_what_is_kept_starts_at_the_start_and_carries_the_log_density():
    start = torch.ones(3, 2, dtype=DOUBLE)
    chains = langevin(gaussian(1.0), start, constant(0.1, 10), generator(0, "walk"), keep_every=4)
    assert chains.kept.shape == (3, 3, 2)
    assert torch.equal(chains.kept[0], start)
    assert torch.equal(chains.kept_values, torch.stack([gaussian(1.0)(part) for part in chains.kept]))


def test_long_gradients_are_clipped_chain_by_chain():
    start = torch.tensor([[100.0], [0.5]], dtype=DOUBLE)
    made = langevin(gaussian(1.0), start, [0.1], None, largest_gradient=1.0).points
    assert made.flatten().tolist() == pytest.approx([99.9, 0.45])
