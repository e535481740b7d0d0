"""Whether designs drawn without a target are like the data: the gate before any steering is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplers.diffusion import measures
from samplers.diffusion.diagnostics import evenly
from samplers.labels import Labeler

MOST = 5000
WIDTH = 0.2  # standard deviations of the data within which every mean must lie


@dataclass(frozen=True, slots=True)
class Gate:
    """Means and standard deviations of the data by name, the steered value first under its own key."""

    kind: str
    data: Mapping[str, tuple[float, float]]

    def gaps(self, structures: Sequence[str], labeler: Labeler) -> dict[str, float]:
        """(mean of the designs − mean of the data) / sd of the data, by name; asks free objectives only."""
        found = measures.measured(self.kind, structures, [name for name in self.data if name != STEERED])
        found = {STEERED: labeler(structures)[0], **found}
        return {name: _gap(found[name], *self.data[name]) for name in self.data}

    @staticmethod
    def reached(gaps: Mapping[str, float]) -> bool:
        """Whether every gap is small; one that could not be measured is not."""
        return all(abs(gap) < WIDTH for gap in gaps.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` takes it back."""
        return {"kind": self.kind, "data": {name: list(pair) for name, pair in self.data.items()}}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Gate:
        """The gate that `to_dict` described."""
        return cls(raw["kind"], {name: (float(mean), float(sd)) for name, (mean, sd) in raw["data"].items()})


STEERED = "steered"


def _gap(values: np.ndarray, mean: float, sd: float) -> float:
    known = values[np.isfinite(values)]
    return float((known.mean() - mean) / sd) if len(known) else float("inf")


def gate_for(kind: str, structures: Sequence[str], labels: np.ndarray) -> Gate:
    """The gate of these examples with labels (M,); properties that are the same for all of them say nothing.

    Properties are those of 5,000 examples at most, whose mean is within a sixtieth of a standard deviation of all.
    """
    some = evenly(structures, MOST)
    found = {STEERED: labels, **measures.measured(kind, some, measures.names(kind))}
    data: dict[str, tuple[float, float]] = {}
    for name, values in found.items():
        known = values[np.isfinite(values)]
        if len(known) > 1 and known.std() > 1e-9 and len(data) <= measures.N_MEASURED:
            data[name] = (float(known.mean()), float(known.std()))
    return Gate(kind, data)
