"""The catalogue of sequence properties: what each is called, its unit, where usual sequences lie, how to compute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import numpy as np

from samplers.errors import RewardError
from samplers.sequences import charge, composition, folding, melting
from samplers.sequences.alphabets import alphabet
from samplers.sequences.prepared import Floats, Sequences
from samplers.sequences.tables import ABSORPTION_280, ALIPHATIC, HYDROPATHY

ALL: Final = ("dna", "rna", "peptide")
BASES: Final = ("dna", "rna")
PEPTIDE: Final = ("peptide",)


@dataclass(frozen=True, slots=True)
class Property:
    """One property of sequences. `low` and `high` bound what designs usually show; neither end is better."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    help: str
    whole: bool
    alphabets: tuple[str, ...]
    compute: Callable[[Sequences], Floats]


def _length(batch: Sequences) -> Floats:
    return batch.lengths.astype(np.float64)


def _gc(batch: Sequences) -> Floats:
    return composition.share(batch, "GC")


def _cpg(batch: Sequences) -> Floats:
    expected = batch.counts[:, 1] * batch.counts[:, 2]
    return np.where(expected > 0, batch.pairs[:, 6] * batch.lengths / np.maximum(expected, 1), 0.0)


def _charge(batch: Sequences) -> Floats:
    return charge.net_charge(batch, 7.0)


def _gravy(batch: Sequences) -> Floats:
    return composition.mean(batch, HYDROPATHY)


def _aromaticity(batch: Sequences) -> Floats:
    return composition.share(batch, "FWY")


def _aliphatic(batch: Sequences) -> Floats:
    return 100.0 * composition.mean(batch, ALIPHATIC)


def _absorption(batch: Sequences) -> Floats:
    return batch.weighted(ABSORPTION_280)


def _folding(batch: Sequences) -> Floats:
    return folding.folding_energies([text if ok else "" for text, ok in zip(batch.texts, batch.valid, strict=True)])


_ALL = (
    Property("length", "Length", "", 5, 200, "Number of letters.", True, ALL, _length),
    Property("molecular_weight", "Molecular weight", "Da", 500, 30_000,
             "Average mass of the neutral molecule with free ends.", False, ALL, composition.molecular_weight),
    Property("longest_run", "Longest run of one letter", "", 1, 8,
             "Long runs are hard to make and to sequence.", True, ALL, composition.longest_run),
    Property("complexity", "Lowest complexity", "", 0, 1,
             "Variety of the poorest 12 neighbours (Wootton and Federhen 1993); 0 is a run of one letter.", False, ALL,
             composition.complexity),
    Property("gc_content", "GC content", "", 0.2, 0.8, "Share of G and C, 0 to 1.", False, BASES, _gc),
    Property("cpg_ratio", "CpG, observed to expected", "", 0, 1.5,
             "C followed by G against chance (Gardiner-Garden and Frommer 1987).", False, BASES, _cpg),
    Property("melting_temperature", "Melting temperature", "°C", 20, 90,
             "With its full complement, 50 mM sodium, 0.5 µM strands, nearest neighbours (SantaLucia 1998).", False,
             ("dna",), melting.melting_temperature),
    Property("wallace_temperature", "Melting temperature, Wallace's rule", "°C", 20, 90,
             "2 °C for A or T, 4 °C for G or C; for 14 to 20 letters.", False, ("dna",), melting.wallace_temperature),
    Property("folding_energy", "Folding energy", "kcal/mol", -60, 0,
             "Lowest free energy of folding at 37 °C (ViennaRNA, an optional extra).", False, ("rna",), _folding),
    Property("net_charge", "Net charge at pH 7", "e", -10, 10,
             "Free ends and side chains, each by its own pKa (EMBOSS set).", False, PEPTIDE, _charge),
    Property("isoelectric_point", "Isoelectric point", "", 3, 12,
             "The pH without net charge (EMBOSS pKa set).", False, PEPTIDE, charge.isoelectric_point),
    Property("hydropathy", "Hydropathy", "", -2, 2,
             "Mean of Kyte and Doolittle's scale (GRAVY); above 0 is hydrophobic.", False, PEPTIDE, _gravy),
    Property("hydrophobic_moment", "Hydrophobic moment", "", 0, 1,
             "Largest over 11 neighbours on a helix (Eisenberg 1982); high is amphipathic.", False, PEPTIDE,
             composition.hydrophobic_moment),
    Property("aromaticity", "Aromatic residues", "", 0, 0.3,
             "Share of F, W and Y (Lobry and Gautier 1994).", False, PEPTIDE, _aromaticity),
    Property("aliphatic_index", "Aliphatic index", "", 0, 200,
             "Relative volume of A, V, I and L (Ikai 1980); high in heat-stable proteins.", False, PEPTIDE, _aliphatic),
    Property("absorption_280", "Molar absorption at 280 nm", "1/(M cm)", 0, 30_000,
             "Of W and Y, cysteines reduced (Pace 1995).", False, PEPTIDE, _absorption),
)  # fmt: skip

CATALOGUE: Final[dict[str, Property]] = {entry.name: entry for entry in _ALL}


def describe(alphabet_name: str = "") -> list[dict[str, Any]]:
    """The catalogue as plain data, of one alphabet if named: name, label, unit, low, high, help, whole, alphabets."""
    names = ALL if not alphabet_name else (alphabet(alphabet_name).name,)
    keys = ("name", "label", "unit", "low", "high", "help", "whole")
    return [
        {**{key: getattr(entry, key) for key in keys}, "alphabets": list(entry.alphabets)}
        for entry in _ALL
        if set(names) & set(entry.alphabets) and (entry.name != "folding_energy" or folding.installed())
    ]


def checked_property(name: str, alphabet_name: str) -> Property:
    """The property of a name. Raises RewardError where there is none, or none for this alphabet, or its extra lacks."""
    label = alphabet(alphabet_name).label
    usable = [entry.name for entry in _ALL if alphabet_name in entry.alphabets]
    if name not in usable:
        near = get_close_matches(name.lower().replace(" ", "_"), usable, n=3, cutoff=0.5) or usable
        raise RewardError(f"{name!r} is not a known property of a {label}; near names: {', '.join(near)}.")
    if name == "folding_energy" and not folding.installed():
        raise RewardError(folding.MISSING)
    return CATALOGUE[name]


def values(batch: Sequences, name: str) -> Floats:
    """One property of each sequence, (n,), NaN for sequences that are not written in the alphabet."""
    found = checked_property(name, batch.alphabet.name).compute(batch)
    return np.where(batch.valid, found, np.nan)


def properties(sequences: Sequence[str], alphabet_name: str, names: Sequence[str]) -> dict[str, Floats]:
    """Values by property name, (n,) each, in the order given; NaN for sequences not written in the alphabet.

    Raises RewardError for an unknown property, ConfigError for an unknown alphabet.
    """
    batch = Sequences(sequences, alphabet_name)
    return {name: values(batch, name) for name in names}
