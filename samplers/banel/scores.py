"""How far a row looks from what failed: log-ratios of two models, or a classifier's verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from samplers.banel.models import Model


class Score(Protocol):
    """High for rows unlike the failures. Scores of one filter compare with each other and with nothing else."""

    def __call__(self, rows: Tensor) -> Tensor:
        """(N,) float64."""


@dataclass(frozen=True, slots=True)
class LogRatio:
    """log p of the generator minus κ times log p of the failure model, both of the same spelling of a row.

    `per_token` divides by the number of actions, the end included, since a sum spreads with its length.
    """

    prior: Model
    failures: Model
    kappa: float = 1.0
    n_actions: Callable[[Tensor], Tensor] | None = None  # given where scores are per token
    respell: Callable[[Tensor], Tensor] | None = None

    def __call__(self, rows: Tensor) -> Tensor:
        rows = rows if self.respell is None else self.respell(rows)
        score = self.prior.log_prob(rows) - self.kappa * self.failures.log_prob(rows)
        return score if self.n_actions is None else score / self.n_actions(rows)


@dataclass(frozen=True, slots=True)
class Classifier:
    """Minus the log odds of "failed" against "drawn afresh" by a linear classifier of features (N, F).

    By Bayes' rule the odds are proportional to p_failures / p_prior: the same rule as the log-ratio, from samples
    alone, so it serves generators without a likelihood.
    """

    features: Callable[[Tensor], Tensor]
    weight: Tensor
    bias: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        return self.of_features(self.features(rows))

    def of_features(self, features: Tensor) -> Tensor:
        """(N,) float64 scores of features (N, F)."""
        return -(features.double() @ self.weight + self.bias)


def fit_classifier(
    features: Callable[[Tensor], Tensor], failures: Tensor, fresh: Tensor, *, penalty: float = 1.0
) -> Classifier:
    """Logistic regression with a squared penalty; both sides count equally, whatever their numbers."""
    return fit_to_features(features, features(failures), features(fresh), penalty=penalty)


def fit_to_features(
    features: Callable[[Tensor], Tensor], failures: Tensor, fresh: Tensor, *, penalty: float = 1.0
) -> Classifier:
    """The same from features (M, F) and (N, F) themselves, for failures that the generator cannot write as rows."""
    x = torch.cat([failures, fresh]).double()
    y = torch.cat([torch.ones(len(failures)), torch.zeros(len(fresh))]).double()
    share = torch.where(y > 0, 0.5 / len(failures), 0.5 / len(fresh))
    weight = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        misfit = torch.nn.functional.binary_cross_entropy_with_logits(x @ weight + bias, y, reduction="none")
        found = (misfit * share).sum() + 0.5 * penalty / len(failures) * (weight**2).sum()
        found.backward()
        return found

    optimiser.step(loss)
    return Classifier(features, weight.detach(), bias.detach())


@dataclass(frozen=True, slots=True)
class Novelty:
    """Distance to the nearest failure: one minus the Tanimoto similarity of bit features (N, F)."""

    features: Callable[[Tensor], Tensor]
    failures: Tensor  # (M, F) bits of the failures

    def __call__(self, rows: Tensor) -> Tensor:
        return 1 - nearest_similarity(self.features(rows), self.failures)


def nearest_similarity(bits: Tensor, others: Tensor) -> Tensor:
    """(N,) float64 the largest Tanimoto similarity of each row of bits (N, F) to others (M, F); empty ones are 1."""
    bits, others = bits.float(), others.float()
    nearest = []
    for part in bits.split(2048):
        shared = part @ others.T
        union = part.sum(dim=1, keepdim=True) + others.sum(dim=1) - shared
        nearest.append(torch.where(union > 0, shared / union.clamp_min(1), 1.0).amax(dim=1))
    return torch.cat(nearest).double()
