"""Molecules as SELFIES tokens, of which frequent neighbours are merged. Loads RDKit.

Every row that starts with an atom is a molecule, so that valid designs are no evidence of learning.
Source: Krenn et al. 2020 (arXiv 1905.13741), version 2 of the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import selfies
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from samplers.diffusion.masked.merging import Pair, learned_merges, merged
from samplers.errors import VocabularyError
from samplers.kinds import MOLECULE

PAD = "[nop]"
MERGED_AT_LEAST = 10  # rows of the data that a merged token must occur in, about
# What the package leaves open for elements outside its table would let RDKit refuse a molecule.
BONDS = {"Si": 4, "Se": 2, "As": 3, "Ge": 4, "Te": 2, "Sn": 4}


@cache
def settled() -> None:
    """Tell the package, once, how many bonds further elements have. It keeps such rules for the whole process."""
    selfies.set_semantic_constraints({**selfies.get_preset_constraints("default"), **BONDS})


def spelled(smiles: str) -> tuple[str, ...]:
    """The SELFIES symbols of a molecule, the same however it is written.

    Raises VocabularyError, in words, where there are none that lead back to it.
    """
    settled()
    text = standard(smiles)
    if not text or "." in text:
        raise VocabularyError("it has several parts" if text else "it cannot be read")
    try:
        found = selfies.encoder(text)
    except selfies.EncoderError:
        raise VocabularyError("an atom has more bonds than SELFIES allows") from None
    symbols = tuple(selfies.split_selfies(found))
    if written(symbols) != text:
        raise VocabularyError("its SELFIES leads to another molecule")
    return symbols


def standard(smiles: str) -> str:
    """The canonical SMILES; empty where RDKit refuses it."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        return "" if mol is None else Chem.MolToSmiles(mol)


def written(symbols: Sequence[str]) -> str:
    """The canonical SMILES that symbols, pads among them or not, lead to; empty where they begin with no atom."""
    settled()
    return standard(selfies.decoder("".join(symbols)))


def begins(symbol: str) -> bool:
    """Whether a symbol is an atom, so that a molecule can begin with it."""
    return symbol != PAD and "Branch" not in symbol and "Ring" not in symbol


class SelfiesTokens:
    """Token 0 is the pad, then come the symbols, then the merged pairs."""

    kind = MOLECULE

    def __init__(self, symbols: Sequence[str], merges: Sequence[Pair], length: int, max_heavy_atoms: int) -> None:
        settled()
        self.symbols, self.merges, self.length = tuple(symbols), tuple(map(tuple, merges)), length
        self.max_heavy_atoms = max_heavy_atoms
        self._number = {symbol: at + 1 for at, symbol in enumerate(self.symbols)}
        self._ranks: dict[Pair, int] = {(pair[0], pair[1]): at for at, pair in enumerate(self.merges)}
        self.spellings: list[tuple[str, ...]] = [(), *((symbol,) for symbol in self.symbols)]
        for left, right in self._ranks:
            self.spellings.append(self.spellings[left] + self.spellings[right])
        self.allowed = torch.ones(length, self.n_tokens, dtype=torch.bool)
        self.allowed[0] = torch.tensor([bool(spelling) and begins(spelling[0]) for spelling in self.spellings])

    @property
    def n_tokens(self) -> int:
        """The pad, symbols and merged pairs."""
        return 1 + len(self.symbols) + len(self.merges)

    @property
    def known(self) -> set[str]:
        """The symbols that occur in the data."""
        return set(self._number)

    def numbers(self, symbols: Sequence[str]) -> list[int]:
        """The tokens of symbols, all of which must be in the vocabulary."""
        return merged([self._number[symbol] for symbol in symbols], self._ranks, 1 + len(self.symbols))

    def encode(self, structures: Sequence[str]) -> Tensor:
        """Rows (N, L) of molecules for which `reason` has nothing to say."""
        rows = torch.zeros(len(structures), self.length, dtype=torch.long)
        for row, text in zip(rows, structures, strict=True):
            found = self.numbers(spelled(text))
            row[: len(found)] = torch.tensor(found)
        return rows

    def reason(self, structure: str) -> str:
        """Why a molecule cannot be written in these tokens; empty where it can."""
        try:
            symbols = spelled(structure)
        except VocabularyError as error:
            return str(error)
        missing = sorted(set(symbols) - self.known)
        if missing:
            return f"{missing[0]} does not occur in the data"
        return oversize(structure, self.max_heavy_atoms) or (
            f"longer than {self.length} tokens" if len(self.numbers(symbols)) > self.length else ""
        )

    def decode(self, rows: Tensor) -> list[str]:
        """Canonical SMILES of rows (N, L)."""
        return [written([symbol for token in row for symbol in self.spellings[token]]) for row in rows.tolist()]

    def too_large(self, structure: str) -> bool:
        """Whether a molecule has more heavy atoms than the settings allow."""
        return bool(oversize(structure, self.max_heavy_atoms))

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n molecules of even random tokens: as many as fill a row, the first of which begins with an atom."""
        firsts = self.allowed[0].nonzero().squeeze(1)
        rows = torch.randint(1, self.n_tokens, (n, self.length), generator=source)
        rows[:, 0] = firsts[torch.randint(len(firsts), (n,), generator=source)]
        return self.decode(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the keys are the arguments of the class."""
        return {
            "symbols": list(self.symbols), "merges": [list(pair) for pair in self.merges],
            "length": self.length, "max_heavy_atoms": self.max_heavy_atoms,
        }  # fmt: skip

    @classmethod
    def from_data(
        cls, structures: Sequence[str], *, n_merges: int, max_heavy_atoms: int
    ) -> tuple[SelfiesTokens, list[str], Tensor, Counter[str]]:
        """Tokens learned from molecules; those of them that can be written, their rows, and why others cannot.

        Raises VocabularyError when none can.
        """
        inside, texts, reasons = [], [], Counter[str]()
        for text in dict.fromkeys(structures):
            try:
                symbols, large = spelled(text), oversize(text, max_heavy_atoms)
            except VocabularyError as error:
                reasons[str(error)] += 1
                continue
            if large:
                reasons[large] += 1
                continue
            inside.append(standard(text))
            texts.append(symbols)
        if not texts:
            raise VocabularyError("None of the molecules can be written as SELFIES of the size allowed.")
        counts = Counter(symbol for symbols in texts for symbol in symbols)
        vocabulary = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        plain = cls(vocabulary, (), 1, max_heavy_atoms)
        numbers = [plain.numbers(symbols) for symbols in texts]
        merges = learned_merges(numbers, plain.n_tokens, n_merges, MERGED_AT_LEAST)
        ranks = {pair: at for at, pair in enumerate(merges)}
        rows = [merged(row, ranks, plain.n_tokens) for row in numbers]
        tokens = cls(vocabulary, merges, max(map(len, rows)), max_heavy_atoms)
        table = torch.zeros(len(rows), tokens.length, dtype=torch.long)
        for at, row in enumerate(rows):
            table[at, : len(row)] = torch.tensor(row)
        return tokens, inside, table, reasons


def oversize(smiles: str, limit: int) -> str:
    """A sentence where a molecule has more heavy atoms than allowed."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return f"more than {limit} heavy atoms" if mol is not None and mol.GetNumHeavyAtoms() > limit else ""
