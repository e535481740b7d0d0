"""Rewards on hypergrids, by arithmetic alone."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from samplers.environments.base import Target
from samplers.environments.hypergrid import Hypergrid
from samplers.errors import ConfigError


class _GridTarget(Target):
    """log R by cell. Grids of up to 2**22 cells are tabulated once, as asking is the inner loop of training."""

    def __init__(self, grid: Hypergrid) -> None:
        super().__init__()
        self.grid = grid
        self._table: Tensor | None = None
        if grid.side**grid.n_dims <= 2**22:
            numbers = torch.arange(grid.side**grid.n_dims, device=grid.device).unsqueeze(1)
            powers = grid.side ** torch.arange(grid.n_dims - 1, -1, -1, device=grid.device)
            self._table = self._of_cells(numbers // powers % grid.side)

    def _log_reward(self, states: Tensor) -> Tensor:
        if self._table is not None:
            return self._table[self.grid.numbers(states)]
        return self._of_cells(states[:, :-1])

    @abstractmethod
    def _of_cells(self, cells: Tensor) -> Tensor:
        """Log rewards (N,) of cells (N, d)."""

    @property
    @abstractmethod
    def log_mode(self) -> float:
        """log R of the best cells."""

    def modes(self, states: Tensor) -> Tensor:
        """(N,) true at the cells of highest reward."""
        return self.peek(states) >= self.log_mode - 1e-9


class DeceptiveGrid(_GridTarget):
    """A bait in the shape of a cross, a desert outside, and 2**n_dims small boxes of high reward.

    R = (1e-5 + 0.1 - 0.1 prod 1(|u| > 0.2) + 2 prod 1(0.6 < |u| < 0.8)) ** exponent with u = i / (side - 1) * 2 - 1.
    `exact` does the comparisons in whole numbers; the default does them in float64 in the order written, as the
    published figures do, which differs where a grid line falls on a bound (sides of 16 and 256).
    Source: Kim et al. 2025, adaptive teachers.
    """

    def __init__(self, grid: Hypergrid, *, exponent: float = 1.0, exact: bool = False) -> None:
        if not exponent > 0:
            raise ConfigError("exponent", f"must be above 0, got {exponent:g}")
        self.exponent, self.exact = exponent, exact
        super().__init__(grid)

    def _of_cells(self, cells: Tensor) -> Tensor:
        """Log rewards (N,) of cells (N, d)."""
        span = self.grid.side - 1
        if self.exact:
            distance = (2 * cells - span).abs() * 5  # compared with 5 u span
            outside, box = distance > span, (distance > 3 * span) & (distance < 4 * span)
        else:
            u = (cells.double() / span * 2 - 1).abs()
            outside, box = u > 0.2, (u > 0.6) & (u < 0.8)
        reward = 1e-5 + 0.1 - 0.1 * outside.all(dim=1).double() + 2.0 * box.all(dim=1).double()
        return self.exponent * reward.log()

    @property
    def log_mode(self) -> float:
        """log R inside a box."""
        return self.exponent * float(torch.tensor(2.00001, dtype=torch.float64).log())


class StandardGrid(_GridTarget):
    """R = low + 0.5 prod 1(0.25 < |v|) + 2 prod 1(0.3 < |v| < 0.4) with v = i / (side - 1) - 0.5.

    Source: Bengio et al. 2021, flow network based generative models.
    """

    def __init__(self, grid: Hypergrid, *, low: float = 0.1) -> None:
        if not low > 0:
            raise ConfigError("low", f"must be above 0, got {low:g}")
        self.low = low
        super().__init__(grid)

    def _of_cells(self, cells: Tensor) -> Tensor:
        """Log rewards (N,) of cells (N, d)."""
        v = (cells.double() / (self.grid.side - 1) - 0.5).abs()
        outer, box = (v > 0.25).all(dim=1).double(), ((v > 0.3) & (v < 0.4)).all(dim=1).double()
        return (self.low + 0.5 * outer + 2.0 * box).log()

    @property
    def log_mode(self) -> float:
        """log R inside a box."""
        return float(torch.tensor(self.low + 2.5, dtype=torch.float64).log())
