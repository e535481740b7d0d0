"""Melting of a DNA strand with its full complement: nearest neighbours, and Wallace's rule as a check."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from samplers.sequences.prepared import Floats, Sequences
from samplers.sequences.standardise import reverse_complement
from samplers.sequences.tables import GAS_CONSTANT, SALT, STACKS, SYMMETRY, TERMINAL_AT, TERMINAL_GC

SODIUM_M: Final = 0.05
STRANDS_M: Final = 0.5e-6  # of both strands together
KELVIN: Final = 273.15


def duplex(batch: Sequences, sodium_m: float = SODIUM_M) -> tuple[Floats, Floats]:
    """ΔH (kcal/mol) and ΔS (cal/(mol K)) of forming each duplex at a sodium concentration in mol/L, (n,) each.

    SantaLucia 1998, PNAS 95, 1460: stacks of table 2, one initiation for each end, symmetry for a strand that is its
    own reverse complement; entropy corrected by 0.368 (N − 1) ln [Na+]. NaN below two letters.
    """
    enthalpy, entropy = np.zeros(16), np.zeros(16)
    for place, pair in enumerate(a + b for a in "ACGT" for b in "ACGT"):
        enthalpy[place], entropy[place] = STACKS[pair if pair in STACKS else reverse_complement(pair, batch.alphabet)]
    ok = batch.lengths > 1
    first, last = (np.zeros(len(batch), dtype=np.int64) for _ in range(2))
    first[ok], last[ok] = batch.codes[batch.starts[:-1][ok]], batch.codes[batch.starts[1:][ok] - 1]
    n_gc = np.isin(first, (1, 2)).astype(np.int64) + np.isin(last, (1, 2))
    own = own_complement(batch)
    h = (batch.pairs * enthalpy).sum(axis=1) + n_gc * TERMINAL_GC[0] + (2 - n_gc) * TERMINAL_AT[0] + own * SYMMETRY[0]
    s = (batch.pairs * entropy).sum(axis=1) + n_gc * TERMINAL_GC[1] + (2 - n_gc) * TERMINAL_AT[1] + own * SYMMETRY[1]
    s = s + SALT * (batch.lengths - 1) * math.log(sodium_m)
    return np.where(ok, h, np.nan), np.where(ok, s, np.nan)


def melting_temperature(batch: Sequences, sodium_m: float = SODIUM_M, strands_m: float = STRANDS_M) -> Floats:
    """Temperature (n,) in °C at which half of the duplexes are molten: ΔH / (ΔS + R ln(C / 4)) − 273.15.

    C is the concentration of both strands together, in equal parts; a self-complementary strand takes C, not C / 4.
    Two states are assumed, which holds for oligonucleotides up to some 60 letters.
    """
    h, s = duplex(batch, sodium_m)
    shares = np.where(own_complement(batch), 1.0, 4.0)
    return 1000.0 * h / (s + GAS_CONSTANT * np.log(strands_m / shares)) - KELVIN


def wallace_temperature(batch: Sequences) -> Floats:
    """Wallace's rule, 2 °C for A or T and 4 °C for G or C (Wallace et al. 1979, Nucleic Acids Res. 6, 3543), (n,)."""
    return batch.weighted({"A": 2.0, "T": 2.0, "C": 4.0, "G": 4.0})


def own_complement(batch: Sequences) -> np.ndarray:
    """Which sequences are their own reverse complement, (n,) bool."""
    return np.array(
        [
            ok and text == reverse_complement(text, batch.alphabet)
            for text, ok in zip(batch.texts, batch.valid, strict=True)
        ],
        dtype=bool,
    )
