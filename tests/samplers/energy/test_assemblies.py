"""Chains over molecules against what the base itself says of their law, and what a stock is good for."""

import pytest
import torch

from samplers.energy import spaces
from samplers.energy.config import EnergyConfig
from samplers.rng import generator
from tests.samplers.gflownet.small_world import MOLECULES


@pytest.fixture(scope="module")
def space():
    config = EnergyConfig(hidden_size=16, base_steps=30, stock=400, batch_size=8, max_heavy_atoms=25)
    made, _ = spaces.prepare("molecule", config, MOLECULES, generator(0, "space"), "cpu")
    source = generator(0, "base")
    while made.learning:
        made.learn(source)
    return made


def density(features):
    return -0.12 * features.sum(dim=1)


def test_cutting_and_growing_on_draws_from_the_base_times_the_density(space):
    source = generator(1, "chains")
    drawn = space.features(space.base(1500, source)).double()
    weights = density(drawn).softmax(dim=0)
    wanted = float(weights @ drawn.sum(dim=1))
    spread = float((weights @ (drawn.sum(dim=1) - wanted).square()).sqrt())
    rows, found = space.base(96, source), []
    for _ in range(8):
        walk = space.walk(density, rows, 3, source)
        rows = walk.rows
        found.append(float(walk.features.sum(dim=1).mean()))
    plain = float(drawn.sum(dim=1).mean())
    assert abs(plain - wanted) > 0.4 * spread  # the density is no small change of the base
    assert sum(found[2:]) / 6 == pytest.approx(wanted, abs=0.2 * spread)
    assert set(walk.features.sum(dim=1).tolist()) == set(space.features(rows).sum(dim=1).tolist())


def test_chains_that_climb_never_fall(space):
    walk = space.walk(density, space.base(8, generator(2, "start")), 5, generator(2, "chains"), climbs=True)
    assert bool((walk.values[1:] >= walk.values[:-1]).all())


def test_negatives_are_what_the_density_prefers_among_the_stock(space):
    rows = torch.zeros(2000, dtype=torch.long)
    some = space.negatives(density, rows, generator(3, "negatives")).sum(dim=1)
    stock = space.features(space.stock[80:]).sum(dim=1)  # the first fifth judges
    wanted = float((-0.12 * stock).softmax(dim=0) @ stock)
    assert float(some.mean()) == pytest.approx(wanted, abs=0.3)


def test_the_beginning_of_a_path_is_kept_as_it_is(space):
    rows, n_kept = space.own[:6], torch.tensor([0, 1, 1, 2, 2, 1])
    grown = space._grown(rows, n_kept, generator(4, "grown"))
    for before, after, n in zip(rows.tolist(), grown.tolist(), n_kept.tolist(), strict=True):
        assert before[:n] == after[:n]
    assert all(space.decode(grown))
