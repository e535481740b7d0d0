"""Structural alerts: groups that often spell reactivity, toxicity or assay interference."""

from __future__ import annotations

from functools import cache
from typing import Final

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from samplers.chem.parse import molecule
from samplers.errors import ConfigError

_RDKIT: Final = FilterCatalogParams.FilterCatalogs
SETS: Final = {
    "brenk": _RDKIT.BRENK,
    "pains": _RDKIT.PAINS,
    "pains_a": _RDKIT.PAINS_A,
    "pains_b": _RDKIT.PAINS_B,
    "pains_c": _RDKIT.PAINS_C,
    "nih": _RDKIT.NIH,
    "zinc": _RDKIT.ZINC,
    "bms": _RDKIT.CHEMBL_BMS,
    "dundee": _RDKIT.CHEMBL_Dundee,
    "glaxo": _RDKIT.CHEMBL_Glaxo,
    "inpharmatica": _RDKIT.CHEMBL_Inpharmatica,
    "lint": _RDKIT.CHEMBL_LINT,
    "mlsmr": _RDKIT.CHEMBL_MLSMR,
    "surechembl": _RDKIT.CHEMBL_SureChEMBL,
}
USUAL: Final = ("brenk", "pains")  # what "structural alerts" means everywhere, unless sets are named


@cache
def _catalogue(name: str) -> FilterCatalog:
    if name not in SETS:
        raise ConfigError("alerts", f"must be one of {', '.join(SETS)}, got {name!r}")
    parameters = FilterCatalogParams()
    parameters.AddCatalog(SETS[name])
    return FilterCatalog(parameters)


def alerts(structure: str | Chem.Mol, sets: tuple[str, ...] = USUAL) -> list[str]:
    """Names of the alerts found, each with its set in front ("brenk: nitro_group"), sorted.

    Raises StructureError for text that is no molecule, ConfigError for an unknown set. Source: Brenk et al. 2008;
    Baell and Holloway 2010; Jadhav et al. 2010 (NIH); the firms' sets as collected by ChEMBL; patterns as shipped
    with RDKit.
    """
    mol = molecule(structure) if isinstance(structure, str) else structure
    found = [f"{name}: {hit.GetDescription()}" for name in sets for hit in _catalogue(name).GetMatches(mol)]
    return sorted(found)


def count(mol: Chem.Mol, sets: tuple[str, ...] = USUAL) -> int:
    """How many alerts of the given sets a molecule matches; a group that two sets hold counts twice."""
    return sum(len(_catalogue(name).GetMatches(mol)) for name in sets)
