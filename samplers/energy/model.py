"""A trained model: what it predicts, its log-density, and the two combined for generation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samplers.energy.chains import Box, LogDensity, constant, geometric
from samplers.energy.networks import Ensemble
from samplers.energy.relaxation import Relaxation
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.errors import ConfigError


def step_sizes(rule: str, n_steps: int, n_coordinates: int, eta: float, first: float, last: float) -> list[float]:
    """Step sizes of a chain: η √D at every step ("ascent"), or ε²/2 of falling noise scales ("scales")."""
    if rule == "ascent":
        return constant(eta * math.sqrt(n_coordinates), n_steps)
    return geometric(first, last, n_steps)


@dataclass(slots=True)
class EnergyModel:
    """Networks with the units they were trained in.

    `energy` gives log p up to a constant and is None for a plain regression; `reward` gives standardised labels. In the
    coupled form both are the same network. centre (D,) is where the confinement pulls to.
    """

    settings: EnergySettings
    energy: nn.Module | None
    reward: Ensemble
    label_mean: float
    label_std: float
    centre: Tensor
    box: Box
    relaxation: Relaxation | None = None

    def standardised(self, x: Tensor) -> Tensor:
        """(N,) predicted rewards of vectors (N, D) in standard deviations of the training labels; differentiable."""
        return self.reward(x)

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """(N,) predicted rewards in the labels' unit."""
        return self.reward(x) * self.label_std + self.label_mean

    def log_density(self, x: Tensor) -> Tensor:
        """(N,) log p up to a constant, confinement included; of a regression, the standardised reward."""
        value = self.reward(x) if self.energy is None else self.energy(x)
        if self.settings.confinement:
            value = value - self.settings.confinement / 2 * (x - self.centre).square().sum(dim=1)
        return value

    def objective(self, asked: GenerationSettings) -> LogDensity:
        """What generation follows. Raises ConfigError for a combination that this form does not have.

        Decoupled: log p(x) + w r(x), or log p(x) − (a − r)² / (2ν²); otherwise the log-density. All over temperature.
        """
        decoupled = self.settings.form == "decoupled"
        if asked.aims and not decoupled:
            raise ConfigError("aims", "asks for a value, which needs a density beside the reward: the decoupled model")
        if asked.aims:
            target = (asked.target - self.label_mean) / self.label_std
            tolerance = asked.tolerance / self.label_std

            def aimed(x: Tensor) -> Tensor:
                likelihood = (target - self.standardised(x)).square() / (2 * tolerance**2)
                return (self.log_density(x) - likelihood) / asked.temperature

            return aimed
        if decoupled and asked.guidance:

            def guided(x: Tensor) -> Tensor:
                return (self.log_density(x) + asked.guidance * self.standardised(x)) / asked.temperature

            return guided
        if asked.temperature == 1.0:
            return self.log_density
        return lambda x: self.log_density(x) / asked.temperature


def starts(model: EnergyModel, asked: GenerationSettings, x: Tensor, y: Tensor, source: torch.Generator) -> Tensor:
    """(n_designs, D) start points from data x (N, D), y (N,): the best, repeated where there are too few, or drawn."""
    n = asked.n_designs
    if asked.start == "uniform":
        return model.box.uniform(n, source)
    if asked.start == "data":
        return x[torch.randint(len(x), (n,), generator=source)]
    best = y.argsort(descending=True, stable=True)[:n]
    return x[best[torch.arange(n) % len(best)]]


def design_steps(model: EnergyModel, asked: GenerationSettings) -> Sequence[float]:
    """The step sizes of generation."""
    return step_sizes(
        asked.chain_rule, asked.n_steps, len(model.centre), asked.eta, asked.first_scale, asked.last_scale
    )  # fmt: skip
