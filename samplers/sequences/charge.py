"""Net charge and isoelectric point of peptides with free ends, by Henderson and Hasselbalch for each group alone."""

from __future__ import annotations

from typing import Final

import numpy as np

from samplers.sequences.prepared import Floats, Sequences
from samplers.sequences.tables import ACIDIC, BASIC, C_TERMINUS, N_TERMINUS

HALVINGS: Final = 40  # of the range 0 to 14: far below any error of a pKa


def net_charge(batch: Sequences, ph: float | Floats) -> Floats:
    """Mean charge (n,) in elementary charges at `ph`, a number or one for each sequence.

    A basic group carries 1 / (1 + 10^(pH − pKa)), an acidic one −1 / (1 + 10^(pKa − pH)). pKa: `tables` (EMBOSS). The
    groups do not see each other, cysteines are free thiols.
    """
    at = np.broadcast_to(np.asarray(ph, dtype=np.float64), (len(batch),))
    letters = batch.alphabet.letters
    total = _basic(at, N_TERMINUS) - _acidic(at, C_TERMINUS)
    for letter, pka in BASIC.items():
        total = total + batch.counts[:, letters.index(letter)] * _basic(at, pka)
    for letter, pka in ACIDIC.items():
        total = total - batch.counts[:, letters.index(letter)] * _acidic(at, pka)
    return total


def isoelectric_point(batch: Sequences) -> Floats:
    """The pH (n,) between 0 and 14 at which the net charge is zero, by halving; it always falls with the pH."""
    low, high = np.zeros(len(batch)), np.full(len(batch), 14.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        positive = net_charge(batch, middle) > 0
        low, high = np.where(positive, middle, low), np.where(positive, high, middle)
    return (low + high) / 2


def _basic(ph: Floats, pka: float) -> Floats:
    return 1.0 / (1.0 + 10.0 ** (ph - pka))


def _acidic(ph: Floats, pka: float) -> Floats:
    return 1.0 / (1.0 + 10.0 ** (pka - ph))
