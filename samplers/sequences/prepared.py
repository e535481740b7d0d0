"""A batch of sequences, counted once; what is asked of it is computed once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from samplers.sequences.alphabets import alphabet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.uint8]


class Sequences:
    """n sequences of one alphabet.

    texts (n,); valid (n,) bool: not empty and written in the alphabet; lengths (n,). `codes` holds all letters of the
    valid ones as positions in the alphabet, `starts` (n + 1,) where each sequence begins in it.
    """

    def __init__(self, texts: Sequence[str], alphabet_name: str) -> None:
        self.alphabet = alphabet(alphabet_name)
        self.texts = list(texts)
        allowed = frozenset(self.alphabet.letters)
        self.valid = np.array([bool(text) and allowed.issuperset(text) for text in self.texts], dtype=bool)
        kept = [text if ok else "" for text, ok in zip(self.texts, self.valid, strict=True)]
        self.lengths = np.array([len(text) for text in kept], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        table = np.zeros(256, dtype=np.uint8)
        table[np.frombuffer(self.alphabet.letters.encode(), dtype=np.uint8)] = np.arange(self.alphabet.size)
        self.codes: Codes = table[np.frombuffer("".join(kept).encode(), dtype=np.uint8)]

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def rows(self) -> Ints:
        """The sequence that each letter of `codes` belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def counts(self) -> Ints:
        """How often each letter occurs, (n, letters)."""
        return self.words(1)

    @cached_property
    def pairs(self) -> Ints:
        """How often each pair of neighbours occurs, (n, letters²), in the order AA, AC, …"""
        return self.words(2)

    def words(self, k: int) -> Ints:
        """How often each word of k letters occurs, overlapping, (n, letters ** k) in alphabetical order."""
        size = self.alphabet.size
        width = size**k
        n = len(self.codes) - k + 1
        if n <= 0:
            return np.zeros((len(self), width), dtype=np.int64)
        word = np.zeros(n, dtype=np.int64)
        for place in range(k):
            word = word * size + self.codes[place : place + n]
        whole = self.rows[:n] == self.rows[k - 1 :]  # words that do not reach into the next sequence
        flat = self.rows[:n][whole] * width + word[whole]
        return np.bincount(flat, minlength=len(self) * width).reshape(len(self), width)

    def weighted(self, weights: dict[str, float]) -> Floats:
        """Sum of a weight over the letters of each sequence, (n,); letters not named weigh nothing."""
        return (self.counts * np.array([weights.get(one, 0.0) for one in self.alphabet.letters])).sum(axis=1)

    def code(self, i: int) -> Codes:
        """The letters of sequence i as positions in the alphabet."""
        return self.codes[self.starts[i] : self.starts[i + 1]]
