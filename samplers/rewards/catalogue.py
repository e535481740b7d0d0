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
    "exact_mass": Property("Exact mass", "Da"),
    "heavy_atom_weight": Property("Weight of the heavy atoms", "Da"),
    "valence_electrons": Property("Valence electrons", ""),
    "labute_asa": Property("Labute surface", "Å²"),
    "max_partial_charge": Property("Highest partial charge", "e"),
    "min_partial_charge": Property("Lowest partial charge", "e"),
    "max_estate": Property("Highest E-state", ""),
    "min_estate": Property("Lowest E-state", ""),
    "balaban_j": Property("Balaban J", ""),
    "chi0v": Property("Chi 0, valence", ""),
    "chi1v": Property("Chi 1, valence", ""),
    "chi2v": Property("Chi 2, valence", ""),
    "kappa1": Property("Kappa 1", ""),
    "kappa2": Property("Kappa 2", ""),
    "kappa3": Property("Kappa 3", ""),
    "flexibility": Property("Flexibility Phi", ""),
    "hall_kier_alpha": Property("Hall–Kier alpha", ""),
    "fingerprint_density": Property("Fingerprint density", ""),
    "spacial_score": Property("Spacial score", ""),
    "aliphatic_rings": Property("Aliphatic rings", ""),
    "saturated_rings": Property("Saturated rings", ""),
    "heterocycles": Property("Heterocycles", ""),
    "aromatic_heterocycles": Property("Aromatic heterocycles", ""),
    "aromatic_carbocycles": Property("Aromatic carbocycles", ""),
    "aliphatic_heterocycles": Property("Aliphatic heterocycles", ""),
    "aliphatic_carbocycles": Property("Aliphatic carbocycles", ""),
    "saturated_heterocycles": Property("Saturated heterocycles", ""),
    "saturated_carbocycles": Property("Saturated carbocycles", ""),
    "largest_ring": Property("Largest ring", ""),
    "spiro_atoms": Property("Spiro atoms", ""),
    "bridgeheads": Property("Bridgehead atoms", ""),
    "unassigned_stereocentres": Property("Unassigned stereocentres", ""),
    "amide_bonds": Property("Amide bonds", ""),
    "nh_and_oh": Property("NH and OH", ""),
    "n_and_o": Property("N and O", ""),
    "carbons": Property("Carbon atoms", ""),
    "nitrogens": Property("Nitrogen atoms", ""),
    "oxygens": Property("Oxygen atoms", ""),
    "sulfurs": Property("Sulfur atoms", ""),
    "phosphoruses": Property("Phosphorus atoms", ""),
    "fluorines": Property("Fluorine atoms", ""),
    "chlorines": Property("Chlorine atoms", ""),
    "bromines": Property("Bromine atoms", ""),
    "iodines": Property("Iodine atoms", ""),
    "carboxylic_acids": Property("Carboxylic acids", ""),
    "esters": Property("Esters", ""),
    "ketones": Property("Ketones", ""),
    "aldehydes": Property("Aldehydes", ""),
    "aliphatic_hydroxyls": Property("Aliphatic hydroxyls", ""),
    "phenols": Property("Phenols", ""),
    "ethers": Property("Ethers", ""),
    "primary_amines": Property("Primary amines", ""),
    "anilines": Property("Anilines", ""),
    "nitriles": Property("Nitriles", ""),
    "nitro_groups": Property("Nitro groups", ""),
    "sulfonamides": Property("Sulfonamides", ""),
    "ureas": Property("Ureas", ""),
    "alkyl_halides": Property("Alkyl halides", ""),
    "benzene_rings": Property("Benzene rings", ""),
}

# Alert sets on offer; `samplers.chem.alerts` knows their patterns.
ALERT_SETS: Final[dict[str, str]] = {
    "brenk": "Brenk: unwanted groups for lead-like screening",
    "pains": "PAINS: frequent hitters in assays",
    "pains_a": "PAINS, part A: the commonest hitters",
    "pains_b": "PAINS, part B",
    "pains_c": "PAINS, part C: the rarest hitters",
    "nih": "NIH: reactive and interfering groups",
    "zinc": "ZINC: groups that the collection leaves out",
    "bms": "Bristol-Myers Squibb's high-throughput screening deck",
    "dundee": "Dundee: unwanted groups of the neglected-disease library",
    "glaxo": "Glaxo Wellcome's hard filters",
    "inpharmatica": "Inpharmatica: unwanted fragments",
    "lint": "Lint: Pfizer's lead identification filters",
    "mlsmr": "MLSMR: the NIH small-molecule repository's exclusions",
    "surechembl": "SureChEMBL: groups that alert chemists",
}

# Ways to compare a molecule with a reference; `samplers.chem.similarity` computes them.
SIMILARITIES: Final[dict[str, str]] = {
    "morgan2": "Morgan, radius 2, 2,048 bits",
    "morgan3": "Morgan, radius 3, 2,048 bits",
    "maccs": "MACCS keys",
    "rdkit": "RDKit paths, 2,048 bits",
    "atom_pairs": "Atom pairs, 2,048 bits",
    "morgan2_counts": "Morgan counts, radius 2, not folded",
    "morgan3_counts": "Morgan counts, radius 3, not folded",
    "features2_counts": "Feature Morgan counts, radius 2, not folded",
    "features3_counts": "Feature Morgan counts, radius 3, not folded",
    "atom_pairs_counts": "Atom-pair counts up to 10 bonds, not folded",
    "pharmacophores": "Gobbi's two-dimensional pharmacophores",
    "smiles": "Letters of the canonical SMILES (edit distance)",
}

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi"
)
ELEMENTS: Final = frozenset(_SYMBOLS.split())
