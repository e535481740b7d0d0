"""Murcko scaffolds: the ring systems of a molecule and the chains that link them."""

from __future__ import annotations

import contextlib

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from samplers.chem.parse import molecule

ACYCLIC = ""


def scaffold(structure: str | Chem.Mol, *, generic: bool = False) -> str:
    """Canonical SMILES of the Murcko scaffold, without stereo; an empty string for a molecule without rings.

    `generic` turns every atom to carbon and every bond to single, which gives the ring framework; a complex whose metal
    has more than four neighbours keeps its atoms. Raises StructureError for text that is no molecule. Source: Bemis and
    Murcko 1996.
    """
    mol = molecule(structure) if isinstance(structure, str) else structure
    core = MurckoScaffold.GetScaffoldForMol(mol)
    if not core.GetNumAtoms():
        return ACYCLIC
    if generic:
        # Making it generic leaves carbonyl stumps as side chains; a second pass removes them. A metal with more than
        # four neighbours cannot turn into carbon: its scaffold stays as it is.
        with contextlib.suppress(Chem.MolSanitizeException):
            core = MurckoScaffold.GetScaffoldForMol(MurckoScaffold.MakeScaffoldGeneric(core))
    return Chem.MolToSmiles(core, isomericSmiles=False)
