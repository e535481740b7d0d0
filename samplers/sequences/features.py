"""Numbers that describe sequences to a learned model. A stored model names its set, which never changes under its name.

"main": letters place by place from the start (and from the end where lengths differ), neighbours place by place for
bases, counts of short words, and computed properties. "judge": letters place by place, longer words and pairs of
letters with gaps between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from samplers.sequences.alphabets import ALPHABETS, alphabet
from samplers.sequences.prepared import Ints, Sequences
from samplers.sequences.properties import CATALOGUE

Matrix = NDArray[np.float32]
Bits = NDArray[np.uint8]

MAX_PLACES: Final = 60
MAX_GAP: Final = 4
BLOCK: Final = 2048  # sequences whose counts are held at once
SETS: Final = ("main", "judge")
_SHORT: Final = {"dna": (1, 2, 3), "rna": (1, 2, 3), "peptide": (1, 2)}
_LEFT_OUT: Final = ("folding_energy", "wallace_temperature", "hydrophobic_moment", "complexity")  # slow, or repeated
# Seven classes of residues by dipole and volume: Shen et al. 2007, PNAS 104, 4337.
_CLASSES: Final = ("AGV", "ILFP", "YMTS", "HNQW", "RK", "DE", "C")


def one_hot(batch: Sequences, places: int, from_end: bool = False) -> Matrix:
    """Letters as 0 and 1, (n, places · letters), place by place; nothing beyond the end of a sequence."""
    size = batch.alphabet.size
    result = np.zeros((len(batch), places, size), dtype=np.float32)
    place = _place(batch, from_end)
    near = place < places
    result[batch.rows[near], place[near], batch.codes[near]] = 1.0
    return result.reshape(len(batch), places * size)


def neighbours(batch: Sequences, places: int) -> Matrix:
    """Pairs of neighbours as 0 and 1, (n, (places − 1) · letters²), place by place."""
    size = batch.alphabet.size
    result = np.zeros((len(batch), places - 1, size * size), dtype=np.float32)
    if len(batch.codes) > 1 and places > 1:
        first = _place(batch)[:-1]
        within = (batch.rows[:-1] == batch.rows[1:]) & (first < places - 1)
        pair = batch.codes[:-1].astype(np.int64) * size + batch.codes[1:]
        result[batch.rows[:-1][within], first[within], pair[within]] = 1.0
    return result.reshape(len(batch), (places - 1) * size * size)


def gapped_pairs(batch: Sequences, max_gap: int = MAX_GAP) -> Matrix:
    """How often each pair of letters stands with 1 to `max_gap` letters between, (n, max_gap · letters²)."""
    size = batch.alphabet.size
    parts = []
    for step in range(2, max_gap + 2):
        near = batch.rows[:-step] == batch.rows[step:]
        pair = batch.codes[:-step].astype(np.int64) * size + batch.codes[step:]
        flat = batch.rows[:-step][near] * size * size + pair[near]
        parts.append(np.bincount(flat, minlength=len(batch) * size * size).reshape(len(batch), size * size))
    return np.hstack(parts).astype(np.float32)


def triads(batch: Sequences) -> Matrix:
    """Three neighbours of a peptide by their classes, counted, (n, 343). Source: Shen et al. 2007."""
    of = np.array([next(i for i, part in enumerate(_CLASSES) if one in part) for one in batch.alphabet.letters])
    codes = of[batch.codes]
    word = codes[:-2] * 49 + codes[1:-1] * 7 + codes[2:]
    whole = batch.rows[:-2] == batch.rows[2:]
    flat = batch.rows[:-2][whole] * 343 + word[whole]
    return np.bincount(flat, minlength=len(batch) * 343).reshape(len(batch), 343).astype(np.float32)


def _place(batch: Sequences, from_end: bool = False) -> Ints:
    start = np.arange(len(batch.codes)) - batch.starts[:-1][batch.rows]
    return batch.lengths[batch.rows] - 1 - start if from_end else start


def _blocks(batch: Sequences) -> Iterator[Sequences]:
    for start in range(0, len(batch), BLOCK):
        yield Sequences(batch.texts[start : start + BLOCK], batch.alphabet.name)


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A set of features for one alphabet: `places` from the start; `both_ends` says that lengths differ."""

    name: str
    alphabet: str
    places: int
    both_ends: bool

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> FeatureSet:
        """Read what `to_dict` wrote. Raises ValueError when it is damaged."""
        found = cls(**raw)
        sound = found.name in SETS and found.alphabet in ALPHABETS and isinstance(found.both_ends, bool)
        if not sound or not isinstance(found.places, int) or not 1 <= found.places <= MAX_PLACES:
            raise ValueError("the stored feature set is damaged")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The set as plain data."""
        return asdict(self)

    @property
    def n_placed(self) -> int:
        """Columns that tell letters place by place; they stand first."""
        return self.places * alphabet(self.alphabet).size * (1 + self.both_ends)

    @property
    def words(self) -> str:
        """The set in words."""
        ends = "from both ends" if self.both_ends else "from the start"
        if self.name == "main":
            short = ", ".join(map(str, _SHORT[self.alphabet]))
            placed = " and neighbours" if self.alphabet != "peptide" else ""
            return f"{self.places} letters{placed} {ends}, words of {short} letters, {len(self._properties)} properties"
        longer = "triads of residue classes" if self.alphabet == "peptide" else "words of 4 letters"
        return f"{self.places} letters {ends}, {longer}, pairs up to {MAX_GAP} letters apart"

    @property
    def width(self) -> int:
        """The number of columns of `matrix`."""
        return int(self.matrix(Sequences([], self.alphabet)).shape[1])

    @property
    def _properties(self) -> list[str]:
        return [name for name, entry in CATALOGUE.items() if self.alphabet in entry.alphabets and name not in _LEFT_OUT]

    def matrix(self, batch: Sequences) -> Matrix:
        """The features (n, width) of a batch; rows of sequences that are not valid are zero."""
        if len(batch) > BLOCK:
            whole = np.empty((len(batch), self.width), dtype=np.float32)  # filled, since stacking would hold it twice
            for i, part in enumerate(_blocks(batch)):
                whole[i * BLOCK : (i + 1) * BLOCK] = self.matrix(part)
            return whole
        parts = [one_hot(batch, self.places)]
        if self.both_ends:
            parts.append(one_hot(batch, self.places, from_end=True))
        if self.name == "main":
            if self.alphabet != "peptide":
                parts.append(neighbours(batch, self.places))
            parts.extend(batch.words(k).astype(np.float32) for k in _SHORT[self.alphabet])
            with np.errstate(divide="ignore", invalid="ignore"):
                values = [CATALOGUE[name].compute(batch) for name in self._properties]
            parts.append(np.nan_to_num(np.column_stack(values)).astype(np.float32))
        else:
            parts.append(triads(batch) if self.alphabet == "peptide" else batch.words(4).astype(np.float32))
            parts.append(gapped_pairs(batch))
        result = np.hstack(parts)
        result[~batch.valid] = 0.0
        return result

    def bits(self, batch: Sequences) -> Bits:
        """Letters by place and words that a sequence has, packed (n, bytes); the domain is measured by them."""
        if len(batch) > BLOCK:
            return np.vstack([self.bits(part) for part in _blocks(batch)])
        parts = [one_hot(batch, self.places) > 0]
        if self.name == "judge":
            parts.append(gapped_pairs(batch) > 0)
        elif self.alphabet == "peptide":
            parts.append(batch.words(2) > 0)
        else:
            parts += [neighbours(batch, self.places) > 0, batch.words(3) > 0]
        return np.packbits(np.hstack(parts), axis=1)


def feature_set(name: str, batch: Sequences) -> FeatureSet:
    """The set of a name that fits the lengths of these training sequences."""
    longest, shortest = int(batch.lengths.max()), int(batch.lengths.min())
    return FeatureSet(name, batch.alphabet.name, min(longest, MAX_PLACES), shortest < longest)
