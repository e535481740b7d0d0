"""Pairs of neighbouring tokens that occur often become tokens of their own, so that rows get shorter.

Source: the pair merging of Sennrich et al. 2016 (arXiv 1508.07909), here on token numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
GAP = -1  # stands between two rows


def learned_merges(rows: Sequence[Sequence[int]], n_tokens: int, n_merges: int, min_count: int) -> list[Pair]:
    """Up to n_merges pairs, most frequent first as they become so; ties go to the smaller numbers.

    The k-th pair becomes token n_tokens + k. Ends early when no pair occurs `min_count` times.
    """
    flat = np.concatenate([np.array([*row, GAP], dtype=np.int64) for row in rows]) if rows else np.zeros(0, np.int64)
    merges: list[Pair] = []
    while len(merges) < n_merges:
        size = n_tokens + len(merges)
        left, right = flat[:-1], flat[1:]
        inside = (left != GAP) & (right != GAP)
        codes = left[inside] * size + right[inside]
        if not len(codes):
            break
        counts = np.bincount(codes)
        best = int(counts.argmax())
        if counts[best] < min_count:
            break
        merges.append((best // size, best % size))
        flat = _merged(flat, merges[-1], size)
    return merges


def _merged(flat: NDArray[np.int64], pair: Pair, token: int) -> NDArray[np.int64]:
    """Every occurrence of a pair replaced, from the left: of three equal tokens the first two."""
    hit = np.flatnonzero((flat[:-1] == pair[0]) & (flat[1:] == pair[1]))
    if pair[0] == pair[1] and len(hit):
        starts = np.concatenate([[True], np.diff(hit) != 1])
        run = np.maximum.accumulate(np.where(starts, np.arange(len(hit)), 0))
        hit = hit[(np.arange(len(hit)) - run) % 2 == 0]
    out = flat.copy()
    out[hit] = token
    return np.delete(out, hit + 1)


def merged(row: Sequence[int], ranks: dict[Pair, int], n_tokens: int) -> list[int]:
    """One row after all merges, in the order in which they were learned; `ranks` maps a pair to its place."""
    found = list(row)
    while len(found) > 1:
        rank = min((ranks.get(pair, len(ranks)) for pair in pairwise(found)), default=len(ranks))
        if rank == len(ranks):
            break
        out: list[int] = []
        at = 0
        while at < len(found):
            if at + 1 < len(found) and ranks.get((found[at], found[at + 1])) == rank:
                out.append(n_tokens + rank)
                at += 2
            else:
                out.append(found[at])
                at += 1
        found = out
    return found
