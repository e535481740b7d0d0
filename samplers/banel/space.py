"""What rows are to the oracle: their texts, their identities, their features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from samplers.banel.ledger import Candidate


class Texts(Protocol):
    """What rows stand for: a language, or what paths build."""

    @property
    def max_length(self) -> int:
        """Entries of a row."""

    def texts(self, rows: Tensor) -> list[str]:
        """The text of each row."""

    def actions(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(N, L) the action at every place, and a mask of the places where one is taken."""


def itself(texts: Sequence[str]) -> list[str | None]:
    """Every text is its own identity."""
    return list(texts)


@dataclass(frozen=True, slots=True)
class Space:
    """A language and what its texts mean.

    `identify` gives each text's identity, None where it is nothing that can be tested; with `tests_invalid` such a
    text is sent, and charged, under its own name. `respell` turns rows into the one spelling that is scored and
    learned. `features` gives bits (N, F) by which candidates are near or far. What is `known` is never sent.
    """

    language: Texts
    identify: Callable[[Sequence[str]], list[str | None]] = itself
    tests_invalid: bool = False
    respell: Callable[[Tensor], Tensor] | None = None
    features: Callable[[Tensor], Tensor] | None = None
    known: frozenset[str] = frozenset()

    def keys(self, rows: Tensor) -> list[str | None]:
        """The identity of each row, None where it is invalid."""
        return self.identify(self.language.texts(rows))

    def candidates(self, rows: Tensor, arm: str) -> list[Candidate]:
        """What rows are as candidates; rows that may not be sent are left out."""
        texts = self.language.texts(rows)
        named = zip(rows.tolist(), texts, self.identify(texts), strict=True)
        return [
            Candidate(text if key is None else key, text, tuple(row), arm)
            for row, text, key in named
            if key is not None or self.tests_invalid
        ]

    def spelled(self, rows: Tensor) -> Tensor:
        """Rows in the spelling that models see."""
        return rows if self.respell is None else self.respell(rows)


def far_apart(bits: Tensor, n: int, source: torch.Generator) -> Tensor:
    """(n,) positions of rows picked one after another, each the farthest from those before; the first at random."""
    if len(bits) <= n:
        return torch.arange(len(bits))
    bits = bits.float()
    size, nearest = bits.sum(dim=1), torch.zeros(len(bits))
    picked = [int(torch.randint(len(bits), (1,), generator=source))]
    nearest[picked[0]] = 2
    while len(picked) < n:
        shared = bits @ bits[picked[-1]]
        nearest = torch.maximum(nearest, shared / (size + size[picked[-1]] - shared).clamp_min(1))
        nearest[picked] = 2
        picked.append(int(nearest.argmin()))
    return torch.tensor(picked)
