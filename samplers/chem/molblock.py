"""Records for an SDF file, each read back before it is given away, with property fields that cannot break the file.

A flat drawing can lose stereo: of 3,000 molecules of ChEMBL five bridged ones, artemisinins among them, come back from
RDKit's own layout with a centre less, and of 19,983 one macrocycle of open double bonds comes back with closed ones. So
a block is read again, and where it says something else another layout is tried, at last coordinates in space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdCoordGen, rdDepictor, rdDistGeom

from samplers.chem.parse import molecule
from samplers.errors import StructureError

MAX_ATOMS = 999  # what a V2000 count line can hold
LARGE_RING = 8  # atoms from which on RDKit tells the two ways of a double bond in a ring apart


def molblock(structure: str | Chem.Mol, *, name: str = "", v3000: bool = False) -> str:
    """A V2000 or V3000 block with 2D coordinates, wedged bonds and `name` as its title line.

    The block reads back as the same molecule. Where no drawing does, the coordinates are in space. Raises
    StructureError for text that is no molecule, one too large for the format, and one that no block holds.
    """
    mol = molecule(structure) if isinstance(structure, str) else Chem.Mol(structure)
    if mol.GetNumAtoms() > MAX_ATOMS and not v3000:
        raise StructureError(
            "too_large", f"{mol.GetNumAtoms():,} atoms do not fit into a V2000 record, which holds {MAX_ATOMS}."
        )
    wanted = Chem.MolToSmiles(mol)
    for lay_out in LAYOUTS:
        drawn: Any = Chem.Mol(mol)
        with rdBase.BlockLogs():
            if not lay_out(drawn):
                continue
            drawn.SetProp("_Name", one_line(name, 80))
            block = str(Chem.MolToMolBlock(drawn, kekulize=True, forceV3000=v3000))
            back = Chem.MolFromMolBlock(block)
        if back is not None and Chem.MolToSmiles(back) == wanted:
            return block
    raise StructureError("not_kept", "No record of this format says the same molecule when it is read again.")


def _flat(mol: Chem.Mol) -> bool:
    rdDepictor.Compute2DCoords(mol)
    return True


def _other_flat(mol: Chem.Mol) -> bool:
    rdCoordGen.AddCoords(mol)
    return True


def _crossed(mol: Chem.Mol) -> bool:
    """Draws double bonds of open geometry crossed: a drawing in which they lie one way says that they are that way."""
    rings = mol.GetRingInfo()
    for bond in mol.GetBonds():
        is_open = bond.GetBondType() == Chem.BondType.DOUBLE and bond.GetStereo() == Chem.BondStereo.STEREONONE
        in_small_ring = (
            0 < min((len(ring) for ring in rings.BondRings() if bond.GetIdx() in ring), default=0) < LARGE_RING
        )
        if is_open and not in_small_ring and min(bond.GetBeginAtom().GetDegree(), bond.GetEndAtom().GetDegree()) > 1:
            bond.SetStereo(Chem.BondStereo.STEREOANY)
    return _flat(mol)


def _in_space(mol: Chem.Mol) -> bool:
    # Hydrogens are left out of the record, so they are left out here; stereo is in the positions of the heavy atoms.
    return rdDistGeom.EmbedMolecule(mol, randomSeed=1) == 0


LAYOUTS: tuple[Callable[[Chem.Mol], bool], ...] = (_flat, _other_flat, _crossed, _in_space)


def record(
    structure: str | Chem.Mol, *, name: str = "", fields: Mapping[str, object] | None = None, v3000: bool = False
) -> str:
    """One whole SDF record, closed by `$$$$`; empty fields are left out. Raises StructureError as `molblock` does."""
    lines = [molblock(structure, name=name, v3000=v3000).rstrip("\n")]
    for key, value in (fields or {}).items():
        text = "" if value is None else one_line(str(value), 1_000)
        if text:
            lines.append(f">  <{field_name(key)}>\n{text}\n")
    return "\n".join(lines) + "\n$$$$\n"


def field_name(text: str) -> str:
    """A field name without the signs that end it."""
    return one_line(text, 120).replace("<", "(").replace(">", ")") or "field"


def one_line(text: str, longest: int) -> str:
    """Text on one printable line that neither ends a record nor opens a field."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:longest]
    return line.replace("$$$$", "$ $ $ $") if not line.startswith(">") else "›" + line[1:]
