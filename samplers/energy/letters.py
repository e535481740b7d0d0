"""Sequences for the family: tokens that single changes walk on, exactly by the density.

A row holds the letters and then pads. Changes put another letter at a place, add one at the end or take the last one
away; nothing else would be the row of a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from samplers.energy.chains import LogDensity
from samplers.energy.config import EnergyConfig
from samplers.energy.spaces import Memory, Plain, Walk
from samplers.energy.token_chains import gibbs_with_gradients
from samplers.environments.sequences import SequenceEnvironment


class LetterSpace:
    """Every sequence within the limits; the base is even over them."""

    learning = False

    def __init__(self, environment: SequenceEnvironment, structures: Sequence[str], config: EnergyConfig) -> None:
        self.environment, self.structures, self.config = environment, structures, config
        self.own = self._rows(structures)
        self.memory: Memory | None = None

    @property
    def n_tokens(self) -> int:
        """Letters, and the pad where lengths differ."""
        return self.environment.n_actions

    @property
    def moves(self) -> int:
        """Single changes of a step: a quarter of the letters."""
        return max(1, self.environment.max_length // 4)

    def examples(self, order: Tensor) -> Tensor:
        """Features of the examples at positions (n,)."""
        return self.features(self.own[order])

    def _rows(self, structures: Sequence[str]) -> Tensor:
        rows = self.environment.rows(structures)
        pad = self.environment.stop_action
        return rows if pad is None else torch.where(rows < 0, pad, rows)

    def learn(self, source: torch.Generator) -> dict[str, float]:
        """Nothing: the base is known."""
        raise RuntimeError("the base of sequences is known")

    def features(self, rows: Tensor) -> Tensor:
        """(n, L V) one-hot rows less their mean, so that inputs are centred."""
        return self._read(torch.nn.functional.one_hot(rows, self.n_tokens).to(self.environment.dtype))

    def _read(self, one_hot: Tensor) -> Tensor:
        return (one_hot - 1 / self.n_tokens).flatten(1)

    def changes(self, rows: Tensor) -> Tensor:
        """(n, L, V) which single changes lead to sequences within the limits; see `token_chains.Changes`."""
        n, length = rows.shape
        pad, shortest = self.environment.stop_action, self.environment.min_length
        if pad is None:
            return torch.ones(n, length, self.n_tokens, dtype=torch.bool, device=rows.device)
        place = torch.arange(length, device=rows.device)
        size = (rows != pad).sum(dim=1, keepdim=True)
        letters = place <= size
        ends = (place >= size) | ((place == size - 1) & (size > shortest))
        return torch.cat(
            [letters.unsqueeze(2).expand(n, length, self.n_tokens - 1), ends.unsqueeze(2)], dim=2
        )  # fmt: skip

    def log_base(self, rows: Tensor) -> Tensor:
        """Minus the log of how many sequences there are."""
        n_letters = torch.tensor(self.environment.alphabet.size, dtype=torch.float64)
        lengths = torch.arange(self.environment.min_length, self.environment.max_length + 1, dtype=torch.float64)
        return (-torch.logsumexp(lengths * n_letters.log(), dim=0)).repeat(len(rows))

    def base(self, n: int, source: torch.Generator) -> Tensor:
        """n sequences, each as likely as any other; nearly all of them are long."""
        sizes = torch.arange(self.environment.min_length, self.environment.max_length + 1)
        weights = self.environment.alphabet.size ** (sizes - sizes.max()).double()
        drawn = sizes[torch.multinomial(weights, n, replacement=True, generator=source)]
        rows = torch.randint(self.environment.alphabet.size, (n, int(sizes.max())), generator=source)
        if self.environment.stop_action is not None:
            rows[torch.arange(rows.shape[1]) >= drawn.unsqueeze(1)] = self.environment.stop_action
        return rows.to(self.environment.device)

    def walk(
        self, log_density: LogDensity, rows: Tensor, n_steps: int, source: torch.Generator, *, climbs: bool = False
    ) -> Walk:
        """Gibbs with gradients."""
        chains = gibbs_with_gradients(
            lambda one_hot: log_density(self._read(one_hot)), rows, self.n_tokens, n_steps, source,
            keep_every=self.moves, dtype=self.environment.dtype, changes=self.changes, climbs=climbs,
        )  # fmt: skip
        passed = torch.stack([self.features(rows) for rows in chains.kept])
        return Walk(chains.points, self.features(chains.points), chains.kept_values, passed, chains.acceptance)

    def negatives(self, log_density: LogDensity, rows: Tensor, source: torch.Generator) -> Tensor:
        """Climbs from the examples themselves, or chains that go on in a memory."""
        climbs, config = self.config.draw == "climb", self.config
        if climbs:
            return self.walk(log_density, self.own[rows], config.chain_steps, source, climbs=True).features
        if self.memory is None:
            start = self.own[torch.randint(len(self.own), (config.memory,), generator=source)]
            self.memory = Memory(start, config.restart_share)
        slots, anew = self.memory.slots(len(rows), source)
        start = self.memory.states[slots]
        if bool(anew.any()):
            start[anew] = self.base(int(anew.sum()), source)
        walk = self.walk(log_density, start, config.chain_steps, source)
        self.memory.states[slots] = walk.rows
        return walk.features

    def gain(self, log_density: LogDensity, features: Tensor) -> float | None:
        """Unknown: it would take the normalising constant, and training chains here go where the density leads."""
        return None

    def decode(self, rows: Tensor) -> list[str]:
        """The sequences."""
        return [text for text, _ in self.environment.structures(rows)]

    def state_of(self, structure: str) -> tuple[Tensor, str]:
        """The row of a sequence."""
        reason = self.environment.reason(structure)
        return self._rows([] if reason else [structure]), reason

    def tensors(self) -> dict[str, Tensor]:
        """The memory; examples are written as text."""
        return {} if self.memory is None else {"memory": self.memory.states}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take the memory back."""
        if "memory" in tensors:
            self.memory = Memory(tensors["memory"].to(self.environment.device), self.config.restart_share)

    def to_dict(self) -> Plain:
        """Environment and examples."""
        return {"environment": self.environment.to_dict(), "structures": list(self.structures)}


def prepare(environment: Any, own: Tensor, structures: Sequence[str], config: EnergyConfig, source: Any) -> LetterSpace:
    """The space of the examples."""
    return LetterSpace(environment, structures, config)


def rebuild(environment: Any, structures: Sequence[str], config: EnergyConfig) -> LetterSpace:
    """The space of a checkpoint."""
    return LetterSpace(environment, structures, config)
