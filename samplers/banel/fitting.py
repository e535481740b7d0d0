"""Maximum likelihood by Adam, ended early by rows that were held out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from samplers.banel.models import Effort, Fit
from samplers.errors import TrainingError

if TYPE_CHECKING:
    from samplers.banel.autoregressive import Autoregressive

MAX_NORM = 1.0  # of a gradient


def maximise_likelihood(
    model: Autoregressive,
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


def _nll(model: Autoregressive, rows: Tensor | None) -> float:
    """Mean of -log p, NaN without rows."""
    return math.nan if rows is None or not len(rows) else -float(model.log_prob(rows).mean())


def _epoch(
    model: Autoregressive, rows: Tensor, weights: Tensor, optimiser: torch.optim.Adam, batch_size: int,
    source: torch.Generator, epoch: int,
) -> None:  # fmt: skip
    for part in torch.randperm(len(rows), generator=source).split(batch_size):
        loss = -(model.token_log_probs(rows[part]).sum(dim=1) * weights[part]).mean()
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"The loss of epoch {epoch} is not a finite number.")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimiser.step()
