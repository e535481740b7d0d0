"""Structural alerts: groups that often spell reactivity, toxicity or assay interference."""

from __future__ import annotations

from functools import cache

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from samplers.chem.parse import molecule
from samplers.errors import ConfigError

SETS = {
    "brenk": "Brenk: unwanted groups for lead-like screening",
    "pains": "PAINS: frequent hitters in assays",
}


@cache
def _catalogue(name: str) -> FilterCatalog:
    kinds = {"brenk": FilterCatalogParams.FilterCatalogs.BRENK, "pains": FilterCatalogParams.FilterCatalogs.PAINS}
    if name not in kinds:
        raise ConfigError("alerts", f"must be one of {', '.join(SETS)}, got {name!r}")
    parameters = FilterCatalogParams()
    parameters.AddCatalog(kinds[name])
    return FilterCatalog(parameters)


def alerts(structure: str | Chem.Mol, sets: tuple[str, ...] = ("brenk", "pains")) -> list[str]:
    """Names of the alerts found, each with its set in front ("brenk: nitro_group"), sorted.

    Raises StructureError for text that is no molecule, ConfigError for an unknown set. Source: Brenk et al. 2008;
    Baell and Holloway 2010; patterns as shipped with RDKit.
    """
    mol = molecule(structure) if isinstance(structure, str) else structure
    found = [f"{name}: {hit.GetDescription()}" for name in sets for hit in _catalogue(name).GetMatches(mol)]
    return sorted(found)


def count(mol: Chem.Mol, sets: tuple[str, ...] = ("brenk", "pains")) -> int:
    """How many alerts of the given sets a molecule matches."""
    return sum(len(_catalogue(name).GetMatches(mol)) for name in sets)
