"""Records for an SDF file: V2000 blocks with flat coordinates, and property fields that cannot break the file."""

from __future__ import annotations

from collections.abc import Mapping

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor

from samplers.chem.parse import molecule
from samplers.errors import StructureError

MAX_ATOMS = 999  # what a V2000 count line can hold


def molblock(structure: str | Chem.Mol, *, name: str = "") -> str:
    """A V2000 block with 2D coordinates, wedged bonds and `name` as its title line.

    Raises StructureError for text that is no molecule and for one too large for the format.
    """
    mol = molecule(structure) if isinstance(structure, str) else Chem.Mol(structure)
    if mol.GetNumAtoms() > MAX_ATOMS:
        raise StructureError(
            "too_large", f"{mol.GetNumAtoms():,} atoms do not fit into a V2000 record, which holds {MAX_ATOMS}."
        )
    with rdBase.BlockLogs():
        rdDepictor.Compute2DCoords(mol)
        mol.SetProp("_Name", one_line(name, 80))
        return Chem.MolToMolBlock(mol, kekulize=True, forceV3000=False)


def record(structure: str | Chem.Mol, *, name: str = "", fields: Mapping[str, object] | None = None) -> str:
    """One whole SDF record, closed by `$$$$`; empty fields are left out."""
    lines = [molblock(structure, name=name).rstrip("\n")]
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
