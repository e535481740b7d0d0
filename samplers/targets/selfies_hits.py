"""Drug-like molecules as SELFIES, and a success set so rare that a plate of draws holds none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

# Fixed from how often ZINC's molecules satisfy it (about 1 in 10,000), before any method was run.
PATTERNS = ("[NX3]S(=O)(=O)[#6]", "[$(c1nnco1),$(c1ncno1),$(c1nocn1)]")  # a sulfonamide, and an oxadiazole
WEIGHT, LOG_P, AREA = (300.0, 400.0), (0.0, 2.5), (70.0, 120.0)


def symbols(path: Path, n: int) -> list[tuple[str, ...]]:
    """The SELFIES symbols of the first n molecules of a file with one SMILES a line, those without any left out."""
    from samplers.diffusion.masked.molecules import spelled
    from samplers.errors import VocabularyError

    found = []
    for line in path.read_text().split()[:n]:
        try:
            found.append(spelled(line))
        except VocabularyError:
            continue
    return found


@cache
def identity(text: str) -> str | None:
    """The canonical SMILES of a SELFIES, None where it is no molecule."""
    import selfies

    from samplers.diffusion.masked.molecules import settled, standard

    settled()
    return standard(selfies.decoder(text)) or None


def identities(texts: Sequence[str]) -> list[str | None]:
    """The canonical SMILES of each text."""
    return [identity(text) for text in texts]


@cache
def _patterns() -> tuple[Any, ...]:
    from rdkit import Chem

    return tuple(Chem.MolFromSmarts(pattern) for pattern in PATTERNS)


@cache
def is_hit(text: str) -> bool:
    """Whether a SELFIES is a sulfonamide with an oxadiazole inside the window of weight, logP and polar area."""
    if "S" not in text:  # no symbol for a sulfur atom: nothing to decode
        return False
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors

    smiles = identity(text)
    mol = None if smiles is None else Chem.MolFromSmiles(smiles)
    if mol is None or not all(mol.HasSubstructMatch(pattern) for pattern in _patterns()):
        return False
    known = (
        (rdMolDescriptors._CalcMolWt(mol), WEIGHT), (rdMolDescriptors.CalcCrippenDescriptors(mol)[0], LOG_P),
        (rdMolDescriptors.CalcTPSA(mol), AREA),
    )  # fmt: skip
    return all(low < value < high for value, (low, high) in known)
