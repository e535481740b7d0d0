"""What post-training needs of a generator: draws, log-likelihoods, copies, and maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a model is fitted. Without held-out rows all epochs are run; a fresh optimiser each time."""

    epochs: int
    learning_rate: float
    batch_size: int = 32
    patience: int = 3


@dataclass(frozen=True, slots=True)
class Fit:
    """How fitting went: epochs run, whether it ended before its epochs, and mean -log p of a row before and after.

    The held-out numbers are NaN where nothing was held out.
    """

    epochs: int
    early: bool
    train_nll: float
    held_out_nll: float
    held_out_nll_before: float


class Model(Protocol):
    """A generator with a likelihood over rows (N, L) of one language."""

    def draw(self, n: int, source: torch.Generator) -> Tensor:
        """(n, L) independent rows."""

    def log_prob(self, rows: Tensor) -> Tensor:
        """(N,) float64 log p, without gradient."""

    def copy(self) -> Self:
        """A model of its own with the same distribution."""

    def fit(
        self, rows: Tensor, effort: Effort, source: torch.Generator, *, held_out: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Fit:  # fmt: skip
        """Maximum likelihood on rows with weights (N,), in place; keeps the epoch best on `held_out` if given."""

    def tensors(self) -> dict[str, Tensor]:
        """Everything learned, for a checkpoint."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
