"""Conservative objectives where the answer is known: linear models, exact negatives, plain ascent."""

import math

import pytest
import torch
from torch import nn

from samplers.energy.chains import ascend, constant
from samplers.energy.generation import generate
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.training import EnergyTraining, conservative_loss
from samplers.errors import ConfigError
from samplers.rng import generator

DOUBLE = torch.float64
K, ETA = 7, 0.03


class Linear(nn.Module):
    """f(x) = θᵀx without bias."""

    def __init__(self, n_inputs):
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(n_inputs, dtype=DOUBLE))

    def forward(self, x):
        return x @ self.theta


def linear_data(n=200, d=4):
    x = torch.randn(n, d, generator=generator(0, "x"), dtype=DOUBLE)
    y = x @ torch.tensor([1.0, -0.5, 0.3, 0.8], dtype=DOUBLE)
    return x, y + 0.1 * torch.randn(n, generator=generator(0, "noise"), dtype=DOUBLE)


def ridge(x, y, alpha):
    """The stationary point of the objective with K steps of size ETA from the batch."""
    n, d = x.shape
    return torch.linalg.solve(x.T @ x / n + alpha * K * ETA / 2 * torch.eye(d, dtype=DOUBLE), x.T @ y / n)


def test_linear_conservative_objectives_are_ridge_regression():
    x, y = linear_data()
    model, alpha = Linear(4), 3.0
    with torch.no_grad():
        model.theta.copy_(ridge(x, y, alpha))
    ends = ascend(model, x, constant(ETA, K))
    loss = conservative_loss(model(x), model(ends), y, alpha=alpha, squared_weight=1.0)
    (gradient,) = torch.autograd.grad(loss, model.theta)
    assert float(gradient.abs().max()) < 1e-14
    over = float((model(ends) - model(x)).mean().detach())
    assert over == pytest.approx(K * ETA * float(model.theta.detach().square().sum()), rel=1e-12)


def make_linear(settings, x, y, seed=0):
    return EnergyTraining(x, y, settings, seed, make=lambda source: Linear(x.shape[1]))


def linear_settings(**changes):
    plain = {
        "chain_steps": K, "eta": ETA / math.sqrt(4), "batch_size": 200, "standardise": False, "learning_rate": 0.02
    }  # fmt: skip
    return EnergySettings(**{**plain, **changes})


def test_training_ends_at_that_ridge_regression_with_the_step_scaled_by_the_dimension():
    x, y = linear_data()
    training = make_linear(linear_settings(alpha_rule="fixed", alpha=3.0), x, y)
    for _ in range(1500):
        training.advance()
    assert torch.allclose(training.model.energy.theta.detach(), ridge(x, y, 3.0), atol=1e-4)


def test_the_multiplier_ends_where_overestimation_is_tau():
    x, y = linear_data()
    tau = 0.2
    low, high = 0.0, 100.0
    for _ in range(100):  # the overestimation K η ‖θ(α)‖² falls with α
        middle = (low + high) / 2
        if K * ETA * float(ridge(x, y, middle).square().sum()) > tau:
            low = middle
        else:
            high = middle
    training = make_linear(linear_settings(tau=tau, alpha_learning_rate=0.02), x, y)
    for _ in range(4000):
        numbers = training.advance()
    assert numbers["overestimation"] == pytest.approx(tau, abs=1e-3)
    assert training.alpha == pytest.approx(low, rel=0.01)


def test_a_tau_that_is_never_exceeded_turns_conservatism_off():
    x, y = linear_data()
    training = make_linear(linear_settings(tau=50.0, alpha_learning_rate=0.05), x, y)
    for _ in range(600):
        training.advance()
    assert training.alpha < 1e-3  # from 0.1, and falling
    assert torch.allclose(training.model.energy.theta.detach(), ridge(x, y, 0.0), atol=1e-3)


def test_with_exact_negatives_the_energy_gradient_is_that_of_the_log_likelihood():
    grid = torch.linspace(-2, 2, 41, dtype=DOUBLE)[:, None]
    data = torch.tensor([3, 7, 7, 20, 33])
    network = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1)).to(DOUBLE)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator(len(weight), "weights"), dtype=DOUBLE))

    def log_likelihood():
        return network(grid).squeeze(1).log_softmax(dim=0)[data].mean()

    law = network(grid).squeeze(1).softmax(dim=0).detach()
    # Values weighted so that their mean is the expectation under the exact law.
    negatives = network(grid).squeeze(1) * law * len(grid)
    loss = conservative_loss(network(grid[data]).squeeze(1), negatives, None, alpha=1.0, squared_weight=1.0)
    ours = torch.autograd.grad(loss, list(network.parameters()))
    step = 1e-6
    for weight, gradient in zip(network.parameters(), ours, strict=True):
        for place in range(weight.numel()):
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    weight.view(-1)[place] += sign * step
                values.append(float(log_likelihood().detach()))
                with torch.no_grad():
                    weight.view(-1)[place] -= sign * step
            numeric = (values[0] - values[1]) / (2 * step)
            assert float(gradient.view(-1)[place]) == pytest.approx(-numeric, abs=1e-6)


def test_without_conservatism_and_noise_the_model_is_gradient_ascent_bit_for_bit():
    x, y = linear_data()
    small = {"width": 16, "batch_size": 32, "steps": 30}
    coupled = EnergyTraining(x, y, EnergySettings(alpha_rule="fixed", alpha=0.0, **small), 5)
    plain = EnergyTraining(x, y, EnergySettings(form="regression", **small), 5)
    for _ in range(30):
        coupled.advance()
        plain.advance()
    asked = GenerationSettings(n_designs=20, n_steps=15)
    ours, theirs = (
        generate(one.model, asked, x, y, generator(0, "designs")).points for one in (coupled, plain)
    )  # fmt: skip
    assert torch.equal(ours, theirs)
    # The same by hand.
    points = x[y.argsort(descending=True, stable=True)[:20]].clone()
    for _ in range(15):
        points.requires_grad_(True)
        (gradient,) = torch.autograd.grad(plain.model.reward.members[0](points).sum(), points)
        points = (points + 0.05 * 2 * gradient).detach()
    assert torch.equal(points, theirs)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"form": "decoupled"}, "alpha_rule"),
        ({"form": "decoupled", "alpha_rule": "fixed", "alpha": 0.0}, "alpha"),
        ({"n_members": 3}, "n_members"),
    ],
)
def test_settings_that_say_nothing_together_are_refused(changes, field):
    with pytest.raises(ConfigError) as refused:
        EnergySettings(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (torch.zeros(3, 2), torch.zeros(2), "one label a design"),
        (torch.zeros(3, 2), torch.ones(3), "all labels are equal"),
        (torch.tensor([[math.nan], [0.0]]), torch.tensor([0.0, 1.0]), "finite"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused(x, y, words):
    with pytest.raises(ConfigError, match=words):
        EnergyTraining(x, y, EnergySettings(), 0)
