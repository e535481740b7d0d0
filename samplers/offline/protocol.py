"""The offline protocol with its three roles kept apart.

A method learns from training labels, chooses its settings by a validation proxy, and hands its designs to a test
oracle that answers exactly once. Source: Design-Bench (arXiv 2202.08450) for the protocol and the percentiles; the
separate validation proxy follows Beckham & Pal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from samplers.errors import DesignError

N_DESIGNS = 128  # what the published tables propose


class OracleSpent(DesignError):
    """The test oracle was asked a second time."""


class Proxy(Protocol):
    """What stands in for the oracle while settings are chosen: designs (N, L) to scores (N,) in the labels' unit."""

    def __call__(self, designs: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Labels:
    """Designs (N, L) as token numbers and their scores (N,) float64 in the unit of the data."""

    designs: Tensor
    scores: Tensor

    def __post_init__(self) -> None:
        if len(self.designs) != len(self.scores) or not len(self.scores):
            raise DesignError(f"{len(self.designs)} designs and {len(self.scores)} scores; each needs the other")

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: Tensor) -> Labels:
        """The labels of some rows (positions or a mask)."""
        return Labels(self.designs[rows], self.scores[rows])


@dataclass(frozen=True, slots=True)
class Scale:
    """The score of the worst and the best design of the full hidden data, which become 0 and 1."""

    low: float
    high: float

    @classmethod
    def of(cls, scores: Tensor) -> Scale:
        """From all hidden scores. Raises DesignError when they are all the same."""
        found = cls(float(scores.min()), float(scores.max()))
        if not found.low < found.high:
            raise DesignError("all hidden scores are the same, so that nothing can be told apart")
        return found

    def __call__(self, scores: Tensor) -> Tensor:
        """(y − low) / (high − low), float64; above 1 for a design better than all hidden ones."""
        return (scores.double() - self.low) / (self.high - self.low)


def percentiles(scores: Tensor, wanted: tuple[int, ...] = (100, 50)) -> dict[str, float]:
    """`percentile_K` of scores (N,) for each K, interpolated linearly as in the published tables."""
    at = torch.tensor([one / 100 for one in wanted], dtype=torch.float64)
    found = torch.quantile(scores.double(), at)
    return {f"percentile_{k}": float(value) for k, value in zip(wanted, found, strict=True)}


class TestOracle:
    """The hidden scores. Answers one question, of exactly `n_designs` designs, and refuses every further one."""

    __test__ = False  # no test case, whatever its name

    def __init__(self, look_up: Callable[[Tensor], Tensor], scale: Scale, n_designs: int = N_DESIGNS) -> None:
        self._look_up, self.scale, self.n_designs = look_up, scale, n_designs
        self.spent = False

    def score(self, designs: Tensor) -> Tensor:
        """Normalised scores (N,) of designs (N, L).

        Raises DesignError for another number of designs, which spends nothing, and OracleSpent the second time.
        """
        if self.spent:
            raise OracleSpent("the test oracle has answered once; settings must be chosen by the validation proxy")
        if len(designs) != self.n_designs:
            raise DesignError(f"the oracle scores exactly {self.n_designs} designs, got {len(designs)}")
        self.spent = True
        return self.scale(self._look_up(designs))


@dataclass(frozen=True, slots=True)
class OfflineTask:
    """What a trial begins with: an alphabet of one-letter symbols, the visible labels, and the oracle unasked.

    twin: another token row of the same design, if the data hold designs twice under two names (the other strand of
    DNA): (N, L) to (N, L). A split that parts the two leaks labels.
    """

    name: str
    symbols: str
    visible: Labels
    oracle: TestOracle
    twin: Callable[[Tensor], Tensor] | None = None

    @property
    def length(self) -> int:
        """Places of a design."""
        return self.visible.designs.shape[1]

    def best_visible(self) -> float:
        """D(best): the best visible label, normalised."""
        return float(self.oracle.scale(self.visible.scores.max()))

    def judged(self, designs: Tensor) -> dict[str, float]:
        """Ask the oracle, once: percentiles, their mean, D(best), and how many designs are distinct and not visible."""
        scores = self.oracle.score(designs)
        kept = {tuple(row) for row in self.visible.designs.tolist()}
        proposed = {tuple(row) for row in designs.tolist()}
        return {
            **percentiles(scores), "mean": float(scores.mean()), "d_best": self.best_visible(),
            "distinct": float(len(proposed)), "new": float(len(proposed - kept)),
        }  # fmt: skip


def best_apart(labels: Labels, share: float) -> tuple[Labels, Labels]:
    """The labels without, and with only, the best `share`: validation holds rewards above all training rewards.

    Equal scores stay on one side, so that twins do too.
    """
    if not 0 < share < 1:
        raise DesignError(f"the share held apart must be between 0 and 1, got {share:g}")
    limit = torch.quantile(labels.scores, 1 - share)
    above = labels.scores > limit
    return labels.take(~above), labels.take(above)


def uniform_designs(task: OfflineTask, source: torch.Generator) -> Tensor:
    """As many designs as the oracle wants, every symbol drawn evenly: what knowing nothing is worth."""
    shape = (task.oracle.n_designs, task.length)
    return torch.randint(len(task.symbols), shape, generator=source)


def upper_half_designs(task: OfflineTask, source: torch.Generator) -> Tensor:
    """Distinct designs drawn evenly from the upper half of the visible ones."""
    upper = (task.visible.scores >= task.visible.scores.median()).nonzero().squeeze(1)
    return task.visible.designs[upper[torch.randperm(len(upper), generator=source)[: task.oracle.n_designs]]]


# Rows beside every method's: what they propose, by method id.
REFERENCES: Mapping[str, Callable[[OfflineTask, torch.Generator], Tensor]] = {
    "uniform": uniform_designs,
    "visible-upper-half": upper_half_designs,
}
