"""Published constants for sequences, each with its source. Letters stand in the order of their alphabet.

Atoms of a building block inside a chain: an amino acid without water; a nucleotide as its 5'-phosphate without water.
Atomic weights: IUPAC 2021, abridged.
"""

from __future__ import annotations

from typing import Final

ATOMIC_WEIGHTS: Final = {"C": 12.011, "H": 1.008, "N": 14.007, "O": 15.999, "P": 30.974, "S": 32.06}
Formula = dict[str, int]


def _formula(text: str) -> Formula:
    return {part[0]: int(part[1:]) for part in text.split()}


RESIDUES: Final[dict[str, dict[str, Formula]]] = {
    "peptide": {
        "A": _formula("C3 H5 N1 O1"), "C": _formula("C3 H5 N1 O1 S1"), "D": _formula("C4 H5 N1 O3"),
        "E": _formula("C5 H7 N1 O3"), "F": _formula("C9 H9 N1 O1"), "G": _formula("C2 H3 N1 O1"),
        "H": _formula("C6 H7 N3 O1"), "I": _formula("C6 H11 N1 O1"), "K": _formula("C6 H12 N2 O1"),
        "L": _formula("C6 H11 N1 O1"), "M": _formula("C5 H9 N1 O1 S1"), "N": _formula("C4 H6 N2 O2"),
        "P": _formula("C5 H7 N1 O1"), "Q": _formula("C5 H8 N2 O2"), "R": _formula("C6 H12 N4 O1"),
        "S": _formula("C3 H5 N1 O2"), "T": _formula("C4 H7 N1 O2"), "V": _formula("C5 H9 N1 O1"),
        "W": _formula("C11 H10 N2 O1"), "Y": _formula("C9 H9 N1 O2"),
    },
    "dna": {
        "A": _formula("C10 H12 N5 O5 P1"), "C": _formula("C9 H12 N3 O6 P1"), "G": _formula("C10 H12 N5 O6 P1"),
        "T": _formula("C10 H13 N2 O7 P1"),
    },
    "rna": {
        "A": _formula("C10 H12 N5 O6 P1"), "C": _formula("C9 H12 N3 O7 P1"), "G": _formula("C10 H12 N5 O7 P1"),
        "U": _formula("C9 H11 N2 O8 P1"),
    },
}  # fmt: skip
# What the free ends add: water to a peptide; water less HPO3 to a strand with OH at both ends.
ENDS: Final[dict[str, Formula]] = {
    "peptide": {"H": 2, "O": 1},
    "dna": {"H": 1, "O": -2, "P": -1},
    "rna": {"H": 1, "O": -2, "P": -1},
}

# pKa in water: the default set of EMBOSS (Rice, Longden and Bleasby 2000, Trends Genet. 16, 276; file Epk.dat).
BASIC: Final = {"K": 10.8, "R": 12.5, "H": 6.5}
ACIDIC: Final = {"D": 3.9, "E": 4.1, "C": 8.5, "Y": 10.1}
N_TERMINUS: Final = 8.6
C_TERMINUS: Final = 3.6

# Kyte and Doolittle 1982, J. Mol. Biol. 157, 105.
HYDROPATHY: Final = {
    "A": 1.8, "C": 2.5, "D": -3.5, "E": -3.5, "F": 2.8, "G": -0.4, "H": -3.2, "I": 4.5, "K": -3.9, "L": 3.8,
    "M": 1.9, "N": -3.5, "P": -1.6, "Q": -3.5, "R": -4.5, "S": -0.8, "T": -0.7, "V": 4.2, "W": -0.9, "Y": -1.3,
}  # fmt: skip

# Normalised consensus scale: Eisenberg, Schwarz, Komaromy and Wall 1984, J. Mol. Biol. 179, 125.
CONSENSUS: Final = {
    "A": 0.62, "C": 0.29, "D": -0.90, "E": -0.74, "F": 1.19, "G": 0.48, "H": -0.40, "I": 1.38, "K": -1.50, "L": 1.06,
    "M": 0.64, "N": -0.78, "P": 0.12, "Q": -0.85, "R": -2.53, "S": -0.18, "T": -0.05, "V": 1.08, "W": 0.81, "Y": 0.26,
}  # fmt: skip

# Molar absorption at 280 nm, 1/(M cm): Pace, Vajdos, Fee, Grimsley and Gray 1995, Protein Sci. 4, 2411.
ABSORPTION_280: Final = {"W": 5500.0, "Y": 1490.0}

# Relative volumes of aliphatic side chains: Ikai 1980, J. Biochem. 88, 1895.
ALIPHATIC: Final = {"A": 1.0, "V": 2.9, "I": 3.9, "L": 3.9}

# Unified nearest neighbours of DNA in 1 M NaCl: SantaLucia 1998, PNAS 95, 1460, table 2. One strand 5' to 3':
# ΔH in kcal/mol, ΔS in cal/(mol K).
STACKS: Final = {
    "AA": (-7.9, -22.2), "AT": (-7.2, -20.4), "TA": (-7.2, -21.3), "CA": (-8.5, -22.7), "GT": (-8.4, -22.4),
    "CT": (-7.8, -21.0), "GA": (-8.2, -22.2), "CG": (-10.6, -27.2), "GC": (-9.8, -24.4), "GG": (-8.0, -19.9),
}  # fmt: skip
TERMINAL_GC: Final = (0.1, -2.8)
TERMINAL_AT: Final = (2.3, 4.1)
SYMMETRY: Final = (0.0, -1.4)
SALT: Final = 0.368  # cal/(mol K) for each phosphate pair and ln [Na+], equation 8 there
GAS_CONSTANT: Final = 1.987  # cal/(mol K)
