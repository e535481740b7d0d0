"""Codes of designs: the bound of the drawn process against known densities, and what the model delivers."""

import math

import numpy as np
import pytest
import torch

from samplers.diffusion import family
from samplers.diffusion.latent.bound import nats_bound
from samplers.diffusion.noising import noise_variance, signal, time_grid
from samplers.errors import ConfigError
from samplers.rng import generator
from tests.samplers.diffusion.test_family import CountReward, Sequences, dna

SETTINGS = {
    "model": "latent", "latent_size": 12, "score_width": 64, "hidden_size": 48, "learning_steps": 500,
    "max_learning_steps": 500, "gate_every": 500, "gate_samples": 200, "batch_size": 64, "sampling_steps": 24,
    "learning_rate": 1e-2, "targets": "0.5 2.5", "n_designs": 60,
}  # fmt: skip


class Gaussian:
    """The exact score of N(0, variance I) under the forward process."""

    def __init__(self, variance):
        self.variance = variance

    def __call__(self, x, t, target):
        spread = signal(t).square() * self.variance + noise_variance(t)
        return -x / spread.unsqueeze(1)


@pytest.mark.parametrize("variance", [0.3, 1.0])
def test_the_bound_is_above_the_truth_and_close_to_it_with_many_steps(variance):
    source, d = generator(0, "bound"), 4
    end = torch.tensor(0.01, dtype=torch.float64)
    spread = float(signal(end) ** 2 * variance + noise_variance(end))
    u = spread**0.5 * torch.randn(4000, d, generator=source, dtype=torch.float64)
    truth = 0.5 * d * math.log(2 * math.pi * math.e * spread)
    found = {}
    for n_steps in (20, 500):
        times = time_grid(n_steps, start=10.0, stop=0.01)
        found[n_steps] = float(nats_bound(Gaussian(variance), u, times, source).mean())
    assert found[20] > found[500] > truth - 0.05
    assert found[500] == pytest.approx(truth, abs=0.25)


@pytest.fixture(scope="module")
def learned():
    torch.set_num_threads(1)
    data = Sequences(structures=dna(3000, 5, seed=1))
    events = []
    state = family.prepare(family.Config(**SETTINGS), data, CountReward(), seed=2, budget=None)
    family.advance(state, lambda _: False, events.append)
    return state, {name: value for event in events for name, value in event.numbers.items()}


def test_designs_are_read_back_and_steered(learned):
    _, told = learned
    assert told["reconstructed"] > 0.9
    assert told["target/0/mean"] < told["target/1/mean"]
    assert told["target/0/mean"] == pytest.approx(told["target/0/reference"], abs=0.6)


def test_the_bound_lies_above_the_nats_of_equally_likely_sequences(learned):
    state, told = learned
    # 4^5 sequences, nearly all in the data: no distribution over them has fewer nats on average. The bound is loose
    # where a code means one design, since few drawn codes then lie near it.
    assert told["validation_nats"] > math.log(len(state.model.structures)) - 0.2
    assert told["reconstruction_nats"] < told["validation_nats"]
    scores = family.score(state, ["ACGTA", "ACGT"])
    assert scores.kinds == ("bound", "impossible") and scores.log_p[1] == -math.inf


def test_guidance_of_zero_forgets_the_target(learned):
    model = learned[0].model
    assert model.draw(20, 3.0, 0.0, generator(1, "x")) == model.draw(20, None, 1.0, generator(1, "x"))


def test_v_is_orthonormal_whenever_it_is_used(learned):
    basis = learned[0].model._score().basis
    assert np.allclose((basis.T @ basis).numpy(), np.eye(12), atol=1e-5)


def test_nothing_can_be_kept_in_a_code(learned):
    with pytest.raises(ConfigError, match="autoregressive"):
        learned[0].model.fixed("ACGTA")
