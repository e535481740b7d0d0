"""What the product's generators build designs in: one path of actions after another, whatever the design is.

A path is a row of action numbers, -1 after the end, and says everything about the states it passes. Unlike the
environments of the published experiments, which count the parents of every state, these know how many paths lead to a
finished design; the backward probability of a path is then one over that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from samplers.numerics import gumbel_argmax


class States(Protocol):
    """N designs under construction; what else they hold is the environment's business."""

    @property
    def actions(self) -> Tensor:
        """(N, F) what was done so far, -1 where nothing was."""

    @property
    def finished(self) -> Tensor:
        """(N,) true where nothing can be added any more."""

    def select(self, rows: Tensor) -> Self:
        """Some of them, by a mask or by positions."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways to build one design: rows (P, F), the logarithm of the number of all ways, and whether these are all.

    Where the design cannot be built there is no row, and `reason` says why.
    """

    rows: Tensor
    log_n: float
    complete: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """What some of N states may do: rows (M,) of the states, actions (C,), mask (M, C) true where one is allowed."""

    rows: Tensor
    actions: Tensor
    mask: Tensor


class DesignEnvironment(Protocol):
    """A building process of one kind of design. A is `n_actions`, F `max_steps`."""

    kind: str
    device: torch.device
    dtype: torch.dtype

    @property
    def n_actions(self) -> int:
        """How many actions there are."""

    @property
    def max_steps(self) -> int:
        """The longest path."""

    def initial(self, n: int) -> Any:
        """n empty states."""

    def mask(self, states: Any) -> Tensor:
        """(N, A) true where an action is allowed; all false only where the design is finished."""

    def menus(self, states: Any) -> list[Menu]:
        """What the unfinished states may do, each of them in one menu; those that choose among the same are together.

        Says the same as `mask`, at a fraction of the work where most actions are never allowed together.
        """

    def step(self, states: Any, actions: Tensor) -> Any:
        """Apply one action (N,) to every state; -1, and any action on a finished design, changes nothing."""

    def structures(self, rows: Tensor) -> list[tuple[str, float]]:
        """The design of each finished path (N, F) in its standard writing, and the log of its number of paths."""

    def redrawn(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """For each path another one to the same design, uniform over all of them."""

    def paths(self, structure: str, at_most: int, source: torch.Generator) -> Paths:
        """All ways to build a design if there are at most so many, else as many drawn uniformly."""

    def spelled(self, structure: str) -> Paths:
        """The one path by which the examples of the data are written, or why there is none."""

    def capped(self, rows: Tensor) -> Tensor:
        """Unfinished paths (N, F), none of them empty, with the least added that makes each a whole design."""

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n designs drawn without any learning: the baseline that a generator must beat."""

    def to_dict(self) -> dict[str, Any]:
        """The tables as plain data for a checkpoint; limits that stand in the config are left out."""


def random_rollout(environment: DesignEnvironment, n: int, source: torch.Generator) -> Tensor:
    """Paths of the policy that takes every allowed action with equal probability, as rows (n, F)."""
    states = environment.initial(n)
    for _ in range(environment.max_steps):
        if bool(states.finished.all()):
            break
        mask = environment.mask(states)
        logits = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)
        actions = gumbel_argmax(logits, source)
        states = environment.step(states, torch.where(states.finished, -1, actions))
    rows: Tensor = states.actions
    return rows


def padded(rows: Sequence[Sequence[int]], width: int, device: torch.device) -> Tensor:
    """Lists of action numbers as one tensor (N, F), -1 after the end."""
    filled = [[*row, *[-1] * (width - len(row))] for row in rows]
    return torch.tensor(filled, dtype=torch.long, device=device).reshape(len(filled), width)
