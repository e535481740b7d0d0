"""Substructure search over many molecules: bits that every match must have first, then atom by atom.

Stereo marks of a pattern are not looked at. Fingerprints are packed as in `samplers.chem.fingerprints`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs, rdBase

from samplers.chem.parse import molecule
from samplers.chem.smarts import compiled
from samplers.errors import RewardError

Packed = NDArray[np.uint8]
N_BITS = 2048
MAX_CHARACTERS = 500
ONLY_SMARTS = ("~", "*", "!", "&", ",", ";", "$", "[#", "a", "c", "n", "o", "s", "p")  # or aromatic already


@dataclass(frozen=True, slots=True)
class Pattern:
    """A substructure that was found harmless: as SMARTS, as a query, and the bits (1, bytes) a match must have."""

    smarts: str
    query: Any
    bits: Packed


def pattern(text: str) -> Pattern:
    """What a person means by SMARTS, or by SMILES with single and double bonds drawn in an aromatic ring.

    Raises RewardError for what cannot be read or would take too long to look for.
    """
    if len(text) > MAX_CHARACTERS:
        raise RewardError(f"A substructure may have {MAX_CHARACTERS} characters at most; this one has {len(text):,}.")
    smarts = _meant(text.strip())
    (query,) = compiled((smarts,))
    return Pattern(smarts, query, _packed([query]))


def _meant(text: str) -> str:
    """SMARTS takes C1=CC=CC=C1 for a ring that is not aromatic, which no molecule holds; a chemist means benzene."""
    if any(sign in text for sign in ONLY_SMARTS):
        return text
    with rdBase.BlockLogs():
        drawn = Chem.MolFromSmiles(text)
    if drawn is None or not any(atom.GetIsAromatic() for atom in drawn.GetAtoms()):
        return text
    return Chem.MolToSmarts(drawn, isomericSmiles=False)


def prepared(smiles: Sequence[str]) -> tuple[Packed, list[bytes]]:
    """For valid structures: the bits (n, bytes) that a search screens by, and molecules ready to be matched."""
    mols = [molecule(text) for text in smiles]
    return _packed(mols), [mol.ToBinary() for mol in mols]


def may_hold(wanted: Pattern, bits: Packed) -> NDArray[np.bool_]:
    """Which of the molecules, by their bits (n, bytes), could hold the pattern; none that does is left out."""
    at = np.flatnonzero(wanted.bits[0])  # few bytes of a pattern have a bit, so few columns are looked at
    asked = wanted.bits[0, at]
    return ((bits[:, at] & asked) == asked).all(axis=1)


def held(wanted: Pattern, molecules: Iterable[bytes]) -> Iterator[bool]:
    """Whether each molecule, as `prepared` gives it, holds the pattern."""
    for binary in molecules:
        yield opened(binary).HasSubstructMatch(wanted.query)


def opened(binary: bytes) -> Any:
    """The molecule that `prepared` made ready."""
    return Chem.Mol(binary)  # type: ignore[call-overload]


def _packed(mols: Sequence[Any]) -> Packed:
    if not mols:
        return np.zeros((0, N_BITS // 8), dtype=np.uint8)
    texts = [DataStructs.BitVectToBinaryText(Chem.PatternFingerprint(mol, fpSize=N_BITS)) for mol in mols]
    return np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(len(texts), -1)
