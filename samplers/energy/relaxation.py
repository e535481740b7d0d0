"""Tokens as real vectors that a chain can walk on, and back.

Tokens (N, L) are whole numbers 0 … V − 1; vectors are (N, D). `read` gives what a network looks at.
Source: Trabucco et al. 2021 (arXiv 2107.06882) for the smoothed logits and the dropped class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

KEPT = 0.6  # of a token's probability; the rest is spread evenly over all tokens


class Relaxation(Protocol):
    """A way between tokens and vectors."""

    @property
    def n_inputs(self) -> int: ...

    @property
    def n_tokens(self) -> int: ...

    def embed(self, one_hot: Tensor) -> Tensor: ...

    def encode(self, tokens: Tensor) -> Tensor: ...

    def decode(self, vectors: Tensor) -> Tensor: ...

    def read(self, vectors: Tensor) -> Tensor: ...


def _smoothed(one_hot: Tensor) -> Tensor:
    return (KEPT * one_hot + (1 - KEPT) / one_hot.shape[2]).log()


def one_hot_of(tokens: Tensor, n_tokens: int) -> Tensor:
    """(N, L, V) of tokens (N, L)."""
    return F.one_hot(tokens, n_tokens).to(torch.get_default_dtype())


@dataclass(frozen=True, slots=True)
class FullLogits:
    """One logit for each of V tokens at each of L places, (N, L V), which treats all tokens alike.

    Networks read the softmax, so adding a number to all logits of a place changes nothing: logits of `encode` have the
    mean zero, and a chain needs some confinement in that direction.
    """

    length: int
    n_tokens: int

    @property
    def n_inputs(self) -> int:
        """Coordinates of a vector."""
        return self.length * self.n_tokens

    def encode(self, tokens: Tensor) -> Tensor:
        """Logits (N, L V) of tokens (N, L)."""
        return self.embed(one_hot_of(tokens, self.n_tokens))

    def embed(self, one_hot: Tensor) -> Tensor:
        """Logits (N, L V) of one-hot rows (N, L, V), differentiable."""
        logits = _smoothed(one_hot)
        return (logits - logits.mean(dim=2, keepdim=True)).flatten(1)

    def decode(self, vectors: Tensor) -> Tensor:
        """The likeliest token at each place; the first of several equally likely ones."""
        return vectors.view(-1, self.length, self.n_tokens).argmax(dim=2)

    def read(self, vectors: Tensor) -> Tensor:
        """Probabilities (N, L V), less their mean 1 / V so that inputs are centred."""
        logits = vectors.view(-1, self.length, self.n_tokens)
        return (logits.softmax(dim=2) - 1 / self.n_tokens).flatten(1)


@dataclass(frozen=True, slots=True)
class DroppedClass:
    """V − 1 logits a place relative to that of token 0, as published; kept to replicate it.

    Token 0 is the corner where all coordinates are low, the others lie on axes, so steps of one length favour some
    changes over others. Networks read the vectors themselves.
    """

    length: int
    n_tokens: int

    @property
    def n_inputs(self) -> int:
        """Coordinates of a vector."""
        return self.length * (self.n_tokens - 1)

    def encode(self, tokens: Tensor) -> Tensor:
        """Relative logits (N, L (V − 1)) of tokens (N, L)."""
        return self.embed(one_hot_of(tokens, self.n_tokens))

    def embed(self, one_hot: Tensor) -> Tensor:
        """Relative logits (N, L (V − 1)) of one-hot rows (N, L, V), differentiable."""
        logits = _smoothed(one_hot)
        return (logits[..., 1:] - logits[..., :1]).flatten(1)

    def decode(self, vectors: Tensor) -> Tensor:
        """The likeliest token at each place, token 0 having the logit 0; the first of several equally likely ones."""
        logits = vectors.view(-1, self.length, self.n_tokens - 1)
        return F.pad(logits, (1, 0)).argmax(dim=2)

    def read(self, vectors: Tensor) -> Tensor:
        """The vectors."""
        return vectors
