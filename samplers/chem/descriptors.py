"""The catalogue of computed properties: what each is called, its unit, where usual molecules lie, how to compute it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import QED, Descriptors, Fragments, GraphDescriptors, SpacialScore, rdMolDescriptors
from rdkit.Chem.EState import EState

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


def _largest_ring(mol: Chem.Mol) -> float:
    return max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)


def _counter(number: int) -> Callable[[Chem.Mol], float]:
    return lambda mol: sum(atom.GetAtomicNum() == number for atom in mol.GetAtoms())


def _fragment(name: str) -> Callable[[Chem.Mol], float]:
    count: Callable[[Chem.Mol], float] = getattr(Fragments, name)
    return count


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
    Property("exact_mass", "Exact mass", "Da", 150, 550,
             "Mass of the molecule of the commonest isotopes.", False, _d.CalcExactMolWt),
    Property("heavy_atom_weight", "Weight of the heavy atoms", "Da", 140, 520,
             "Average mass without hydrogen.", False, Descriptors.HeavyAtomMolWt),
    Property("valence_electrons", "Valence electrons", "", 50, 220,
             "Electrons of the outer shells, hydrogens included.", True, Descriptors.NumValenceElectrons),
    Property("labute_asa", "Labute surface", "Å²", 60, 240,
             "Approximate surface area (Labute 2000).", False, _d.CalcLabuteASA),
    Property("max_partial_charge", "Highest partial charge", "e", 0, 0.5,
             "Gasteiger charge of the most positive heavy atom.", False, Descriptors.MaxPartialCharge),
    Property("min_partial_charge", "Lowest partial charge", "e", -0.6, -0.2,
             "Gasteiger charge of the most negative heavy atom.", False, Descriptors.MinPartialCharge),
    Property("max_estate", "Highest E-state", "", 5, 15,
             "Largest electrotopological state of an atom (Hall and Kier 1991).", False, EState.MaxEStateIndex),
    Property("min_estate", "Lowest E-state", "", -6, 1,
             "Smallest electrotopological state of an atom (Hall and Kier 1991).", False, EState.MinEStateIndex),
    Property("balaban_j", "Balaban J", "", 1, 4,
             "Averaged distance connectivity (Balaban 1982).", False, GraphDescriptors.BalabanJ),
    Property("chi0v", "Chi 0, valence", "", 8, 24,
             "Connectivity of single atoms, valence corrected (Hall and Kier 1991).", False, _d.CalcChi0v),
    Property("chi1v", "Chi 1, valence", "", 4, 14,
             "Connectivity of bonds, valence corrected (Hall and Kier 1991).", False, _d.CalcChi1v),
    Property("chi2v", "Chi 2, valence", "", 2, 10,
             "Connectivity of paths of two bonds, valence corrected (Hall and Kier 1991).", False, _d.CalcChi2v),
    Property("kappa1", "Kappa 1", "", 8, 30,
             "Shape: how many cycles (Hall and Kier 1991).", False, _d.CalcKappa1),
    Property("kappa2", "Kappa 2", "", 3, 13,
             "Shape: how star-like or long (Hall and Kier 1991).", False, _d.CalcKappa2),
    Property("kappa3", "Kappa 3", "", 1, 8,
             "Shape: where the branches stand (Hall and Kier 1991).", False, _d.CalcKappa3),
    Property("flexibility", "Flexibility Phi", "", 1, 10,
             "Kier's flexibility from kappa 1 and kappa 2 (Kier 1989).", False, _d.CalcPhi),
    Property("hall_kier_alpha", "Hall–Kier alpha", "", -4, 0,
             "Size of the atoms against sp³ carbon (Hall and Kier 1991).", False, _d.CalcHallKierAlpha),
    Property("fingerprint_density", "Fingerprint density", "", 1.5, 2.5,
             "Distinct circular environments of radius 2 for each heavy atom.", False, Descriptors.FpDensityMorgan2),
    Property("spacial_score", "Spacial score", "", 8, 35,
             "Complexity per heavy atom (Krzyzanowski 2023).", False, SpacialScore.SPS),
    Property("aliphatic_rings", "Aliphatic rings", "", 0, 4,
             "Rings with at least one bond that is not aromatic.", True, _d.CalcNumAliphaticRings),
    Property("saturated_rings", "Saturated rings", "", 0, 4,
             "Rings of single bonds only.", True, _d.CalcNumSaturatedRings),
    Property("heterocycles", "Heterocycles", "", 0, 4,
             "Rings with an atom other than carbon.", True, _d.CalcNumHeterocycles),
    Property("aromatic_heterocycles", "Aromatic heterocycles", "", 0, 3,
             "Aromatic rings with an atom other than carbon.", True, _d.CalcNumAromaticHeterocycles),
    Property("aromatic_carbocycles", "Aromatic carbocycles", "", 0, 3,
             "Aromatic rings of carbon alone.", True, _d.CalcNumAromaticCarbocycles),
    Property("aliphatic_heterocycles", "Aliphatic heterocycles", "", 0, 3,
             "Heterocycles that are not aromatic throughout.", True, _d.CalcNumAliphaticHeterocycles),
    Property("aliphatic_carbocycles", "Aliphatic carbocycles", "", 0, 3,
             "Rings of carbon alone that are not aromatic throughout.", True, _d.CalcNumAliphaticCarbocycles),
    Property("saturated_heterocycles", "Saturated heterocycles", "", 0, 3,
             "Heterocycles of single bonds only.", True, _d.CalcNumSaturatedHeterocycles),
    Property("saturated_carbocycles", "Saturated carbocycles", "", 0, 3,
             "Carbon rings of single bonds only.", True, _d.CalcNumSaturatedCarbocycles),
    Property("largest_ring", "Largest ring", "", 0, 7,
             "Atoms of the largest ring in the smallest set; 0 without rings.", True, _largest_ring),
    Property("spiro_atoms", "Spiro atoms", "", 0, 1,
             "Atoms that two rings share alone.", True, _d.CalcNumSpiroAtoms),
    Property("bridgeheads", "Bridgehead atoms", "", 0, 2,
             "Atoms where bridged rings meet.", True, _d.CalcNumBridgeheadAtoms),
    Property("unassigned_stereocentres", "Unassigned stereocentres", "", 0, 3,
             "Tetrahedral centres whose configuration is not written.", True, _d.CalcNumUnspecifiedAtomStereoCenters),
    Property("amide_bonds", "Amide bonds", "", 0, 3,
             "Amide bonds as RDKit counts them.", True, _d.CalcNumAmideBonds),
    Property("nh_and_oh", "NH and OH", "", 0, 5,
             "Hydrogens on nitrogen and oxygen (Lipinski 1997).", True, _d.CalcNumLipinskiHBD),
    Property("n_and_o", "N and O", "", 1, 10,
             "Nitrogen and oxygen atoms (Lipinski 1997).", True, _d.CalcNumLipinskiHBA),
    Property("carbons", "Carbon atoms", "", 5, 30,
             "Atoms of carbon.", True, _counter(6)),
    Property("nitrogens", "Nitrogen atoms", "", 0, 8,
             "Atoms of nitrogen.", True, _counter(7)),
    Property("oxygens", "Oxygen atoms", "", 0, 8,
             "Atoms of oxygen.", True, _counter(8)),
    Property("sulfurs", "Sulfur atoms", "", 0, 2,
             "Atoms of sulfur.", True, _counter(16)),
    Property("phosphoruses", "Phosphorus atoms", "", 0, 1,
             "Atoms of phosphorus.", True, _counter(15)),
    Property("fluorines", "Fluorine atoms", "", 0, 4,
             "Atoms of fluorine.", True, _counter(9)),
    Property("chlorines", "Chlorine atoms", "", 0, 2,
             "Atoms of chlorine.", True, _counter(17)),
    Property("bromines", "Bromine atoms", "", 0, 1,
             "Atoms of bromine.", True, _counter(35)),
    Property("iodines", "Iodine atoms", "", 0, 1,
             "Atoms of iodine.", True, _counter(53)),
    Property("carboxylic_acids", "Carboxylic acids", "", 0, 2,
             "Carboxylic acid groups, as RDKit's fragment counts have it.", True, _fragment("fr_COO")),
    Property("esters", "Esters", "", 0, 2,
             "Ester groups, as RDKit's fragment counts have it.", True, _fragment("fr_ester")),
    Property("ketones", "Ketones", "", 0, 2,
             "Ketone groups, as RDKit's fragment counts have it.", True, _fragment("fr_ketone")),
    Property("aldehydes", "Aldehydes", "", 0, 1,
             "Aldehyde groups, as RDKit's fragment counts have it.", True, _fragment("fr_aldehyde")),
    Property("aliphatic_hydroxyls", "Aliphatic hydroxyls", "", 0, 3,
             "Hydroxyl groups on aliphatic carbon, as RDKit's fragment counts have it.", True, _fragment("fr_Al_OH")),
    Property("phenols", "Phenols", "", 0, 2,
             "Hydroxyl groups on benzene rings, as RDKit's fragment counts have it.", True, _fragment("fr_phenol")),
    Property("ethers", "Ethers", "", 0, 4,
             "Ether oxygens, as RDKit's fragment counts have it.", True, _fragment("fr_ether")),
    Property("primary_amines", "Primary amines", "", 0, 2,
             "NH₂ groups, as RDKit's fragment counts have it.", True, _fragment("fr_NH2")),
    Property("anilines", "Anilines", "", 0, 2,
             "Anilines, as RDKit's fragment counts have it.", True, _fragment("fr_aniline")),
    Property("nitriles", "Nitriles", "", 0, 1,
             "Nitrile groups, as RDKit's fragment counts have it.", True, _fragment("fr_nitrile")),
    Property("nitro_groups", "Nitro groups", "", 0, 1,
             "Nitro groups, as RDKit's fragment counts have it.", True, _fragment("fr_nitro")),
    Property("sulfonamides", "Sulfonamides", "", 0, 1,
             "Sulfonamide groups, as RDKit's fragment counts have it.", True, _fragment("fr_sulfonamd")),
    Property("ureas", "Ureas", "", 0, 1,
             "Urea groups, as RDKit's fragment counts have it.", True, _fragment("fr_urea")),
    Property("alkyl_halides", "Alkyl halides", "", 0, 1,
             "Alkyl halides, as RDKit's fragment counts have it.", True, _fragment("fr_alkyl_halide")),
    Property("benzene_rings", "Benzene rings", "", 0, 3,
             "Benzene rings, as RDKit's fragment counts have it.", True, _fragment("fr_benzene")),
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
