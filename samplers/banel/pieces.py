"""What designs are made of, and which pieces a generator has come to favour or avoid."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from samplers.environments.design import DesignEnvironment
from samplers.kinds import is_sequence

SITE = re.compile(r"\[\d+\*\]")  # where a fragment is joined, with the type of its bond
WORD = {"dna": 4, "rna": 4, "peptide": 2}  # letters
SHOWN = 6
LEAST_Z = 2.0  # standard errors of a log odds ratio, below which it may be chance


def pieces_of(environment: Any, rows: Tensor) -> list[set[str]]:
    """The different pieces of each design: fragments as SMILES with * where they are joined, or short words."""
    if is_sequence(environment.kind):
        n, texts = WORD[environment.kind], [text for text, _ in environment.structures(rows)]
        return [{text[at : at + n] for at in range(len(text) - n + 1)} for text in texts]
    written = [SITE.sub("*", text) for text in environment.vocabulary.smiles]
    return [{written[fragment] for fragment, _ in sequence} for sequence in environment.sequences(rows)]


def compare(environment: DesignEnvironment, now: Tensor, first: Tensor) -> dict[str, list[dict[str, Any]]]:
    """Pieces by the log odds of standing in a design now (N, F) against before (M, F): most favoured, most avoided.

    Half counts are added; what may be chance, by LEAST_Z standard errors, is left out.
    """
    counts = [Counter(piece for one in pieces_of(environment, rows) for piece in one) for rows in (now, first)]
    sizes = len(now), len(first)
    told = [_odds(piece, (counts[0][piece], counts[1][piece]), sizes) for piece in sorted(counts[0] | counts[1])]
    sure = [one for one in told if abs(one["log_odds"]) >= LEAST_Z * one["error"]]
    return {
        "favoured": sorted((one for one in sure if one["log_odds"] > 0), key=lambda one: -one["log_odds"])[:SHOWN],
        "avoided": sorted((one for one in sure if one["log_odds"] < 0), key=lambda one: one["log_odds"])[:SHOWN],
    }


def _odds(piece: str, counts: Sequence[int], sizes: Sequence[int]) -> dict[str, Any]:
    halves = [(n + 0.5, size - n + 0.5) for n, size in zip(counts, sizes, strict=True)]
    (a, b), (c, d) = halves
    return {
        "piece": piece, "now": counts[0] / sizes[0], "before": counts[1] / sizes[1],
        "log_odds": math.log(a * d / (b * c)), "error": math.sqrt(1 / a + 1 / b + 1 / c + 1 / d),
    }  # fmt: skip
