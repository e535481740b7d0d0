"""Maximum likelihood by Adam, ended early by rows that were held out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from samplers.banel.models import Effort, Fit
from samplers.errors import TrainingError

MAX_NORM = 1.0  # of a gradient


class Trainable(Protocol):
    """What gradient descent needs of a model."""

    def parameters(self) -> Iterable[Tensor]:
        """What is learned."""

    def token_log_probs(self, rows: Tensor) -> Tensor:
        """(N, T) log p of each action, with gradient."""

    def log_prob(self, rows: Tensor) -> Tensor:
        """(N,) float64 log p."""

    def varied(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """The same designs in other spellings, where a model has several."""

    def tensors(self) -> dict[str, Tensor]:
        """Everything learned."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""


def maximise_likelihood(
    model: Trainable,
    rows: Tensor,
    effort: Effort,
    source: torch.Generator,
    *,
    held_out: Tensor | None = None,
    weights: Tensor | None = None,
) -> Fit:
    """Fit in place. With held-out rows the best epoch on them is kept, and `patience` worse ones in a row end it.

    Raises TrainingError when a loss is not finite.
    """
    weights = torch.ones(len(rows)) if weights is None else (weights / weights.mean().clamp_min(1e-12)).float()
    watched = held_out is not None and len(held_out) > 0
    before = best = _nll(model, held_out) if watched else math.nan
    kept, n_worse, epoch = model.tensors(), 0, 0
    optimiser = torch.optim.Adam(model.parameters(), lr=effort.learning_rate)
    while epoch < effort.epochs and n_worse < effort.patience and len(rows):
        epoch += 1
        _epoch(model, rows, weights, optimiser, effort.batch_size, source, epoch)
        if watched:
            now = _nll(model, held_out)
            n_worse = 0 if now < best else n_worse + 1
            if now < best:
                best, kept = now, model.tensors()
    if watched:
        model.restore(kept)
    return Fit(epoch, n_worse >= effort.patience, _nll(model, rows), best, before)


def _nll(model: Trainable, rows: Tensor | None) -> float:
    """Mean of -log p, NaN without rows."""
    return math.nan if rows is None or not len(rows) else -float(model.log_prob(rows).mean())


def _epoch(
    model: Trainable, rows: Tensor, weights: Tensor, optimiser: torch.optim.Adam, batch_size: int,
    source: torch.Generator, epoch: int,
) -> None:  # fmt: skip
    for part in torch.randperm(len(rows), generator=source).split(batch_size):
        loss = -(model.token_log_probs(model.varied(rows[part], source)).sum(dim=1) * weights[part]).mean()
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"The loss of epoch {epoch} is not a finite number.")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimiser.step()
