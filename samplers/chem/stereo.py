"""Enhanced stereo, settled: what a plain SMILES can say truthfully stays, what it cannot is named.

A group of stereo centres is absolute, racemic ("&": both mirror images) or unknown ("o": one of two, nobody knows
which). A SMILES knows absolute marks only. So:

- absolute groups are what SMILES means anyway and leave no trace;
- a racemic or unknown group of **one** centre loses its mark: no mark is how a SMILES writes both;
- a racemic or unknown group of **several** centres keeps its marks as drawn: taking them away would make one compound
  of diastereomers. The drawn mirror image stands for both, and the step says so;
- a twisted axis (atropisomer) has no place in SMILES; its loss is named.
"""

from __future__ import annotations

import re

from rdkit import Chem

CENTRE_UNMARKED = "racemic or unknown centre written without a mark"
RELATIVE_AS_DRAWN = "relative stereo kept as drawn, standing for both mirror images"
AXIS_LOST = "twisted axis (atropisomer) not written"

_GROUP = re.compile(r"(?:(?<=\|)|(?<=,))(?:a|[o&]\d{1,4}):\d{1,4}(?:,\d{1,4})*(?=[,|])")
_AXES = (Chem.BondStereo.STEREOATROPCW, Chem.BondStereo.STEREOATROPCCW)


def groups_of(extension: str) -> str:
    """The stereo groups of an extension block (`|...|`) as a block of their own; empty when it holds none."""
    found = _GROUP.findall(extension)
    return f"|{','.join(found)}|" if found else ""


def settle(mol: Chem.Mol) -> tuple[Chem.Mol, list[str]]:
    """The molecule with plain stereo marks alone, and the steps that led there."""
    groups = list(mol.GetStereoGroups())
    steps = [AXIS_LOST] if any(bond.GetStereo() in _AXES for bond in mol.GetBonds()) else []
    if not groups:
        return mol, steps
    plain = Chem.RWMol(mol)
    plain.SetStereoGroups([])
    for group in groups:
        atoms = [atom.GetIdx() for atom in group.GetAtoms()]
        if group.GetGroupType() == Chem.StereoGroupType.STEREO_ABSOLUTE or not atoms:
            continue
        if len(atoms) > 1:
            steps.append(RELATIVE_AS_DRAWN)
            continue
        steps.append(CENTRE_UNMARKED)
        plain.GetAtomWithIdx(atoms[0]).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    return plain.GetMol(), list(dict.fromkeys(steps))
