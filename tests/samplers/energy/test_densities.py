"""Energies trained by contrastive divergence against the density they should have; decoupled and resumed models."""

import math
from dataclasses import replace

import pytest
import torch

from samplers.energy.chains import constant, langevin
from samplers.energy.generation import below_floor, distance_to_data, generate, optimism
from samplers.energy.model import design_steps
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.training import EnergyTraining
from samplers.errors import ConfigError
from samplers.rng import generator

CENTRES = torch.tensor([[-1.0, -0.6], [1.0, -0.6], [0.0, 1.0]])
WEIGHTS = torch.tensor([0.5, 0.3, 0.2])
SPREAD = 0.35


def mixture(n, seed=0):
    source = generator(seed, "mixture")
    part = torch.multinomial(WEIGHTS, n, replacement=True, generator=source)
    return CENTRES[part] + SPREAD * torch.randn(n, 2, generator=source)


def grid(n=200, reach=2.5):
    axis = torch.linspace(-reach, reach, n)
    return torch.cartesian_prod(axis, axis)


def true_law(points):
    squared = torch.cdist(points, CENTRES).square() / (2 * SPREAD**2)
    return torch.logsumexp(WEIGHTS.log() - squared, dim=1).double().softmax(dim=0)


@torch.no_grad()
def variation(training):
    """Total variation between exp(f) on a 200 x 200 grid and the mixture."""
    points = grid()
    learned = training.model.log_density(points).double().softmax(dim=0)
    return float((learned - true_law(points)).abs().sum() / 2)


def density_settings(**changes):
    plain = {
        "form": "decoupled", "noise": True, "alpha_rule": "fixed", "alpha": 1.0, "chain_rule": "scales",
        "first_scale": 0.12, "last_scale": 0.12, "chain_steps": 20, "width": 64, "batch_size": 256,
        "confinement": 0.5, "learning_rate": 2e-3,
    }  # fmt: skip
    return EnergySettings(**{**plain, **changes})


def trained(settings, n_steps):
    x = mixture(4000)
    # A falling rate averages the noise of the gradient.
    settings = replace(settings, rate_falls=True, steps=max(n_steps, 1))
    training = EnergyTraining(x, x[:, 0], settings, 0)
    for _ in range(n_steps):
        training.advance()
    return training


def test_short_chains_from_data_recover_a_mixture_roughly():
    assert variation(trained(density_settings(), 700)) < 0.15


def test_a_memory_recovers_it_closely_and_no_training_does_not():
    # Restarts are few: with twenty to a batch the memory holds many chains that have not arrived yet.
    remembering = density_settings(
        energy_penalty=0.01, buffer_size=2000, restart_share=0.002, chain_steps=10, first_scale=0.17, last_scale=0.17
    )
    assert variation(trained(remembering, 1500)) < 0.08
    assert variation(trained(remembering, 0)) > 0.3


def test_samples_are_proportional_to_the_exponential_of_the_prediction():
    # A coupled network in a box: the log frequencies of its chains rise with f with slope 1, not 2 or a half.
    x = torch.rand(500, 2, generator=generator(0, "x")) * 2 - 1
    y = torch.sin(3 * x[:, 0]) + x[:, 1]
    settings = EnergySettings(
        noise=True, alpha_rule="fixed", alpha=0.0, standardise=False, reflects=True, box_margin=0.0, width=32
    )
    training = EnergyTraining(x, y, settings, 0)
    for _ in range(300):
        training.advance()
    model, cells = training.model, 12
    start = model.box.uniform(40_000, generator(0, "start"))
    made = langevin(model.log_density, start, constant(0.01, 300), generator(0, "walk"), box=model.box).points
    unit = ((made - model.box.low) / (model.box.high - model.box.low) * cells).long().clamp_max(cells - 1)
    counts = torch.bincount(unit[:, 0] * cells + unit[:, 1], minlength=cells**2).double()
    edges = (torch.arange(10 * cells) + 0.5) / (10 * cells)
    fine = model.box.low + torch.cartesian_prod(edges, edges) * (model.box.high - model.box.low)
    mass = model.log_density(fine).detach().double().exp().view(cells, 10, cells, 10).mean(dim=(1, 3)).log().flatten()
    weight = counts / counts.sum()
    value = counts.clamp_min(0.5).log()
    centred = mass - weight @ mass
    slope = float((weight * centred) @ value / ((weight * centred) @ centred))
    assert slope == pytest.approx(1.0, abs=0.05)


def decoupled(n_steps=40, **changes):
    x = mixture(300).double()
    settings = density_settings(width=16, chain_steps=4, batch_size=32, buffer_size=100, n_members=2, **changes)
    training = EnergyTraining(x, x[:, 0] * 3 + 5, settings, 1)
    for _ in range(n_steps):
        training.advance()
    return training


SAMPLE = {"n_designs": 64, "noise": True, "start": "uniform", "chain_rule": "scales", "n_steps": 60, "last_scale": 0.05}


def test_weight_nought_is_sampling_from_the_energy_alone():
    training = decoupled()
    asked = GenerationSettings(**SAMPLE, guidance=0.0)
    ours = generate(training.model, asked, training.x, training.y, generator(0, "designs")).points
    source = generator(0, "designs")
    start = training.model.box.uniform(64, source)
    alone = langevin(training.model.log_density, start, design_steps(training.model, asked), source).points
    assert torch.equal(ours, alone)


def test_the_objective_of_generation_is_the_product_it_says():
    training = decoupled()
    model, x = training.model, training.x[:7]
    guided = model.objective(GenerationSettings(**SAMPLE, guidance=3.0, temperature=2.0))(x)
    assert torch.allclose(guided, (model.log_density(x) + 3 * model.standardised(x)) / 2)
    aimed = model.objective(GenerationSettings(**SAMPLE, aims=True, target=7.0, tolerance=0.5))(x)
    assert torch.allclose(aimed, model.log_density(x) - (7.0 - model.predict(x)).square() / (2 * 0.25))
    confined = model.energy(x) - 0.25 * (x - training.x.mean(dim=0)).square().sum(dim=1)
    assert torch.allclose(model.log_density(x), confined)


def test_a_value_can_be_aimed_at_only_with_a_density_beside_the_reward():
    x = mixture(50)
    training = EnergyTraining(x, x[:, 0], EnergySettings(width=8), 0)
    with pytest.raises(ConfigError, match="decoupled"):
        training.model.objective(GenerationSettings(aims=True))


@pytest.mark.parametrize(
    "settings",
    [
        EnergySettings(width=8, batch_size=16, chain_steps=3),
        EnergySettings(width=8, batch_size=16, form="regression", n_members=2),
        density_settings(width=8, batch_size=16, chain_steps=3, buffer_size=40, start_noise=0.1, rate_falls=True),
    ],
)
def test_a_resumed_training_goes_on_bit_for_bit(settings, tmp_path):
    x = mixture(60)
    whole, first = (EnergyTraining(x, x[:, 1], settings, 4) for _ in range(2))
    numbers = [whole.advance() for _ in range(20)]
    for _ in range(9):
        first.advance()
    first.save(tmp_path)
    second = EnergyTraining(x, x[:, 1], settings, 4)
    second.load(tmp_path)
    assert [second.advance() for _ in range(11)] == numbers[9:]
    for ours, theirs in zip(whole._weights().parameters(), second._weights().parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_energy_keeps_regression_only_where_asked():
    pure, kept = decoupled(0), decoupled(0, energy_keeps_regression=True)
    pure.advance()
    kept.advance()
    ours, theirs = (next(iter(one.model.energy.parameters())).detach() for one in (pure, kept))
    assert not torch.equal(ours, theirs)


def test_unlabelled_designs_join_the_density_and_not_the_reward():
    x = mixture(100)
    far = x + 20.0
    settings = density_settings(width=8, batch_size=16, chain_steps=2)
    training = EnergyTraining(x, x[:, 0], settings, 0, unlabelled=far)
    assert float(training.model.box.high.min()) > 15
    assert training.model.label_mean == pytest.approx(float(x[:, 0].mean()), abs=1e-6)
    seen = []
    energy_of = training.model.energy.forward
    training.model.energy.forward = lambda points: (seen.append(points.detach()), energy_of(points))[1]
    training.advance()
    assert any(float(points.max()) > 15 for points in seen)


def test_designs_off_the_data_fall_below_its_floor_and_are_far_from_it():
    training = trained(density_settings(), 200)
    inside, outside = training.x[:50], training.x[:50] + 6.0
    assert below_floor(training.model, training.x, inside) <= 0.02
    assert below_floor(training.model, training.x, outside) == 1.0
    assert float(distance_to_data(inside, training.x).max()) == pytest.approx(0, abs=1e-3)
    nearest = torch.cdist(outside, training.x).amin(dim=1)
    assert torch.allclose(distance_to_data(outside, training.x), nearest, atol=1e-4)


def test_a_climb_that_goes_on_promises_more_the_steeper_the_reward():
    x = mixture(200).double()
    training = EnergyTraining(x, 4 * x[:, 0], EnergySettings(form="regression", width=32), 0)
    for _ in range(300):
        training.advance()
    asked = GenerationSettings(n_designs=10, n_steps=5, eta=0.02)
    # Standardised, the reward rises by about 1 / std(x₀) along x₀, so five steps promise 5 η √2 4 / std(x₀).
    std = float(x[:, 0].std())
    expected = 5 * 0.02 * math.sqrt(2) * 4 / std
    assert optimism(training.model, asked, x[:50], generator(0, "further")) == pytest.approx(expected, rel=0.3)
