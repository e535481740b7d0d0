"""How designs become rows of tokens of one length, and rows become designs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from samplers.environments.sequences import SequenceEnvironment


class Tokens(Protocol):
    """A vocabulary of `n_tokens`, rows of `length` places; shorter designs end in pads, which are tokens too."""

    @property
    def kind(self) -> str: ...

    @property
    def n_tokens(self) -> int: ...

    @property
    def length(self) -> int: ...

    @property
    def allowed(self) -> Tensor:
        """(L, V) which tokens may be drawn at a place."""

    def encode(self, structures: Sequence[str]) -> Tensor:
        """Rows (N, L) of designs for which `reason` has nothing to say."""

    def reason(self, structure: str) -> str:
        """Why a design cannot be written in these tokens, in words; empty where it can."""

    def decode(self, rows: Tensor) -> list[str]:
        """The designs of rows (N, L) in their standard writing; pads are passed over wherever they stand."""

    def too_large(self, structure: str) -> bool:
        """Whether a design that was drawn is larger than the settings allow."""

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n designs drawn without any learning."""

    def to_dict(self) -> dict[str, Any]:
        """What makes the same tokens again, as plain data."""


class Letters:
    """DNA, RNA and peptides: a token is a letter; where lengths differ, one more is the pad."""

    def __init__(self, environment: SequenceEnvironment) -> None:
        self.environment = environment

    @property
    def kind(self) -> str:
        """The alphabet."""
        return self.environment.kind

    @property
    def n_tokens(self) -> int:
        """Letters, and the pad where lengths differ."""
        return self.environment.n_actions

    @property
    def length(self) -> int:
        """The greatest length."""
        return self.environment.max_length

    @property
    def allowed(self) -> Tensor:
        """(L, V) no pad before the shortest length."""
        return self.environment.allowed

    def encode(self, structures: Sequence[str]) -> Tensor:
        """Rows (N, L)."""
        rows = self.environment.rows(structures).cpu()
        pad = self.environment.stop_action
        return rows if pad is None else torch.where(rows < 0, pad, rows)

    def reason(self, structure: str) -> str:
        """Why a sequence cannot be written; empty where it can."""
        return self.environment.reason(structure)

    def decode(self, rows: Tensor) -> list[str]:
        """The sequences of rows (N, L)."""
        return [text for text, _ in self.environment.structures(rows)]

    def too_large(self, structure: str) -> bool:
        """Never: a row is as long as the longest sequence."""
        return False

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n sequences of random letters, as long as those of the data."""
        return self.environment.random(n, source)

    def to_dict(self) -> dict[str, Any]:
        """The environment's tables."""
        return self.environment.to_dict()
