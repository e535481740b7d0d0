"""Screens that were run: molecules of a pass/fail file, whose verdicts a search may see one by one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Screen:
    """Different molecules (N) with their verdicts, and what was left out of the file on the way."""

    smiles: tuple[str, ...]  # canonical
    passes: Tensor  # (N,) true where a molecule passed
    packed: Tensor  # (N, 256) Morgan bits, radius 2, eight to a byte
    n_unreadable: int
    n_repeated: int
    n_disagreeing: int  # molecules with both verdicts

    def bits(self, which: Tensor) -> Tensor:
        """(M, 2048) float bits of the molecules at these positions."""
        return torch.from_numpy(np.unpackbits(self.packed[which].numpy(), axis=1)).float()


@lru_cache(maxsize=2)
def screen(path: Path, structure: str, verdict: str) -> Screen:
    """The screen of a CSV file with these columns; a verdict of 1 is a pass. Loads RDKit.

    Molecules are told apart by their canonical SMILES, stereochemistry and charges included; what cannot be read and
    what has both verdicts is left out. Raises KeyError for a file without the columns.
    """
    with path.open(newline="") as file:
        found = [(row[structure].strip(), row[verdict].strip() == "1") for row in csv.DictReader(file)]
    told: dict[str, set[bool]] = {}
    molecules: dict[str, Any] = {}
    n_unreadable = 0
    for name, mol, passed in _read(found):
        if not name:
            n_unreadable += 1
            continue
        told.setdefault(name, set()).add(passed)
        molecules.setdefault(name, mol)
    kept = [name for name, verdicts in told.items() if len(verdicts) == 1]
    from samplers.chem.fingerprints import fingerprints

    return Screen(
        tuple(kept), torch.tensor([True in told[name] for name in kept]),
        torch.from_numpy(fingerprints([molecules[name] for name in kept])), n_unreadable,
        len(found) - n_unreadable - len(told), len(told) - len(kept),
    )  # fmt: skip


def _read(found: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, Any, bool]]:
    """Canonical SMILES (empty where RDKit refuses a text), molecule and verdict."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        for text, passed in found:
            mol = Chem.MolFromSmiles(text) if text else None
            yield ("" if mol is None else Chem.MolToSmiles(mol)), mol, passed
