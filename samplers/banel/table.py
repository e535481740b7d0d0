"""A model that is a table: for tests, toys, and exact posteriors."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from samplers.banel.filters import EMPTY, EmptyRegionError
from samplers.banel.models import Effort, Fit
from samplers.errors import DesignError


class Table:
    """Probabilities of the states 0 to X-1, as rows (N, 1). Fitting gives the empirical distribution, at once."""

    def __init__(self, p: Tensor) -> None:
        """`p` (X,) nonnegative, summing to one within 1e-9. Raises DesignError otherwise."""
        p = p.double()
        if bool((p < 0).any()) or abs(float(p.sum()) - 1) > 1e-9:
            raise DesignError("The numbers of a table are probabilities and sum to one.")
        self.p = p

    def draw(self, n: int, source: torch.Generator) -> Tensor:
        """(n, 1) states."""
        return torch.multinomial(self.p, n, replacement=True, generator=source).unsqueeze(1)

    def log_prob(self, rows: Tensor) -> Tensor:
        """(N,) log p, minus infinity at impossible states."""
        return self.p[rows[:, 0]].log()

    def copy(self) -> Self:
        return type(self)(self.p.clone())

    def fit(
        self, rows: Tensor, effort: Effort, source: torch.Generator, *, held_out: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Fit:  # fmt: skip
        """The maximum of the likelihood in closed form; effort and held-out rows have nothing to say here."""
        weights = torch.ones(len(rows), dtype=torch.float64) if weights is None else weights.double()
        counts = torch.zeros_like(self.p).index_add(0, rows[:, 0], weights)
        self.p = counts / counts.sum()
        return Fit(1, False, float(-(self.log_prob(rows) * weights).sum() / weights.sum()), math.nan, math.nan)

    def given(self, accepted: Tensor) -> Table:
        """The distribution conditioned on a mask (X,) of states. Raises EmptyRegionError where that has no mass."""
        kept = self.p * accepted
        if float(kept.sum()) <= 0:
            raise EmptyRegionError(EMPTY)
        return Table(kept / kept.sum())

    def mixed(self, other: Table, share: float) -> Table:
        """`share` of another table in this one."""
        return Table((1 - share) * self.p + share * other.p)

    def tensors(self) -> dict[str, Tensor]:
        return {"p": self.p}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.p = tensors["p"].clone()
