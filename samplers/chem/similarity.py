"""Similarity of molecules to references, in [0, 1]: Tanimoto on fingerprints, or edit distance on SMILES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

from samplers.errors import ConfigError

Floats = NDArray[np.float64]

MAX_PAIR_BONDS: Final = 10
KINDS: Final = (
    "morgan2", "morgan3", "maccs", "rdkit", "atom_pairs", "morgan2_counts", "morgan3_counts", "features2_counts",
    "features3_counts", "atom_pairs_counts", "pharmacophores", "smiles",
)  # fmt: skip


@cache
def _fingerprint(kind: str) -> Callable[[Any], Any]:
    make = rdFingerprintGenerator
    if kind.startswith(("morgan", "features")):
        features = make.GetMorganFeatureAtomInvGen() if kind.startswith("features") else None
        radius = int(kind.removeprefix("morgan").removeprefix("features")[0])
        generator = make.GetMorganGenerator(radius=radius, fpSize=2048, atomInvariantsGenerator=features)
        return generator.GetSparseCountFingerprint if kind.endswith("_counts") else generator.GetFingerprint
    if kind == "atom_pairs_counts":
        return make.GetAtomPairGenerator(maxDistance=MAX_PAIR_BONDS).GetSparseCountFingerprint
    if kind == "atom_pairs":
        return make.GetAtomPairGenerator(fpSize=2048).GetFingerprint
    if kind == "rdkit":
        return make.GetRDKitFPGenerator(fpSize=2048).GetFingerprint
    if kind == "maccs":
        return rdMolDescriptors.GetMACCSKeysFingerprint
    if kind == "pharmacophores":
        return lambda mol: Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory)
    raise ConfigError("fingerprint", f"must be one of {', '.join(KINDS)}, got {kind!r}")


def comparer(references: Sequence[Any], kind: str) -> Callable[[Any], Floats]:
    """A function from an RDKit molecule to its similarity with each of the r references, (r,).

    kind: one of `KINDS`. Counted fingerprints compare by the sum of smaller counts over the sum of larger ones.
    Source: Morgan as in Rogers and Hahn 2010; atom pairs, Carhart 1985; pharmacophores, Gobbi and Poppinger 1998;
    SMILES by one minus Levenshtein's distance over the longer length. Raises ConfigError for an unknown kind.
    """
    if kind == "smiles":
        written = [Chem.MolToSmiles(mol) for mol in references]
        return lambda mol: np.array([_alike(Chem.MolToSmiles(mol), other) for other in written])
    fingerprint = _fingerprint(kind)
    known = [fingerprint(mol) for mol in references]
    return lambda mol: np.array(DataStructs.BulkTanimotoSimilarity(fingerprint(mol), known), dtype=np.float64)


def _alike(one: str, other: str) -> float:
    longer = max(len(one), len(other))
    return 1.0 - edit_distance(one, other) / longer if longer else 1.0


def edit_distance(one: str, other: str) -> int:
    """Fewest letters to insert, delete or replace between two texts (Levenshtein 1966); a row at a time in numpy."""
    codes = np.frombuffer(other.encode("utf-32-le"), dtype=np.uint32)
    places = np.arange(len(codes) + 1)
    row = places.copy()
    for letter in one:
        across = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, row[:-1] + (codes != ord(letter)))])
        # Deletions run along the row: each place costs at most one more than the place before it.
        row = np.minimum.accumulate(across - places) + places
    return int(row[-1])
