"""Which token may stand at which place: letters with an end, or one list of fragments for each slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Self

import torch
from torch import Tensor

from samplers.errors import ConfigError


@dataclass(frozen=True)
class Language:
    """Finite sequences as rows (N, L) of token numbers, -1 after the end.

    `slots` lists the tokens of each of the L places. With `min_length`, sequences may end from that length on, by an
    action of its own behind the tokens, and must end at L; without it every sequence fills all places.
    """

    slots: tuple[tuple[str, ...], ...]
    min_length: int | None = None
    end: str = ""  # what a text ends with

    def __post_init__(self) -> None:
        if not self.slots or not all(self.slots):
            raise ConfigError("language", "must have at least one place, and a token for each")
        if self.min_length is not None and not 0 <= self.min_length <= len(self.slots):
            raise ConfigError("language", f"the shortest length must lie in 0 to {len(self.slots)}")

    @classmethod
    def of_letters(cls, letters: Sequence[str], *, min_length: int, max_length: int, end: str = "") -> Self:
        """The same letters at every place."""
        return cls((tuple(letters),) * max_length, min_length, end)

    @property
    def max_length(self) -> int:
        return len(self.slots)

    @property
    def n_tokens(self) -> int:
        """The most tokens any place has."""
        return max(len(slot) for slot in self.slots)

    @property
    def stop(self) -> int | None:
        """The number of the action that ends a sequence, None where all have one length."""
        return None if self.min_length is None else self.n_tokens

    @property
    def n_actions(self) -> int:
        return self.n_tokens + (self.stop is not None)

    @cached_property
    def allowed(self) -> Tensor:
        """(L, A) true where an action may be taken at a place."""
        mask = torch.zeros(self.max_length, self.n_actions, dtype=torch.bool)
        for place, slot in enumerate(self.slots):
            mask[place, : len(slot)] = True
        if self.min_length is not None:
            mask[self.min_length :, self.n_tokens] = True
        return mask

    def lengths(self, rows: Tensor) -> Tensor:
        """(N,) tokens in each row."""
        return (rows >= 0).sum(dim=1)

    def actions(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(N, L) the action at every place, the end included, and a mask of the places where one is taken."""
        if self.stop is None:
            return rows, torch.ones_like(rows, dtype=torch.bool)
        place = torch.arange(self.max_length, device=rows.device)
        ends = place == self.lengths(rows).unsqueeze(1)
        return torch.where(ends, self.stop, rows.clamp_min(0)), (rows >= 0) | ends

    def texts(self, rows: Tensor) -> list[str]:
        """The strings that rows stand for."""
        return [
            "".join(self.slots[place][token] for place, token in enumerate(row) if token >= 0) + self.end
            for row in rows.tolist()
        ]

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, L) rows of texts of one-character tokens, without their end.

        Raises ConfigError naming the text that the language does not have.
        """
        rows = torch.full((len(texts), self.max_length), -1, dtype=torch.long)
        lookup = [{token: at for at, token in enumerate(slot)} for slot in self.slots]
        for row, text in zip(rows, texts, strict=True):
            shortest = self.max_length if self.min_length is None else self.min_length
            fits = shortest <= len(text) <= self.max_length
            if not fits or any(letter not in lookup[place] for place, letter in enumerate(text)):
                raise ConfigError("text", f"{text!r} is not in this language")
            row[: len(text)] = torch.tensor([lookup[place][letter] for place, letter in enumerate(text)])
        return rows

    def everything(self, *, at_most: int = 1_000_000) -> Tensor:
        """Every row there is. Raises ConfigError past `at_most` of them."""
        shortest = self.max_length if self.min_length is None else self.min_length
        found: list[list[int]] = []
        for length in range(shortest, self.max_length + 1):
            n = 1
            for slot in self.slots[:length]:
                n *= len(slot)
            if len(found) + n > at_most:
                raise ConfigError("language", f"has more than {at_most} sequences; it cannot be listed")
            padding = [-1] * (self.max_length - length)
            found += [[*row, *padding] for row in product(*(range(len(slot)) for slot in self.slots[:length]))]
        return torch.tensor(found, dtype=torch.long).view(len(found), self.max_length)
