"""Computed properties of molecules that are already parsed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import QED, rdMolDescriptors

from samplers.rewards.features import Prepared


@cache
def _sa() -> Callable[[Any], float]:
    import sys
    from pathlib import Path

    from rdkit import RDConfig

    sys.path.append(str(Path(RDConfig.RDContribDir) / "SA_Score"))
    import sascorer

    return sascorer.calculateScore


def _sa_score(mol: Any) -> float:
    return _sa()(mol)


_FUNCTIONS: Final[dict[str, Callable[[Any], float]]] = {
    "molecular_weight": rdMolDescriptors._CalcMolWt,
    "heavy_atoms": lambda mol: mol.GetNumHeavyAtoms(),
    "logp": lambda mol: rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
    "tpsa": rdMolDescriptors.CalcTPSA,
    "hbd": rdMolDescriptors.CalcNumHBD,
    "rings": rdMolDescriptors.CalcNumRings,
    "formal_charge": Chem.GetFormalCharge,
    "qed": QED.qed,
    "sa_score": _sa_score,
    "alerts": lambda mol: sum(mol.HasSubstructMatch(alert) for alert in QED.StructuralAlerts),
}


def property_values(prepared: Prepared, name: str) -> NDArray[np.float64]:
    """Values (n,) of one property of the catalogue, NaN for structures that cannot be read."""
    values = np.full(len(prepared), np.nan)
    function = _FUNCTIONS[name]
    for row, mol in enumerate(prepared.mols):
        if mol is not None:
            values[row] = function(mol)
    return values
