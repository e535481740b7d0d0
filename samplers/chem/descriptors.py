"""The catalogue of computed properties: what each is called, its unit, where usual molecules lie, how to compute it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import QED, Descriptors, GraphDescriptors, rdMolDescriptors

from samplers.chem import alerts, synthesis
from samplers.chem.parse import molecule
from samplers.errors import RewardError


@dataclass(frozen=True, slots=True)
class Property:
    """One computed property. `low` and `high` bound what drug-like molecules usually show; neither end is better."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    help: str
    whole: bool  # the value is a count
    compute: Callable[[Chem.Mol], float]


def _weight(mol: Chem.Mol) -> float:
    return Descriptors.MolWt(mol)  # type: ignore[attr-defined]


def _logp(mol: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(mol)[0]


def _refractivity(mol: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(mol)[1]


def _halogens(mol: Chem.Mol) -> float:
    return sum(atom.GetAtomicNum() in (9, 17, 35, 53) for atom in mol.GetAtoms())


def _alerts(mol: Chem.Mol) -> float:
    return alerts.count(mol)


def _centres(mol: Chem.Mol) -> float:
    return len(Chem.FindMolChiralCenters(mol, includeUnassigned=True))


_d = rdMolDescriptors
_ALL = (
    Property("molecular_weight", "Molecular weight", "Da", 150, 550,
             "Average mass of the molecule.", False, _weight),
    Property("logp", "logP", "", -1, 6,
             "Octanol/water partition, Crippen's atom contributions (Wildman and Crippen 1999).", False, _logp),
    Property("molar_refractivity", "Molar refractivity", "", 40, 150,
             "Crippen's atom contributions; grows with size and polarisability.", False, _refractivity),
    Property("tpsa", "Polar surface", "Å²", 0, 160,
             "Topological polar surface of N and O (Ertl 2000).", False, _d.CalcTPSA),
    Property("hbd", "H-bond donors", "", 0, 6,
             "Hydrogen-bond donors as RDKit counts them.", True, _d.CalcNumHBD),
    Property("hba", "H-bond acceptors", "", 0, 12,
             "Hydrogen-bond acceptors as RDKit counts them.", True, _d.CalcNumHBA),
    Property("rotatable_bonds", "Rotatable bonds", "", 0, 12,
             "Single bonds that turn freely, amides left out.", True, _d.CalcNumRotatableBonds),
    Property("rings", "Rings", "", 0, 6,
             "Rings in the smallest set.", True, _d.CalcNumRings),
    Property("aromatic_rings", "Aromatic rings", "", 0, 5,
             "Rings that are aromatic throughout.", True, _d.CalcNumAromaticRings),
    Property("heavy_atoms", "Heavy atoms", "", 10, 40,
             "Atoms other than hydrogen.", True, _d.CalcNumHeavyAtoms),
    Property("heteroatoms", "Heteroatoms", "", 1, 15,
             "Atoms other than carbon and hydrogen.", True, _d.CalcNumHeteroatoms),
    Property("halogens", "Halogens", "", 0, 6,
             "Fluorine, chlorine, bromine and iodine atoms.", True, _halogens),
    Property("fraction_csp3", "Fraction of sp³ carbon", "", 0, 1,
             "Share of carbons with four single bonds (Lovering 2009).", False, _d.CalcFractionCSP3),
    Property("stereocentres", "Stereocentres", "", 0, 8,
             "Tetrahedral centres, assigned or not.", True, _centres),
    Property("formal_charge", "Formal charge", "e", -2, 2,
             "Net charge of the standardised structure.", True, Chem.GetFormalCharge),
    Property("bertz", "Bertz complexity", "", 100, 1500,
             "Complexity of the bond graph (Bertz 1981).", False, GraphDescriptors.BertzCT),
    Property("qed", "QED", "", 0, 1,
             "Quantitative estimate of drug-likeness, eight properties in one (Bickerton 2012).", False, QED.qed),
    Property("sa_score", "Synthetic accessibility", "", 1, 10,
             "1 is easy to make, 10 is hard (Ertl and Schuffenhauer 2009).", False, synthesis.sa_score),
    Property("alerts", "Structural alerts", "", 0, 5,
             "Matches of the Brenk and PAINS patterns.", True, _alerts),
)  # fmt: skip


CATALOGUE: dict[str, Property] = {entry.name: entry for entry in _ALL}


def describe() -> list[dict[str, Any]]:
    """The catalogue as plain data for a form or an API: name, label, unit, low, high, help, whole."""
    keys = ("name", "label", "unit", "low", "high", "help", "whole")
    return [{key: getattr(entry, key) for key in keys} for entry in _ALL]


def properties(structures: Iterable[str | Chem.Mol], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Values by property name, each of shape (n,), in the order given; NaN where RDKit cannot compute one.

    Structures are SMILES or molecules. Raises RewardError for an unknown name, StructureError for text that is no
    molecule.
    """
    if unknown := [name for name in names if name not in CATALOGUE]:
        raise RewardError(f"{unknown[0]!r} is not a known property; choose from {', '.join(CATALOGUE)}")
    mols = [molecule(one) if isinstance(one, str) else one for one in structures]
    with rdBase.BlockLogs():
        return {
            name: np.array([_value(CATALOGUE[name].compute, mol) for mol in mols], dtype=np.float64) for name in names
        }


def _value(compute: Callable[[Chem.Mol], float], mol: Chem.Mol) -> float:
    try:
        return float(compute(mol))
    except (RuntimeError, ValueError, ZeroDivisionError, KeyError):
        return float("nan")  # exotic elements have no parameters; the reward treats NaN as "cannot say"
