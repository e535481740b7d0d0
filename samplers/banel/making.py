"""What can be made: a soft filter from wells that came back "not made", beside the failures and apart from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from samplers.banel.ledger import FAIL, NOT_MADE, PASS
from samplers.banel.scores import Classifier, fit_to_features
from samplers.banel.state import State


@dataclass(frozen=True, slots=True)
class Makeable:
    """A classifier of not made against made, and the log of made over not made among the wells it learned from."""

    classifier: Classifier
    log_odds: float
    n_not_made: int

    def chance(self, rows: Tensor) -> Tensor:
        """(N,) float64 the estimated chance that a row can be made."""
        return torch.sigmoid(self.classifier(rows) + self.log_odds)


def makeable(state: State) -> Makeable | None:
    """What the answers so far teach about making; None where they are too few, or the space has no features.

    Only a pass or a fail proves that something was made. The answers alone decide, so that nothing has to be kept.
    """
    features, fewest = state.space.features, state.settings.makeable_from
    missed = [entry.row for entry in state.ledger.first_with(NOT_MADE)]
    made = [entry.row for verdict in (PASS, FAIL) for entry in state.ledger.first_with(verdict)]
    if features is None or not fewest or min(len(missed), len(made)) < fewest:
        return None
    found = fit_to_features(features, features(torch.tensor(missed)), features(torch.tensor(made)))
    return Makeable(found, math.log(len(made) / len(missed)), len(missed))
