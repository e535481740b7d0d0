"""From an untrusted molblock (V2000 or V3000) to one molecule, checked before and after RDKit reads it.

RDKit trusts the counts line, takes query atoms for atoms, and wraps isotopes round; so counts and numbers are checked
in the text, queries and polymers in the result. Drawn stereo marks are taken as absolute whatever the chiral flag of
the counts line says, since most programs leave that flag at zero; enhanced stereo is settled by `samplers.chem.stereo`.
"""

from __future__ import annotations

import re

from rdkit import Chem, rdBase

from samplers.chem import stereo
from samplers.chem.parse import (
    ATOM_NUMBERS_REMOVED,
    MAX_ATOMS,
    MAX_CHARGE,
    MAX_ISOTOPE,
    Parsed,
    chemistry_problem,
    remove_atom_numbers,
)
from samplers.errors import StructureError

MAX_BLOCK_CHARACTERS = 400_000
_COUNTS = re.compile(r"([ \d]{3})([ \d]{3})")
_MASS = re.compile(r"MASS=(\d+)")
_V30_COUNTS = re.compile(r"^M  V30 COUNTS (\d+) (\d+)", re.MULTILINE)
_POLYMER = frozenset({"SRU", "MON", "MER", "COP", "CRO", "MOD", "GRA"})


def parse(block: str) -> Parsed:
    """The sanitised molecule that a molblock draws. Raises StructureError with a stable code and a sentence."""
    lines = block.replace("\r\n", "\n").split("\n")
    _check_text(block, lines)
    with rdBase.BlockLogs():
        mol = _read("\n".join(lines), sanitize=True)
        if mol is None:
            raise _diagnose("\n".join(lines))
    _check_molecule(mol)
    mol, steps = stereo.settle(mol)
    if remove_atom_numbers(mol):
        steps.append(ATOM_NUMBERS_REMOVED)
    with rdBase.BlockLogs():
        smiles = Chem.MolToSmiles(mol)
        mol = Chem.MolFromSmiles(smiles)  # a drawing counts as its SMILES reads, so that both imports agree
    if mol is None:
        raise StructureError("chemistry", "The drawing cannot be written as a SMILES that reads back.")
    return Parsed(mol, smiles, steps)


def _read(block: str, *, sanitize: bool) -> Chem.Mol | None:
    try:
        return Chem.MolFromMolBlock(block, sanitize=sanitize, removeHs=sanitize, strictParsing=True)
    except (ValueError, RuntimeError):  # RDKit raises for some damage and returns nothing for the rest
        return None


def _check_text(block: str, lines: list[str]) -> None:
    if not block.strip():
        raise StructureError("empty", "The record is empty.")
    if len(block) > MAX_BLOCK_CHARACTERS:
        limit = MAX_BLOCK_CHARACTERS
        raise StructureError("too_long", f"The drawing has {len(block):,} characters; the limit is {limit:,}.")
    if any(len(mass) > 4 or int(mass) > MAX_ISOTOPE for mass in _MASS.findall(block)):
        raise StructureError("out_of_range", f"An isotope number is above {MAX_ISOTOPE}.")
    if len(lines) < 4:
        raise StructureError("cut_short", "The record ends before its counts line.")
    end = next((i for i, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None:
        raise StructureError("cut_short", f"The drawing has no 'M  END' line{_missing(lines, len(lines))}.")
    if "V3000" in lines[3]:
        _check_v3000(block)
    elif missing := _missing(lines, end):
        raise StructureError("counts", f"The drawing is damaged{missing}.")


def _missing(lines: list[str], end: int) -> str:
    """What a V2000 counts line promises beyond the lines there are, as the end of a sentence."""
    found = _COUNTS.match(lines[3].ljust(6))
    if found is None or not found[1].strip():
        return ": its counts line cannot be read"
    n_atoms, n_bonds = (int(text.replace(" ", "") or 0) for text in found.groups())
    present = sum(1 for line in lines[4:end] if not line.startswith(("M  ", ">")))
    if n_atoms + n_bonds > present:
        return f": its counts line promises {n_atoms} atoms and {n_bonds} bonds, and {present} lines follow"
    return ""


def _check_v3000(block: str) -> None:
    counts = _V30_COUNTS.search(block)
    if counts is None:
        raise StructureError("counts", "The V3000 drawing has no counts line.")
    if len(counts[1]) > 4 or int(counts[1]) > 10 * MAX_ATOMS:
        raise StructureError("too_large", f"The drawing announces {counts[1][:9]} atoms; the limit is {MAX_ATOMS:,}.")


def _check_molecule(mol: Chem.Mol) -> None:
    if mol.GetNumAtoms() == 0:
        raise StructureError("empty", "The record draws a molecule without atoms.")
    if mol.GetNumHeavyAtoms() > MAX_ATOMS:
        n_atoms = mol.GetNumHeavyAtoms()
        raise StructureError("too_large", f"The structure has {n_atoms:,} heavy atoms; the limit is {MAX_ATOMS:,}.")
    for group in Chem.GetMolSubstanceGroups(mol):
        if group.HasProp("TYPE") and group.GetProp("TYPE") in _POLYMER:
            raise StructureError("polymer", "The record draws a repeating unit (polymer), not one molecule.")
    for atom in mol.GetAtoms():
        where = f"atom {atom.GetIdx() + 1}"
        if atom.HasQuery() and atom.GetAtomicNum():
            raise StructureError("query", f"{where.capitalize()} is a query, not an atom.")
        if atom.HasQuery() or atom.GetAtomicNum() == 0:
            raise StructureError("wildcard", f"{where.capitalize()} is a wildcard, R-group or query, not an atom.")
        if abs(atom.GetFormalCharge()) > MAX_CHARGE or atom.GetIsotope() > MAX_ISOTOPE:
            raise StructureError(
                "out_of_range", f"The charge or isotope of {where} is beyond ±{MAX_CHARGE} or above {MAX_ISOTOPE}."
            )
    if any(bond.HasQuery() for bond in mol.GetBonds()):
        raise StructureError("query", "The record draws a query bond; give the complete molecule.")


def _diagnose(block: str) -> StructureError:
    mol = _read(block, sanitize=False)
    problem = chemistry_problem(mol) if mol is not None else None
    return problem or StructureError("unreadable", "The drawing cannot be read: its atom or bond lines are damaged.")
