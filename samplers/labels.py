"""What a run is steered by: one objective of the reward, as a label for every structure of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samplers.config import Asked
from samplers.errors import RewardError
from samplers.steering import steerable

Floats = NDArray[np.float64]
LEAST_NOISE = 0.1  # in sd of the labels: even exact labels are blurred so much, so that neighbours teach each other
MOST_NOISE = 1.0
BLOCK = 2048


class Labeler:
    """Answers with the steered objective alone, in its own unit, so that nothing else of the reward is asked."""

    def __init__(self, reward: Any, steer_by: str = "") -> None:
        """`steer_by` names an objective of the reward. Raises ConfigError as `samplers.steering.steerable` does."""
        definition = getattr(reward, "definition", None)
        names = [str(name) for name in reward.names]
        objectives = definition.asked if definition else [Asked(name, frozenset()) for name in names]
        self.column = steerable(objectives, steer_by)
        self.name, self.learned = names[self.column], objectives[self.column].learned
        self.reward, self.error = reward, 0.0
        if definition:
            objective = definition.objectives[self.column]
            if objective.source.kind == "model":
                self.error = held_out_error(reward.models[objective.source.key])
            self.reward = type(reward)(replace(definition, objectives=(objective,)), reward.models)
            self.column = 0

    def __call__(self, structures: Sequence[str]) -> tuple[Floats, Floats]:
        """Values and doubts (n,) in the objective's unit; NaN where there is no value."""
        values, doubts = np.empty(len(structures)), np.empty(len(structures))
        for start in range(0, len(structures), BLOCK):
            part = list(structures[start : start + BLOCK])
            batch = self.reward.evaluate(part)
            values[start : start + len(part)] = batch.values[:, self.column]
            doubts[start : start + len(part)] = batch.uncertainty[:, self.column]
        return values, doubts


def held_out_error(model: Any) -> float:
    """The root mean square error of a learned model on held-out groups, in its label's unit; 0 where it is unknown."""
    scores = getattr(model, "card", {}).get("report", {}).get("scores", {})
    return float(scores.get("rmse") or 0.0)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels (M,) of the examples in the objective's unit, NaN where there is none, and what is known of them.

    `error` is the labeler's held-out error, `noise` the spread ν of fresh label noise, both in the same unit.
    """

    name: str
    learned: bool
    values: Floats
    mean: float
    sd: float
    error: float
    noise: float

    @property
    def known(self) -> Floats:
        """The labels that there are."""
        return self.values[np.isfinite(self.values)]

    def standardised(self, value: float) -> float:
        """A value in the unit as standard deviations from the mean."""
        return (value - self.mean) / self.sd

    def drawn(self, rows: Tensor, drop: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Standardised labels (B,) of examples with fresh noise, and which are hidden: a share, and all without one."""
        clean = (torch.from_numpy(self.values)[rows] - self.mean) / self.sd
        noise = torch.randn(len(rows), generator=source, dtype=torch.float64)
        free = torch.rand(len(rows), generator=source) < drop
        missing = clean.isnan()
        return (clean.nan_to_num(0.0) + self.noise / self.sd * noise).float(), free | missing

    def reference(self, target: float) -> float:
        """The mean label that a perfect model gives for a target."""
        return reference(target, self.known, self.known, self.noise)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the values aside."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "values"}


def reference(target: float, y: Floats, predicted: Floats, noise: float) -> float:
    """Σ y_j N(a; f_j, ν²) / Σ N(a; f_j, ν²) for truths y (M,), predictions f (M,), target a, label noise ν > 0."""
    logs = -0.5 * ((target - predicted) / noise) ** 2
    weights = np.exp(logs - logs.max())
    return float(weights @ y / weights.sum())


def label(labeler: Labeler, structures: Sequence[str], noise: float = 0.0) -> Labels:
    """The labels of structures; `noise` is ν in their standard deviations, 0 takes it from the held-out error.

    Raises RewardError when none has a label, or all are equal.
    """
    values, _ = labeler(structures)
    known = values[np.isfinite(values)]
    if len(known) < 2 or np.ptp(known) <= 1e-9 * max(1.0, float(np.abs(known).max())):
        raise RewardError(
            f"The objective {labeler.name!r} has {len(set(known.tolist()))} different values on the "
            f"{len(structures):,} structures of the data, so no design can be steered by it. Choose another."
        )
    mean, sd = float(known.mean()), float(known.std())
    noise = noise or min(max(labeler.error / sd, LEAST_NOISE), MOST_NOISE)
    return Labels(labeler.name, labeler.learned, values, mean, sd, labeler.error, noise * sd)
