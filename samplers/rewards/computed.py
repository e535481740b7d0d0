"""Computed properties of molecules that are already parsed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samplers.chem.descriptors import properties
from samplers.rewards.drug_likeness import qed
from samplers.rewards.features import Prepared


def property_values(prepared: Prepared, name: str) -> NDArray[np.float64]:
    """Values (n,) of one property of the catalogue, NaN where it cannot be computed."""
    values = np.full(len(prepared), np.nan)
    mols = [mol for mol in prepared.mols if mol is not None]
    values[prepared.valid] = [qed(mol) for mol in mols] if name == "qed" else properties(mols, [name])[name]
    return values
