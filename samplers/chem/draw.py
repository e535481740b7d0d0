"""Structures as SVG: one bond length everywhere, transparent ground, no header, nothing that could clash on a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor, rdMolDescriptors
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.Geometry import Point2D

from samplers.chem.parse import MAX_CHARACTERS, molecule
from samplers.errors import StructureError

MAX_ATOMS_DRAWN = 250
BOND_LENGTH = 25.0  # px at the nominal size
MAX_SMARTS_CHARACTERS = 300
MAX_SMARTS_BRACKETS = 8

# Element colours dark enough on white and clear enough when a page inverts lightness in dark mode.
_INK = (0.0, 0.0, 0.0)
_PALETTE = {
    -1: _INK, 0: (0.4, 0.4, 0.4), 1: (0.33, 0.33, 0.33), 6: _INK, 7: (0.13, 0.27, 0.75), 8: (0.76, 0.12, 0.12),
    9: (0.1, 0.47, 0.27), 15: (0.72, 0.38, 0.0), 16: (0.58, 0.44, 0.0), 17: (0.1, 0.47, 0.27), 35: (0.5, 0.2, 0.1),
    53: (0.42, 0.13, 0.55),
}  # fmt: skip
_HIGHLIGHT = (0.35, 0.75, 0.7, 0.55)


def svg(
    structure: str | Chem.Mol,
    *,
    width: int = 240,
    height: int = 180,
    highlight: str = "",
    align_to: str = "",
    title: str = "",
    marked: Sequence[int] = (),
) -> str:
    """An SVG element that scales with its box (a viewBox of width x height px, no fixed size).

    `highlight` is a SMARTS whose first match is tinted; `align_to` a SMILES core the drawing is laid over; `title`
    becomes the accessible name; `marked` atoms are tinted, by their indices in the structure as it is written. Above
    250 atoms the formula stands in for the drawing. Raises StructureError for text that is no molecule or no pattern.
    """
    mol = molecule(structure) if isinstance(structure, str) else structure
    with rdBase.BlockLogs():
        name = title or rdMolDescriptors.CalcMolFormula(mol)
        if mol.GetNumAtoms() > MAX_ATOMS_DRAWN:
            return placeholder(rdMolDescriptors.CalcMolFormula(mol), width=width, height=height, title=title)
        matched = _matched(mol, highlight)  # before drawing, which turns aromatic bonds into single and double ones
        atoms = sorted({*matched[0], *(atom for atom in marked if 0 <= atom < mol.GetNumAtoms())})
        return _element(_ink(_laid_out(mol, align_to), width, height, (atoms, matched[1])), width, height, name)


def places(structure: str, *, width: int = 240, height: int = 180) -> list[tuple[float, float, str]]:
    """Where each atom lies in the drawing that `svg` makes, (x, y) in its viewBox, and its element.

    In the order of the atoms in `structure`; empty where the formula stands in for the drawing.
    """
    mol = molecule(structure)
    if mol.GetNumAtoms() > MAX_ATOMS_DRAWN:
        return []
    with rdBase.BlockLogs():
        ink = _inked(_laid_out(mol, ""), width, height, ([], []))
        points = [ink.GetDrawCoords(atom.GetIdx()) for atom in mol.GetAtoms()]
    return [(point.x, point.y, atom.GetSymbol()) for point, atom in zip(points, mol.GetAtoms(), strict=True)]


def png(structure: str | Chem.Mol, *, width: int = 240, height: int = 160) -> bytes:
    """The drawing as a PNG picture on white, for a spreadsheet. Raises StructureError for text that is no molecule."""
    mol = molecule(structure) if isinstance(structure, str) else structure
    drawer = rdMolDraw2D.MolDraw2DCairo(width, height)
    options: Any = drawer.drawOptions()
    options.fixedBondLength = BOND_LENGTH
    with rdBase.BlockLogs():
        if mol.GetNumAtoms() > MAX_ATOMS_DRAWN:
            drawer.DrawString(rdMolDescriptors.CalcMolFormula(mol), Point2D(width / 2, height / 2), rawCoords=True)
        else:
            rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
        drawer.FinishDrawing()
        return bytes(drawer.GetDrawingText())


def pattern_svg(smarts: str, *, width: int = 160, height: int = 120) -> str:
    """A drawing of a substructure pattern; what an atom or a bond leaves open is written on it.

    Raises StructureError for text that is no pattern.
    """
    pattern = pattern_of(smarts)
    with rdBase.BlockLogs():
        pattern.UpdatePropertyCache(strict=False)
        rdDepictor.Compute2DCoords(pattern)
        return _element(_ink(pattern, width, height, ([], [])), width, height, f"Pattern {smarts}")


def placeholder(words: str, *, width: int = 240, height: int = 180, title: str = "") -> str:
    """An SVG of the same shape that shows words in place of a drawing."""
    size = max(9, min(16, int(1.6 * width / max(len(words), 1))))
    text = (
        f'<text x="{width / 2:g}" y="{height / 2:g}" text-anchor="middle" dominant-baseline="middle" '
        f'font-family="sans-serif" font-size="{size}" fill="#000">{escape(words)}</text>'
    )
    return _element(text, width, height, title or words)


def _element(inside: str, width: int, height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" class="structure">'
        f"<title>{escape(title)}</title>{inside}</svg>"
    )


def _laid_out(mol: Chem.Mol, align_to: str) -> Chem.Mol:
    copy = Chem.Mol(mol)
    core = molecule(align_to) if align_to else None
    if core is not None and copy.HasSubstructMatch(core):
        rdDepictor.Compute2DCoords(core)
        rdDepictor.GenerateDepictionMatching2DStructure(copy, core)
    return rdMolDraw2D.PrepareMolForDrawing(copy, kekulize=True, addChiralHs=False, forceCoords=False)


def _matched(mol: Chem.Mol, smarts: str) -> tuple[list[int], list[int]]:
    if not smarts:
        return [], []
    pattern = pattern_of(smarts)
    atoms = list(mol.GetSubstructMatch(pattern))
    if not atoms:
        return [], []
    bonds = []
    for bond in pattern.GetBonds():
        found = mol.GetBondBetweenAtoms(atoms[bond.GetBeginAtomIdx()], atoms[bond.GetEndAtomIdx()])
        if found is not None:
            bonds.append(found.GetIdx())
    return atoms, bonds


def pattern_of(smarts: str) -> Chem.Mol:
    """A substructure pattern from untrusted SMARTS, capped in length and nesting before RDKit reads it."""
    if len(smarts) > min(MAX_SMARTS_CHARACTERS, MAX_CHARACTERS) or smarts.count("$") > MAX_SMARTS_BRACKETS:
        raise StructureError(
            "pattern_too_large",
            f"The pattern is too large: at most {MAX_SMARTS_CHARACTERS} characters, {MAX_SMARTS_BRACKETS} '$' parts.",
        )
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or not pattern.GetNumAtoms():
        raise StructureError("pattern", "The pattern is not a SMARTS.")
    return pattern


def _ink(mol: Chem.Mol, width: int, height: int, matched: tuple[list[int], list[int]]) -> str:
    return _stripped(_inked(mol, width, height, matched).GetDrawingText())


def _inked(mol: Chem.Mol, width: int, height: int, matched: tuple[list[int], list[int]]) -> Any:
    drawer: Any = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.fixedBondLength = BOND_LENGTH
    options.bondLineWidth = 1.4
    options.scaleBondWidth = False
    options.padding = 0.04
    options.fixedFontSize = 12
    options.setAtomPalette(_PALETTE)
    options.setHighlightColour(_HIGHLIGHT)
    atoms, bonds = matched
    drawer.DrawMolecule(mol, highlightAtoms=atoms, highlightBonds=bonds)
    drawer.FinishDrawing()
    return drawer


def _stripped(text: str) -> str:
    inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    inside = re.sub(r"<!--.*?-->", "", inside, flags=re.DOTALL)
    inside = re.sub(r"\sclass='[^']*'", "", inside)  # RDKit's atom-0 and bond-0 names repeat on every drawing
    return re.sub(r"\n+", "\n", inside).strip()
