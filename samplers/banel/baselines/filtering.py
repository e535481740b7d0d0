"""Filters without a failure model: distance from what failed, and a classifier of failed against fresh."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from samplers.banel.baselines.searcher import Law, threshold_filter
from samplers.banel.filters import Region
from samplers.banel.models import Model
from samplers.banel.scores import Novelty, Score, fit_classifier
from samplers.rng import generator

POOL = 2000  # fresh draws that set a threshold, and that the classifier tells failures from


class _Filtering:
    """The generator as it is, held to the 1/f of its draws with the highest score; every failure so far counts."""

    def __init__(self, prior: Model, features: Callable[[Tensor], Tensor], *, filter_factor: float, seed: int) -> None:
        self.prior, self.features, self.filter_factor, self.seed = prior, features, filter_factor, seed
        self.failures = prior.draw(1, generator(seed, "shape"))[:0]
        self.fresh, self.calibration = (prior.draw(POOL, generator(seed, name)) for name in ("fresh", "calibration"))
        self.law = Law(prior, Region())

    def learn(self, failures: Tensor, number: int) -> None:
        """Set the filter anew."""
        self.failures = torch.cat([self.failures, failures])
        if len(self.failures):
            made = threshold_filter(self.score(), self.calibration, 1 / self.filter_factor)
            self.law = Law(self.prior, Region([made]))

    @abstractmethod
    def score(self) -> Score:
        """What to filter by."""


class NoveltyFilter(_Filtering):
    """Keeps what is farthest (Tanimoto) from every tested failure."""

    def score(self) -> Score:
        return Novelty(self.features, self.features(self.failures))


class ClassifierFilter(_Filtering):
    """Keeps what a logistic regression of features finds least like a failure."""

    def score(self) -> Score:
        return fit_classifier(self.features, self.failures, self.fresh)
