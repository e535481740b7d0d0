"""Cut molecules into fragments at sensible bonds, and join fragments back: two maps that undo each other.

**Why the maps are one to one.** A bond is cut when the *site types* of its two ends may meet. A site type is a
function of facts that neither cutting nor joining can change: element, ring membership, charge, multiple bonds,
number of heavy neighbours (an open site counts as one), the neighbours across bonds that are never cut, and the
*family* of partner (carbon, hetero atom, acyl) across bonds that can be. A type only meets partners of one family
wherever its own rules ask for the family. So the cuttable bonds of a joined molecule are exactly the joined ones,
and cutting it returns the fragments and links it was built from. Atoms with one heavy neighbour have no type, so
methyl groups, halogens, OH and NH2 stay with their parent.

Stereochemistry is dropped: fragments, and the molecules joined from them, are constitutions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rdkit import Chem
from rdkit.Chem import rdchem

from samplers.errors import StructureError

ACYL_HETERO, ACYL_CARBON, SULFONYL_HETERO, SULFONYL_CARBON = 1, 2, 3, 4
AMINE_ACYL, AMINE_CARBON, RING_N, AROMATIC_N = 5, 6, 7, 8
ETHER_ACYL, ETHER_CARBON, THIOETHER, ARYL = 9, 10, 11, 12
RING_CARBON, RING_HETERO, ALKYL_RING, ALKYL_HETERO = 13, 14, 15, 16

SITE_NAMES: Final = {
    ACYL_HETERO: "acyl carbon, towards N or O",
    ACYL_CARBON: "acyl carbon, towards a ring carbon",
    SULFONYL_HETERO: "sulfonyl sulfur, towards N",
    SULFONYL_CARBON: "sulfonyl sulfur, towards an aromatic carbon",
    AMINE_ACYL: "open-chain N, towards acyl or sulfonyl",
    AMINE_CARBON: "open-chain N, towards carbon",
    RING_N: "N of a saturated ring",
    AROMATIC_N: "N of an aromatic ring",
    ETHER_ACYL: "O, towards acyl",
    ETHER_CARBON: "O, towards carbon",
    THIOETHER: "S, towards carbon",
    ARYL: "aromatic carbon",
    RING_CARBON: "ring carbon, towards carbon",
    RING_HETERO: "ring carbon, towards N, O or S",
    ALKYL_RING: "open-chain carbon, towards a ring",
    ALKYL_HETERO: "open-chain carbon, towards N, O or S",
}
_MEETINGS: Final = {
    ACYL_HETERO: (AMINE_ACYL, RING_N, ETHER_ACYL),
    ACYL_CARBON: (ARYL, RING_CARBON),
    SULFONYL_HETERO: (AMINE_ACYL, RING_N),
    SULFONYL_CARBON: (ARYL,),
    AMINE_CARBON: (ARYL, RING_HETERO, ALKYL_HETERO),
    RING_N: (ARYL, RING_HETERO, ALKYL_HETERO),
    AROMATIC_N: (ARYL, RING_HETERO, ALKYL_HETERO),
    ETHER_CARBON: (ARYL, RING_HETERO, ALKYL_HETERO),
    THIOETHER: (ARYL, RING_HETERO, ALKYL_HETERO),
    ARYL: (ARYL, RING_CARBON, ALKYL_RING),
    RING_CARBON: (ALKYL_RING,),
}
N_SITE_TYPES: Final = 17  # type 0 is "no open site"
PARTNERS: Final = {
    kind: frozenset({other for other, them in _MEETINGS.items() if kind in them} | set(_MEETINGS.get(kind, ())))
    for kind in SITE_NAMES
}

# Kinds of atoms, decided before any cut: the first letter names the family a neighbour sees.
_ACYL, _SULFONYL, _AMINE, _RING_N, _AROMATIC_N, _ETHER, _THIOETHER, _ARYL, _RING_C, _ALKYL = (
    "acyl", "sulfonyl", "amine", "ring_n", "aromatic_n", "ether", "thioether", "aryl", "ring_c", "alkyl",
)  # fmt: skip
_FAMILY: Final = {
    _ACYL: "acyl", _SULFONYL: "acyl", _AMINE: "hetero", _RING_N: "hetero", _AROMATIC_N: "hetero",
    _ETHER: "hetero", _THIOETHER: "hetero", _ARYL: "carbon", _RING_C: "carbon", _ALKYL: "carbon",
}  # fmt: skip
_KIND_OF_TYPE: Final = {
    ACYL_HETERO: _ACYL, ACYL_CARBON: _ACYL, SULFONYL_HETERO: _SULFONYL, SULFONYL_CARBON: _SULFONYL,
    AMINE_ACYL: _AMINE, AMINE_CARBON: _AMINE, RING_N: _RING_N, AROMATIC_N: _AROMATIC_N, ETHER_ACYL: _ETHER,
    ETHER_CARBON: _ETHER, THIOETHER: _THIOETHER, ARYL: _ARYL, RING_CARBON: _RING_C, RING_HETERO: _RING_C,
    ALKYL_RING: _ALKYL, ALKYL_HETERO: _ALKYL,
}  # fmt: skip
_CUTTABLE: Final = frozenset((_KIND_OF_TYPE[a], _KIND_OF_TYPE[b]) for a, others in PARTNERS.items() for b in others)


@dataclass(frozen=True, slots=True)
class FragmentGraph:
    """A molecule as a tree of fragments.

    `fragments` are canonical SMILES in which an open site is a dummy atom whose isotope is its site type; the
    sites of a fragment are numbered in the order of the dummies in that SMILES. `links` are (node, site, node,
    site); there is one link fewer than nodes, and every site is in exactly one link.
    """

    fragments: tuple[str, ...]
    links: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A fragment ready to be joined: the molecule without its dummies, and per site its atom and type."""

    mol: Chem.Mol
    site_atoms: tuple[int, ...]
    site_types: tuple[int, ...]


def parse(smiles: str) -> Chem.Mol:
    """Read one structure and drop its stereochemistry.

    Raises StructureError when it cannot be read or has atoms of unknown kind, which would look like open sites.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise StructureError("unreadable", f"The structure {smiles[:80]!r} cannot be read.")
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise StructureError("unknown_atom", f"The structure {smiles[:80]!r} has an atom of unknown kind (*).")
    Chem.RemoveStereochemistry(mol)
    return mol


def _atom_kind(atom: rdchem.Atom) -> str | None:
    if atom.GetFormalCharge() or atom.GetNumRadicalElectrons() or atom.GetIsotope() or atom.GetDegree() < 2:
        return None
    number, degree, in_ring = atom.GetAtomicNum(), atom.GetDegree(), atom.IsInRing()
    if atom.GetIsAromatic():
        if degree != 3:
            return None
        return {6: _ARYL, 7: _AROMATIC_N}.get(number)
    multiple = [bond for bond in atom.GetBonds() if bond.GetBondType() != Chem.BondType.SINGLE]
    if not multiple:
        if in_ring:
            return _RING_C if number == 6 else _RING_N if number == 7 and degree == 3 else None
        return {6: _ALKYL, 7: _AMINE, 8: _ETHER, 16: _THIOETHER if degree == 2 else None}.get(number)
    oxo = [b for b in multiple if b.GetBondType() == Chem.BondType.DOUBLE and b.GetOtherAtom(atom).GetAtomicNum() == 8]
    if in_ring or len(oxo) != len(multiple):
        return None
    if number == 6 and len(oxo) == 1:
        return _ACYL
    return _SULFONYL if number == 16 and len(oxo) == 2 and degree == 4 else None


def _site_type(kind: str, partner: str, across: Sequence[str], fixed: Sequence[int]) -> int | None:
    """The type of one end of a cuttable bond.

    `partner` is the family at the other end, `across` the families over all cuttable bonds of the atom, `fixed` the
    elements of its neighbours over bonds that are never cut.
    """
    hetero_neighbour = any(number not in (1, 6) for number in fixed)
    n_hetero = sum(family == "hetero" for family in across)
    if kind == _ACYL:
        if partner == "carbon":
            return ACYL_CARBON
        # An acid or acid halide must not become a carbamic acid; a primary amide may become a urea. The oxo
        # oxygen is itself a fixed neighbour.
        acid = sum(number in (8, 9, 16, 17, 35, 53) for number in fixed) > 1
        return None if acid else ACYL_HETERO
    if kind == _SULFONYL:
        return SULFONYL_CARBON if partner == "carbon" else SULFONYL_HETERO
    if kind == _AMINE:
        return AMINE_ACYL if partner == "acyl" else AMINE_CARBON
    if kind == _ETHER:
        if hetero_neighbour:
            return None
        return ETHER_ACYL if partner == "acyl" else ETHER_CARBON
    if kind == _THIOETHER:
        return None if hetero_neighbour else THIOETHER
    if kind == _RING_C:
        if partner != "hetero":
            return RING_CARBON
        return RING_HETERO if n_hetero == 1 and not hetero_neighbour else None  # no aminals, no acetals
    if kind == _ALKYL:
        if partner == "hetero":
            return ALKYL_HETERO if n_hetero == 1 and not hetero_neighbour else None
        return ALKYL_RING if n_hetero == 0 and len(across) == 1 else None
    return {_RING_N: RING_N, _AROMATIC_N: AROMATIC_N, _ARYL: ARYL}[kind]


def cuttable_bonds(mol: Chem.Mol) -> list[tuple[int, int, int, int, int]]:
    """Every bond that is cut, as (bond index, atom, its site type, other atom, its site type)."""
    kinds = [_atom_kind(atom) for atom in mol.GetAtoms()]
    candidates = []
    across: dict[int, list[str]] = {}
    crossed: dict[int, set[int]] = {}
    for bond in mol.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if bond.GetBondType() != Chem.BondType.SINGLE or bond.IsInRing():
            continue
        left, right = kinds[a], kinds[b]
        if left is None or right is None or (left, right) not in _CUTTABLE:
            continue
        candidates.append((bond.GetIdx(), a, left, b, right))
        for one, other, family in ((a, b, _FAMILY[right]), (b, a, _FAMILY[left])):
            across.setdefault(one, []).append(family)
            crossed.setdefault(one, set()).add(other)
    fixed = {
        index: [n.GetAtomicNum() for n in mol.GetAtomWithIdx(index).GetNeighbors() if n.GetIdx() not in others]
        for index, others in crossed.items()
    }
    cuts = []
    for index, a, left, b, right in candidates:
        type_a = _site_type(left, _FAMILY[right], across[a], fixed[a])
        type_b = _site_type(right, _FAMILY[left], across[b], fixed[b])
        if type_a is not None and type_b is not None and type_b in PARTNERS[type_a]:
            cuts.append((index, a, type_a, b, type_b))
    return cuts


def cut(mol: Chem.Mol) -> FragmentGraph:
    """Cut a molecule (one component, no stereochemistry; see `parse`) at every cuttable bond.

    Raises StructureError for several components.
    """
    cuts = cuttable_bonds(mol)
    editable = Chem.RWMol(mol)
    n_atoms = mol.GetNumAtoms()
    for _, a, type_a, b, type_b in cuts:
        editable.RemoveBond(a, b)
        for atom, site_type in ((a, type_a), (b, type_b)):
            dummy = Chem.Atom(0)
            dummy.SetIsotope(site_type)
            editable.AddBond(atom, editable.AddAtom(dummy), Chem.BondType.SINGLE)
    members: list[tuple[int, ...]] = []
    pieces = Chem.GetMolFrags(editable, asMols=True, sanitizeFrags=False, fragsMolAtomMapping=members)
    if len(pieces) != len(cuts) + 1:
        raise StructureError("several_components", "The structure has more than one component.")
    places: dict[int, tuple[int, int]] = {}
    fragments = []
    for node, (piece, atoms) in enumerate(zip(pieces, members, strict=True)):
        piece.ClearComputedProps()
        fragments.append(Chem.MolToSmiles(piece))
        order = piece.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"]
        dummies = [atoms[i] for i in order if atoms[i] >= n_atoms]
        places.update({dummy: (node, site) for site, dummy in enumerate(dummies)})
    links = tuple((*places[n_atoms + 2 * i], *places[n_atoms + 2 * i + 1]) for i in range(len(cuts)))
    return FragmentGraph(tuple(fragments), links)


def template(smiles: str) -> Template:
    """Prepare one fragment for joining. Raises StructureError when the fragment cannot be read on its own."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise StructureError("unreadable", f"The fragment {smiles!r} cannot be read.")
    dummies = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0]
    places = [(atom.GetNeighbors()[0].GetIdx(), atom.GetIsotope()) for atom in dummies]
    editable = Chem.RWMol(mol)
    removed = sorted((atom.GetIdx() for atom in dummies), reverse=True)
    for index in removed:
        editable.RemoveAtom(index)
    shift = [atom - sum(index < atom for index in removed) for atom, _ in places]
    return Template(editable.GetMol(), tuple(shift), tuple(kind for _, kind in places))


def join(templates: Sequence[Template], links: Iterable[tuple[int, int, int, int]]) -> str:
    """Join templates by links (node, site, node, site) and return the canonical SMILES of the product.

    Raises StructureError when the product cannot be sanitised.
    """
    return Chem.MolToSmiles(joined(templates, links))


def joined(templates: Sequence[Template], links: Iterable[tuple[int, int, int, int]]) -> Chem.Mol:
    """As `join`, the molecule itself: its atoms are those of the templates, one template after the other."""
    editable = Chem.RWMol()
    offsets = []
    for piece in templates:
        offsets.append(editable.GetNumAtoms())
        editable.InsertMol(piece.mol)
    for a, site_a, b, site_b in links:
        left = offsets[a] + templates[a].site_atoms[site_a]
        right = offsets[b] + templates[b].site_atoms[site_b]
        editable.AddBond(left, right, Chem.BondType.SINGLE)
    try:
        Chem.SanitizeMol(editable)
    except (Chem.AtomValenceException, Chem.KekulizeException, ValueError) as error:
        raise StructureError("not_joinable", f"Joining gives no valid molecule: {error}") from error
    return editable
