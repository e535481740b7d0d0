"""Properties that follow from letters and their neighbourhood: masses, hydropathy, runs, complexity."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from samplers.sequences.prepared import Codes, Floats, Sequences
from samplers.sequences.tables import ATOMIC_WEIGHTS, CONSENSUS, ENDS, RESIDUES, Formula

COMPLEXITY_WINDOW: Final = 12  # of SEG, Wootton and Federhen 1993
MOMENT_WINDOW: Final = 11  # three turns of a helix
HELIX_DEGREES: Final = 100.0


def _mass(formula: Formula) -> float:
    return sum(ATOMIC_WEIGHTS[element] * n for element, n in formula.items())


def share(batch: Sequences, letters: str) -> Floats:
    """Share of the letters of each sequence that are among `letters`, (n,), 0 to 1."""
    return batch.weighted(dict.fromkeys(letters, 1.0)) / np.maximum(batch.lengths, 1)


def mean(batch: Sequences, weights: dict[str, float]) -> Floats:
    """Mean weight of the letters of each sequence, (n,)."""
    return batch.weighted(weights) / np.maximum(batch.lengths, 1)


def molecular_weight(batch: Sequences) -> Floats:
    """Average mass (n,) in Da of the neutral molecule with free ends (OH at 5' and 3' of a strand)."""
    name = batch.alphabet.name
    masses = {letter: _mass(formula) for letter, formula in RESIDUES[name].items()}
    return batch.weighted(masses) + _mass(ENDS[name])


def longest_run(batch: Sequences) -> Floats:
    """Length (n,) of the longest run of one letter."""
    return np.array([_longest_run(batch.code(i)) for i in range(len(batch))], dtype=np.float64)


def _longest_run(code: Codes) -> int:
    if not len(code):
        return 0
    breaks = np.flatnonzero(np.diff(code)) + 1
    return int(np.diff(np.concatenate([[0], breaks, [len(code)]])).max())


def complexity(batch: Sequences) -> Floats:
    """Lowest complexity (n,) of any 12 neighbours: (1 / L) log_N (L! / Π n_i!), N letters in the alphabet.

    0 for a run of one letter. Shorter sequences are one window. Wootton and Federhen 1993, Comput. Chem. 17, 149.
    """
    size = batch.alphabet.size
    log_factorial = np.array([math.lgamma(n + 1) for n in range(COMPLEXITY_WINDOW + 1)])
    result = np.zeros(len(batch))
    for i in range(len(batch)):
        code = batch.code(i)
        window = min(COMPLEXITY_WINDOW, len(code))
        if window:
            sums = np.zeros((len(code) + 1, size), dtype=np.int64)
            np.cumsum(code[:, None] == np.arange(size), axis=0, out=sums[1:])
            counts = sums[window:] - sums[:-window]
            states = log_factorial[window] - log_factorial[counts].sum(axis=1)
            result[i] = states.min() / (window * math.log(size))
    return np.maximum(result, 0.0)


def hydrophobic_moment(batch: Sequences, window: int = MOMENT_WINDOW, degrees: float = HELIX_DEGREES) -> Floats:
    """Largest mean hydrophobic moment (n,) of any `window` neighbours laid on a helix of `degrees` a residue.

    |Σ H_k exp(i k δ)| / window on the consensus scale: Eisenberg, Weiss and Terwilliger 1982, Nature 299, 371.
    Shorter sequences are one window.
    """
    scale = np.array([CONSENSUS[letter] for letter in batch.alphabet.letters])
    result = np.zeros(len(batch))
    for i in range(len(batch)):
        code = batch.code(i)
        if len(code):
            turn = np.exp(1j * math.radians(degrees) * np.arange(len(code)))
            sums = np.concatenate([[0], np.cumsum(scale[code] * turn)])
            width = min(window, len(code))
            result[i] = np.abs(sums[width:] - sums[:-width]).max() / width
    return result
