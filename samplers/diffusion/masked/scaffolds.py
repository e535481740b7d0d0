"""A scaffold that every molecule contains: it is written first, from one of its atoms on, and what follows is drawn.

What is drawn goes on from the last atom written, so the scaffold is written in several orders, one for each atom that
it can end at. A later ring bond may still change it; such molecules are not taken.
"""

from __future__ import annotations

from typing import Any

import selfies
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from samplers.errors import ConfigError

WRITINGS = 64  # tried; those that differ are used


class Scaffold:
    """A scaffold and its beginnings of a row. Loads RDKit."""

    def __init__(self, tokens: Any, text: str) -> None:
        """`tokens` are SelfiesTokens. Raises ConfigError for what is no molecule, has * or does not fit a row."""
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None or not mol.GetNumAtoms():
            raise ConfigError("scaffold", f"{text!r:.80} cannot be read as SMILES")
        if "." in text or any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
            raise ConfigError("scaffold", "of the masked model must be one molecule without *; leave open atoms out")
        self.query, self.allowed = mol, tokens.allowed
        found: dict[tuple[int, ...], None] = {}
        missing: set[str] = set()
        writings = [Chem.MolToSmiles(mol), *Chem.MolToRandomSmilesVect(mol, WRITINGS, randomSeed=1)]
        for smiles in dict.fromkeys(writings):
            try:
                symbols = list(selfies.split_selfies(selfies.encoder(smiles)))
            except selfies.EncoderError:
                raise ConfigError("scaffold", f"{text!r:.80} has more bonds at an atom than SELFIES allows") from None
            unknown = set(symbols) - tokens.known
            missing |= unknown
            if not unknown:
                found[tuple(tokens.numbers(symbols))] = None
        if not found:
            raise ConfigError("scaffold", f"{text!r:.80} needs {min(missing)}, which does not occur in the data")
        self.beginnings = [row for row in found if len(row) < tokens.length]
        if not self.beginnings:
            raise ConfigError("scaffold", f"{text!r:.80} leaves no place in rows of {tokens.length} tokens")

    def rows(self, n: int, source: torch.Generator) -> Tensor:
        """(n, L) each begins with one of the writings, −1 behind."""
        rows = torch.full((n, len(self.allowed)), -1)
        for row, at in zip(rows, torch.randint(len(self.beginnings), (n,), generator=source).tolist(), strict=True):
            row[: len(self.beginnings[at])] = torch.tensor(self.beginnings[at])
        return rows

    def holds(self, structure: str) -> bool:
        """Whether a molecule contains the scaffold."""
        mol = Chem.MolFromSmiles(structure)
        return mol is not None and bool(mol.HasSubstructMatch(self.query))
