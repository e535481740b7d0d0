"""Texts whose tokens have several letters as rows of one language: SMILES and SELFIES symbols."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from samplers.banel.language import Language

RARE = "?"  # what stands for every token that the language leaves out
_SMILES = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.")


def smiles_tokens(text: str) -> tuple[str, ...]:
    """Atoms, bonds, branches and ring numbers of a SMILES, an atom in brackets as one."""
    return tuple(_SMILES.findall(text))


def language_of(texts: Sequence[Sequence[str]], *, at_least: int, longest: int, rare: bool = True) -> Language:
    """The tokens that occur in `at_least` of the texts, by frequency and then by name, and RARE if asked for."""
    counts = Counter(token for text in texts for token in set(text))
    kept = sorted((token for token, n in counts.items() if n >= at_least), key=lambda token: (-counts[token], token))
    return Language.of_letters((*kept, RARE) if rare else kept, min_length=1, max_length=longest)


def rows_of(language: Language, texts: Sequence[Sequence[str]]) -> Tensor:
    """(N, L) rows of tokenised texts; a longer one is cut, so that its log p is that of its first L tokens.

    Raises KeyError for a token that the language has not, and no RARE to stand for it.
    """
    known = {token: at for at, token in enumerate(language.slots[0])}
    rows = torch.full((len(texts), language.max_length), -1, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        cut = text[: language.max_length]
        row[: len(cut)] = torch.tensor(
            [known[token] if token in known else known[RARE] for token in cut], dtype=torch.long
        )  # fmt: skip
    return rows
