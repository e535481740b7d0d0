"""Synthetic accessibility, from 1 (easy) to 10 (hard), by how usual a molecule's fragments are.

The table of fragment frequencies ships in RDKit's Contrib folder as nested lists of numbers. It is read by an
unpickler that refuses every class, so the file can hold nothing but numbers and lists.
"""

from __future__ import annotations

import gzip
import io
import math
import pickle  # only through the class-refusing reader below
from functools import cache
from pathlib import Path
from typing import Any

from rdkit import Chem, RDConfig
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from samplers.errors import DesignError

_UNKNOWN_FRAGMENT = -4.0  # log frequency given to a fragment that the reference molecules never showed
_LOWEST, _HIGHEST = -4.0, 2.5  # range of the raw score that maps to 10 and 1
_MACROCYCLE = 8


class _NumbersOnly(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise DesignError(
            f"the table of fragment scores asks for {module_name}.{global_name}; only numbers may be in it"
        )


def _table_path() -> Path:
    return Path(RDConfig.RDContribDir) / "SA_Score" / "fpscores.pkl.gz"


@cache
def _fragment_scores() -> dict[int, float]:
    path = _table_path()
    if not path.exists():
        raise DesignError(f"RDKit's table of fragment scores is missing: {path}; reinstall the rdkit wheel")
    table = _NumbersOnly(io.BytesIO(gzip.decompress(path.read_bytes()))).load()
    return {int(fragment): float(row[0]) for row in table for fragment in row[1:]}


@cache
def _generator() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2)


def sa_score(mol: Chem.Mol) -> float:
    """Synthetic accessibility score in [1, 10]; low is easy. NaN for a molecule without atoms.

    Source: Ertl and Schuffenhauer 2009, with the two later corrections of RDKit's Contrib version (one penalty for
    any number of macrocycles; a bonus for symmetric molecules).
    """
    n_atoms = mol.GetNumAtoms()
    if n_atoms == 0:
        return math.nan
    counts = _generator().GetSparseCountFingerprint(mol).GetNonzeroElements()
    scores = _fragment_scores()
    usual = sum(scores.get(bit, _UNKNOWN_FRAGMENT) * n for bit, n in counts.items()) / sum(counts.values())
    symmetry = 0.5 * math.log(n_atoms / len(counts)) if n_atoms > len(counts) else 0.0
    raw = usual - _complexity(mol) + symmetry
    score = 11.0 - (raw - _LOWEST + 1.0) / (_HIGHEST - _LOWEST) * 9.0
    if score > 8.0:
        score = 8.0 + math.log(score - 8.0)
    return min(max(score, 1.0), 10.0)


def _complexity(mol: Chem.Mol) -> float:
    n_atoms = mol.GetNumAtoms()
    n_centres = len(Chem.FindMolChiralCenters(mol, includeUnassigned=True))
    macrocycle = any(len(ring) > _MACROCYCLE for ring in mol.GetRingInfo().AtomRings())
    return (
        n_atoms**1.005
        - n_atoms
        + math.log10(n_centres + 1)
        + math.log10(rdMolDescriptors.CalcNumSpiroAtoms(mol) + 1)
        + math.log10(rdMolDescriptors.CalcNumBridgeheadAtoms(mol) + 1)
        + (math.log10(2) if macrocycle else 0.0)
    )
