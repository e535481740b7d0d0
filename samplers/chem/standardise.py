"""One way to write each compound: parent, usual functional groups, neutral, canonical isomeric SMILES, InChIKey.

The order is fixed and each step is named when it changed something:

1. read (`samplers.chem.parse`, `samplers.chem.drawn`): one SMILES or drawing a row, atom numbers removed, enhanced
   stereo settled (`samplers.chem.stereo`);
2. several parts: known counter-ions and solvents leave, then the largest organic part stays. A row without an
   organic part (sodium chloride), and a complex of a transition metal, stay whole;
3. charge-separated groups in their usual writing (RDKit's Normalizer), then charges neutralised by moving protons
   only, so nitro groups, quaternary nitrogen and metal ions keep theirs;
4. canonical isomeric SMILES and standard InChIKey.

Isotopes and stereo marks are kept: a deuterated drug and each enantiomer are compounds of their own. Tautomers stay
as drawn: canonical tautomers move hydrogens onto forms chemists do not draw and cost a hundred times the rest; two
tautomers of one compound share an InChIKey, by which a data set can say that they are there.

The result is a fixed point: a standardised SMILES standardises to itself, with no step named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from samplers.chem import drawn
from samplers.chem.parse import MAX_CHARACTERS, Parsed, diagnose, parse, parse_quietly
from samplers.errors import StructureError

VERSION = "2"  # 2: enhanced stereo settled, drawings read

SALT_REMOVED = "salt or solvent removed, parent kept"
MIXTURE_REDUCED = "mixture: largest organic part kept"
REPEATS_MERGED = "repeated component kept once"
GROUPS_NORMALISED = "functional groups written the usual way"
NEUTRALISED = "charges neutralised"

FLAG_MIXTURE = "several components, kept whole"
FLAG_METAL = "metal"
FLAG_RADICAL = "radical"
FLAG_ISOTOPE = "isotope"
FLAG_CHARGED = "charged"
FLAG_INORGANIC = "no carbon"

# Brackets that hold neither metal, isotope nor radical: stereo centres, which have all their neighbours, and the
# nitrogen of pyrroles.
_PLAIN_BRACKETS = re.compile(r"\[(?:C@@?H?|nH)\]")
_CARBON = re.compile(r"c|C(?![lroudsemnafk])")
_ISOTOPE = re.compile(r"\[\d")

# Counter-ions and solvents that are organic themselves; without the list, the acid of a small amine's salt would
# win by size. Written neutral; compared after neutralising.
_SALTS = (
    "OC(=O)C(F)(F)F CC(=O)O O=CO OC(=O)C(=O)O CS(=O)(=O)O Cc1ccc(S(=O)(=O)O)cc1 O=S(=O)(O)c1ccccc1 CCO CO CC(C)O CC#N "
    "CS(C)=O CN(C)C=O ClCCl ClC(Cl)Cl C1CCOC1 CCOC(C)=O CC(C)=O OC(=O)CC(O)(CC(=O)O)C(=O)O OC(=O)C(O)C(O)C(=O)O "
    "OC(=O)C=CC(=O)O OC(=O)CCC(=O)O OC(=O)C(O)CC(=O)O OC(=O)CC(=O)O CC(O)C(=O)O OCC(O)C(O)C(O)C(O)C(=O)O "
    "O=S(=O)(O)c1cccc2c(S(=O)(=O)O)cccc12 O=S(=O)(O)c1ccc2ccccc2c1 O=S(=O)(O)C(F)(F)F CCS(=O)(=O)O "
    "O=S(=O)(O)CCS(=O)(=O)O "
    "OC(=O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2 NC(CO)(CO)CO "
    "CCNCC CCN(CC)CC CNCC(O)C(O)C(O)C(O)CO C1CCC(NC2CCCCC2)CC1 NCCO OCCNCCO OCCN(CCO)CCO C[N+](C)(C)CCO "
    "C1COCCN1 C1CNCCN1"
)  # fmt: skip
_INORGANIC_CARBON = "O=C(O)O O=C=O [C-]#[O+] C#N N=C=S N#CS N=C=O N#CO S=C=S"
_SALT_METALS = frozenset({3, 4, 11, 12, 13, 19, 20, 30, 37, 38, 55, 56})  # alkali, alkaline earth, Al and Zn ions
_NON_METALS = frozenset({1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 33, 34, 35, 36, 51, 52, 53, 54, 85, 86})


@dataclass(frozen=True, slots=True)
class Standardised:
    """One compound in its standard writing. `steps` changed it; `flags` say what kind of compound it is."""

    smiles: str
    inchikey: str
    steps: list[str]
    flags: list[str]


def standardise(text: str) -> Standardised:
    """Standardise one structure given as text. Raises StructureError with a stable code and a sentence."""
    parsed = parse(text)
    with rdBase.BlockLogs():
        return standardise_parsed(parsed)


def standardise_batch(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Standardise many; one plain dict a text, in order.

    Keys: `ok`; `smiles`, `inchikey`, `steps`, `flags`, all empty when refused; `code`, `message`, empty when fine.
    """
    with rdBase.BlockLogs():
        return [_told(text, parse_quietly) for text in texts]


def standardise_molblocks(blocks: Iterable[str]) -> list[dict[str, Any]]:
    """Standardise drawings (V2000 or V3000 molblocks); the same dictionaries as `standardise_batch`."""
    with rdBase.BlockLogs():
        return [_told(block, drawn.parse) for block in blocks]


def _told(text: str, reader: Callable[[str], Parsed]) -> dict[str, Any]:
    try:
        found = standardise_parsed(reader(text))
    except StructureError as refusal:
        empty: dict[str, Any] = {"smiles": "", "inchikey": "", "steps": [], "flags": []}
        return {"ok": False, **empty, "code": refusal.code, "message": str(refusal)}
    return {
        "ok": True,
        "smiles": found.smiles,
        "inchikey": found.inchikey,
        "steps": found.steps,
        "flags": found.flags,
        "code": "",
        "message": "",
    }


def standardise_parsed(parsed: Parsed) -> Standardised:
    """The standard writing of a molecule read by `parse`; see the module for the steps and their order."""
    mol, steps, written, changed = parsed.mol, list(parsed.steps), "", False
    if "." in parsed.smiles:
        mol = _parent(mol, steps)
    if "+" in parsed.smiles or "-" in parsed.smiles:
        mol, written, changed = _neutral(mol, steps)
    smiles = written if written and not changed else Chem.MolToSmiles(mol)
    if steps and not (
        changed and smiles == written
    ):  # a molecule cut out or changed in memory counts only as it reads back
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise diagnose(smiles)
        smiles = Chem.MolToSmiles(mol)
    if len(smiles) > MAX_CHARACTERS:  # it could not be read again
        raise StructureError(
            "too_long", f"The standard writing has {len(smiles):,} characters; the limit is {MAX_CHARACTERS:,}."
        )
    return Standardised(smiles, Chem.MolToInchiKey(mol), steps, _flags(mol, smiles))


def _flags(mol: Chem.Mol, smiles: str) -> list[str]:
    """What kind of compound this is, by its text first: looking at every atom costs more than canonicalising."""
    flags = [FLAG_MIXTURE] if "." in smiles else []
    unusual = "[" in smiles and _PLAIN_BRACKETS.sub("", smiles).count("[") > 0
    numbers = {atom.GetAtomicNum() for atom in mol.GetAtoms()} if unusual else frozenset()
    if numbers - _NON_METALS:
        flags.append(FLAG_METAL)
    if 6 not in numbers and (unusual or not _CARBON.search(smiles)):
        flags.append(FLAG_INORGANIC)
    if unusual:
        if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
            flags.append(FLAG_RADICAL)
        if _ISOTOPE.search(smiles):
            flags.append(FLAG_ISOTOPE)
    if ("+" in smiles or "-" in smiles) and Chem.GetFormalCharge(mol):
        flags.append(FLAG_CHARGED)
    return flags


@cache
def _known(smiles: str) -> frozenset[str]:
    return frozenset(Chem.CanonSmiles(word, useChiral=0) for word in smiles.split())


@cache
def _uncharger() -> rdMolStandardize.Uncharger:
    return rdMolStandardize.Uncharger(True, False, True)  # canonical order, no force, protons only


@cache
def _normalizer() -> rdMolStandardize.Normalizer:
    return rdMolStandardize.Normalizer()


def _neutral(mol: Chem.Mol, steps: list[str]) -> tuple[Chem.Mol, str, bool]:
    """The neutral molecule, its SMILES, and whether it was changed, and so has been read from that SMILES."""
    before, n_steps = Chem.MolToSmiles(mol), len(steps)
    if "+" in before and "-" in before:
        mol, before = _changed(mol, before, _normalizer().normalize, GROUPS_NORMALISED, steps)
    if "+" in before or "-" in before:
        mol, before = _changed(mol, before, _uncharger().uncharge, NEUTRALISED, steps)
    return mol, before, len(steps) > n_steps


def _changed(mol: Chem.Mol, before: str, change: Any, step: str, steps: list[str]) -> tuple[Chem.Mol, str]:
    """Apply one RDKit change, and keep it only if the result reads back: an aromatic anion may lose its hydrogen."""
    after = Chem.MolToSmiles(change(Chem.Mol(mol)))
    if after == before or (read := Chem.MolFromSmiles(after)) is None:
        return mol, before
    steps.append(step)
    return read, after


@dataclass(frozen=True, slots=True)
class _Part:
    mol: Chem.Mol
    smiles: str  # as drawn
    flat: str  # neutral, without stereo, for comparing with the list
    organic: bool

    @property
    def size(self) -> tuple[int, float, str]:
        return self.mol.GetNumHeavyAtoms(), sum(atom.GetMass() for atom in self.mol.GetAtoms()), self.smiles


def _part(mol: Chem.Mol) -> _Part:
    flat = Chem.MolToSmiles(_uncharger().uncharge(Chem.Mol(mol)), isomericSmiles=False)
    carbon = any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())
    return _Part(mol, Chem.MolToSmiles(mol), flat, carbon and flat not in _known(_INORGANIC_CARBON))


def _parent(mol: Chem.Mol, steps: list[str]) -> Chem.Mol:
    fragments = Chem.GetMolFrags(mol, asMols=True)
    if len(fragments) < 2:
        return mol
    parts = [_part(fragment) for fragment in fragments]
    if any(_is_complexing_metal(part.mol) for part in parts):
        return mol
    organic = [part for part in parts if part.organic]
    if not organic:
        return mol
    wanted = [part for part in organic if part.flat not in _known(_SALTS)] or organic
    kept = max(wanted, key=lambda part: part.size)
    others = [part for part in parts if part is not kept]
    if any(part.smiles == kept.smiles for part in others):
        steps.append(REPEATS_MERGED)
    if any(part in wanted and part.smiles != kept.smiles for part in others):
        steps.append(MIXTURE_REDUCED)
    if any(part not in wanted for part in others):
        steps.append(SALT_REMOVED)
    return kept.mol


def _is_complexing_metal(part: Chem.Mol) -> bool:
    metals = {atom.GetAtomicNum() for atom in part.GetAtoms()} - _NON_METALS - _SALT_METALS
    return bool(metals) and part.GetNumHeavyAtoms() == 1
