"""What the product's designs are to a model for fixed data: states that chains walk on, and what networks read of them.

Every density of the family is relative to a base: p(x) ∝ base(x) exp(f(x)), with a network f that reads the features of
x. Of sequences the base is even over all of them; of molecules it is what an assembling model draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from samplers.energy.chains import LogDensity
from samplers.energy.config import EnergyConfig
from samplers.environments.design import DesignEnvironment
from samplers.kinds import is_sequence

Plain = dict[str, Any]
HELD_OUT, HELD_OUT_OF_FEW = 20, 10  # every so manieth example is not learned from
MANY, ENOUGH = 1000, 60  # examples that are not few, and that some can be spared from
MOST_NUMBERS = 10_000_000  # of all examples' features; of more examples an even selection is learned from


@dataclass(frozen=True, slots=True)
class Walk:
    """Where chains ended: states rows (n, F), features (n, D); and the share of moves accepted.

    Before each step, `values` (steps, n) are the log-densities followed and `passed` (steps, n, D) the features.
    """

    rows: Tensor
    features: Tensor
    values: Tensor
    passed: Tensor
    acceptance: float


class DesignSpace(Protocol):
    """States are rows (n, F) of whole numbers; features are (n, D) on the device of the networks."""

    environment: DesignEnvironment
    structures: Sequence[str]  # (M,) the examples in their standard writing
    own: Tensor  # (M, F) their states
    moves: int  # of a step of chains that designs are drawn by; a walk tells what it passed once in so many

    @property
    def learning(self) -> bool:
        """Whether the base has still to be learned."""

    def learn(self, source: torch.Generator) -> dict[str, float]:
        """One step of learning the base; what it tells."""

    def examples(self, order: Tensor) -> Tensor:
        """Features of the examples at positions (n,), always the same ones in a run."""

    def features(self, rows: Tensor) -> Tensor:
        """What networks read of states."""

    def log_base(self, rows: Tensor) -> Tensor:
        """(n,) float64 log of the base at states."""

    def base(self, n: int, source: torch.Generator) -> Tensor:
        """n states drawn from the base."""

    def walk(
        self, log_density: LogDensity, rows: Tensor, n_steps: int, source: torch.Generator, *, climbs: bool = False
    ) -> Walk:
        """Chains whose law is base × exp(log_density), which reads features; with `climbs` they only ever rise."""

    def negatives(self, log_density: LogDensity, rows: Tensor, source: torch.Generator) -> Tensor:
        """As `samplers.energy.training.Walker` says."""

    def gain(self, log_density: LogDensity, features: Tensor) -> float | None:
        """Nats by which base × exp(log_density) finds examples (n, D) likelier than the base; None where unknown."""

    def decode(self, rows: Tensor) -> list[str]:
        """The designs of states in their standard writing."""

    def state_of(self, structure: str) -> tuple[Tensor, str]:
        """The state (1, F) of a design, (0, F) where there is none, and then why."""

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes, and the examples; `restore` takes it back."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""

    def to_dict(self) -> Plain:
        """What `rebuild` needs beside the tensors, as plain data."""


def measure(kind: str, config: EnergyConfig, structures: Sequence[str]) -> Plain:
    """The pre-flight report alone."""
    from samplers.gflownet.kinds import from_data

    return from_data(kind, config, structures)[2]


def prepare(
    kind: str, config: EnergyConfig, structures: Sequence[str], source: torch.Generator, device: str
) -> tuple[DesignSpace, Plain]:
    """A space made from data and the pre-flight report. Raises VocabularyError where nothing could be built."""
    from samplers.gflownet.kinds import from_data

    environment, own, report = from_data(kind, config, structures, device)
    examples = [text for text, _ in environment.structures(own)]
    return _module(kind).prepare(environment, own, examples, config, source), report


def rebuild(kind: str, raw: Plain, config: EnergyConfig, device: str) -> DesignSpace:
    """The space of a checkpoint, its tensors yet to be restored."""
    from samplers.gflownet.kinds import from_dict

    return _module(kind).rebuild(from_dict(kind, raw["environment"], config, device), raw["structures"], config)


def _module(kind: str) -> Any:
    if is_sequence(kind):
        from samplers.energy import letters

        return letters
    from samplers.energy import assemblies

    return assemblies


def held_out(n: int) -> Tensor:
    """(n,) which examples are not learned from, so that the floor is that of structures as new to the model as designs.

    The same ones for whatever learns; none where there are few.
    """
    return (torch.arange(n) % (HELD_OUT if n >= MANY else HELD_OUT_OF_FEW) == 0) & (n >= ENOUGH)


class Memory:
    """States in which training chains go on: each use takes some at random and puts their ends back."""

    def __init__(self, states: Tensor, restart_share: float) -> None:
        self.states, self.restart_share = states, restart_share

    def slots(self, n: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """n places (n,), and which of them begin anew."""
        slots = torch.randint(len(self.states), (n,), generator=source)
        return slots, torch.rand(n, generator=source) < self.restart_share
