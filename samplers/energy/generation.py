"""Designs from a trained model, and what tells whether to believe them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from samplers.energy.chains import Chains, LogDensity, langevin, metropolis_langevin
from samplers.energy.model import EnergyModel, design_steps, starts
from samplers.energy.settings import GenerationSettings
from samplers.energy.token_chains import token_walk
from samplers.errors import ConfigError

FLOOR = 0.001  # quantile of the data's log-densities below which a design counts as off the data


def generate(model: EnergyModel, asked: GenerationSettings, x: Tensor, y: Tensor, source: torch.Generator) -> Chains:
    """Chains of `asked.n_designs` designs from the model; x (N, D) and y (N,) are the data it was trained on.

    Equal settings, model and generator state give equal designs. Raises ConfigError for settings that do not fit it.
    """
    objective = model.objective(asked)
    start = starts(model, asked, x, y, source).to(model.centre)
    return walk(model, asked, objective, start, source)


def walk(
    model: EnergyModel, asked: GenerationSettings, objective: LogDensity, start: Tensor, source: torch.Generator
) -> Chains:
    """Chains from start points (n, D) as the settings say."""
    if asked.chain_rule == "tokens":
        if model.relaxation is None:
            raise ConfigError("chain_rule", "tokens is for sequences; vectors have no tokens to change")
        return token_walk(objective, model.relaxation, start, asked.n_steps, source, keep_every=asked.keep_every)
    box = model.box if model.settings.reflects else None
    longest = asked.largest_gradient or math.inf
    steps = design_steps(model, asked)
    if asked.adjusted:
        return metropolis_langevin(
            objective, start, steps, source, box=box, largest_gradient=longest, keep_every=asked.keep_every
        )
    return langevin(
        objective, start, steps, source if asked.noise else None,
        box=box, largest_gradient=longest, keep_every=asked.keep_every,
    )  # fmt: skip


@torch.no_grad()
def below_floor(model: EnergyModel, data: Tensor, designs: Tensor) -> float:
    """Share of designs (n, D) whose log-density is below the 0.1 % quantile of the data's (N, D)."""
    floor = torch.quantile(model.log_density(data[:100_000]).double(), FLOOR)
    return float((model.log_density(designs).double() < floor).double().mean())


def optimism(model: EnergyModel, asked: GenerationSettings, designs: Tensor, source: torch.Generator) -> float:
    """How much more the model promises when its chains go on from its designs: large where it is not conservative.

    Needs no label: mean predicted reward, in the labels' unit, after the same steps again less that of the designs.
    """
    further = walk(model, asked, model.objective(asked), designs, source).points
    return float((model.predict(further) - model.predict(designs)).mean())


@torch.no_grad()
def distance_to_data(designs: Tensor, data: Tensor) -> Tensor:
    """(n,) Euclidean distance of designs (n, D) to the nearest of the data (N, D)."""
    return torch.cat([torch.cdist(part, data).amin(dim=1) for part in designs.split(256)])
