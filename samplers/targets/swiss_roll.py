"""The swiss roll in two dimensions with a reward whose best region the data avoid.

Source: Beckham and Pal 2023 (arXiv 2304.03866), by their public prototype.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

N_POINTS = 10_000
DENSE = 0.08  # unit Gaussian density above which a point is kept with the probability THINNED only
THINNED = 0.1


@dataclass(frozen=True, slots=True)
class SwissRoll:
    """roll (10000, 2); `kept` (10000,) marks the points of the training set, the others are for validation."""

    roll: Tensor
    kept: Tensor

    @classmethod
    def draw(cls, source: torch.Generator) -> SwissRoll:
        """The roll t (cos t, sin t) / 10 with noise of 1 / 10, thinned around its mean."""
        angle = 1.5 * math.pi * (1 + 2 * torch.rand(N_POINTS, generator=source))
        roll = torch.stack([angle * angle.cos(), angle * angle.sin()], dim=1)
        roll = (roll + torch.randn(roll.shape, generator=source)) / 10
        density = (-0.5 * (roll - roll.mean(dim=0)).square().sum(dim=1)).exp() / (2 * math.pi)
        kept = (density < DENSE) | (torch.rand(N_POINTS, generator=source) < THINNED)
        return cls(roll, kept)

    @property
    def train(self) -> Tensor:
        """Training points (N, 2)."""
        return self.roll[self.kept]

    @property
    def validation(self) -> Tensor:
        """The points left out, most of them where the reward is high."""
        return self.roll[~self.kept]

    def distance(self, points: Tensor) -> Tensor:
        """(n,) distance of points (n, 2) to the nearest of all points of the roll."""
        return torch.cdist(points, self.roll).amin(dim=1)


def reward(x: Tensor) -> Tensor:
    """(N,) exp(−x₁²) + exp(−x₂²): at most 2, at the origin."""
    return (-x.square()).exp().sum(dim=1)
