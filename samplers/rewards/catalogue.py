"""The computed properties that an objective may name, with the words and units a page shows.

Standard library only, so that the web process can check a reward; `samplers.chem.descriptors` computes them and
holds ranges and help. A test keeps the two lists equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Property:
    """How a page calls a computed property, and its unit ("" for pure numbers)."""

    label: str
    unit: str


CATALOGUE: Final[dict[str, Property]] = {
    "molecular_weight": Property("Molecular weight", "Da"),
    "logp": Property("logP", ""),
    "molar_refractivity": Property("Molar refractivity", ""),
    "tpsa": Property("Polar surface", "Å²"),
    "hbd": Property("H-bond donors", ""),
    "hba": Property("H-bond acceptors", ""),
    "rotatable_bonds": Property("Rotatable bonds", ""),
    "rings": Property("Rings", ""),
    "aromatic_rings": Property("Aromatic rings", ""),
    "heavy_atoms": Property("Heavy atoms", ""),
    "heteroatoms": Property("Heteroatoms", ""),
    "halogens": Property("Halogens", ""),
    "fraction_csp3": Property("Fraction of sp³ carbon", ""),
    "stereocentres": Property("Stereocentres", ""),
    "formal_charge": Property("Formal charge", "e"),
    "bertz": Property("Bertz complexity", ""),
    "qed": Property("QED", ""),
    "sa_score": Property("Synthetic accessibility", ""),
    "alerts": Property("Structural alerts", ""),
}
