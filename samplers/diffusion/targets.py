"""The targets of a run, and what is told of the designs drawn for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samplers.diffusion.config import read_targets
from samplers.labels import Labels

N_DEFAULT = 9
CENTRAL = (0.05, 0.95)  # of the data, over which the default sweep goes
FARTHEST = 6.0  # standard deviations of the labels from their mean; farther targets are moved there


def targets_for(text: str, labels: Labels) -> tuple[tuple[float, ...], list[str]]:
    """The targets in the objective's unit, and sentences on what was changed or lies outside the data."""
    asked = read_targets(text)
    if not asked:
        low, high = np.quantile(labels.known, CENTRAL)
        return tuple(float(value) for value in np.linspace(low, high, N_DEFAULT)), []
    sentences, found = [], []
    low, high = float(labels.known.min()), float(labels.known.max())
    edges = labels.mean - FARTHEST * labels.sd, labels.mean + FARTHEST * labels.sd
    for target in asked:
        kept = min(max(target, edges[0]), edges[1])
        if kept != target:
            sentences.append(
                f"The target {target:g} lies more than {FARTHEST:g} standard deviations from the data; {kept:.4g} is "
                "used instead."
            )
        elif not low <= target <= high:
            sentences.append(
                f"The target {target:g} lies outside the data, which reach from {low:.4g} to {high:.4g}: nothing "
                "like it was seen in training."
            )
        found.append(kept)
    return tuple(dict.fromkeys(found)), sentences


@dataclass(slots=True)
class Progress:
    """Where designing stands: which target, and everything drawn for it so far, repeats included."""

    at: int = 0
    drawn: list[str] = field(default_factory=list)
    barren: int = 0  # batches one after the other that brought nothing new

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"at": self.at, "drawn": self.drawn, "barren": self.barren}
