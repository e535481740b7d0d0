"""What every compared method is: a law to draw the next batch from, and a way to learn from its verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from samplers.banel.filters import Filter, Region
from samplers.banel.models import Model
from samplers.banel.scores import Score


@dataclass(frozen=True, slots=True)
class Law:
    """Draws of a model held to a region; without filters the model itself."""

    model: Model
    region: Region

    def log_prob(self, rows: Tensor, accepted: float) -> Tensor:
        """(N,) float64 log p of rows, given the share of draws that the region accepts; minus infinity outside."""
        log_p = self.model.log_prob(rows)
        if not self.region.filters:
            return log_p
        inside = self.region.accepts(rows)
        return (log_p - torch.tensor(accepted, dtype=torch.float64).log()).masked_fill(~inside, -torch.inf)


class Searcher(Protocol):
    """One method in one run."""

    @property
    def law(self) -> Law:
        """Where the next batch comes from."""

    def learn(self, failures: Tensor, number: int) -> None:
        """Take in the failures (N, L) of a round, numbered from 0; hits are never shown."""


class Fixed:
    """A law that never changes: resampling, another temperature, even draws."""

    def __init__(self, model: Model) -> None:
        self.law = Law(model, Region())

    def learn(self, failures: Tensor, number: int) -> None:
        """Nothing is learned."""


def threshold_filter(score: Score, rows: Tensor, keep: float) -> Filter:
    """The filter that passes the share `keep` of these rows with the highest scores."""
    values = score(rows)
    return Filter(score, (float(torch.quantile(values, 1 - keep)),), tie=1e-9)
