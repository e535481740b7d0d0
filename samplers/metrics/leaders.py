"""Clusters that only grow: every design follows the first one that it is like, else it leads a cluster of its own.

A pass in order of arrival (Hartigan 1975, the leader algorithm): what was clustered before never changes when more
arrive, so the clusters of a hundred thousand can be kept and added to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samplers.metrics.tanimoto import Bits, Floats, Ints

AT_ONCE = 128  # designs compared with all leaders at once


def led(fps: Bits, leaders: Bits, least: float) -> tuple[Ints, Ints]:
    """Which leader each of n designs follows, and which of them began to lead.

    fps (n, bytes), leaders (m, bytes): packed fingerprints. Each design, in order, follows the nearest leader, the
    earliest in a tie, when their Tanimoto similarity is at least `least`; otherwise it becomes leader number m, m + 1
    and so on. Returns the number of the leader of each (n,), and the positions of the new leaders.
    """
    rows, known = _matrix(fps), _matrix(leaders)
    sizes, known_sizes = _sizes(rows), _sizes(known)
    columns = known.T.tocsr()
    member, founders = np.full(len(fps), -1, dtype=np.intp), list[int]()
    for start in range(0, len(fps), AT_ONCE):
        part = slice(start, min(start + AT_ONCE, len(fps)))
        mine, n_before = sizes[part], len(founders)
        alike = _tanimoto(rows[part], mine, columns, known_sizes)
        if founders:
            at = np.array(founders)
            alike = np.hstack([alike, _tanimoto(rows[part], mine, rows[at].T.tocsr(), sizes[at])])
        number, best = _nearest(alike)
        among = _tanimoto(rows[part], mine, rows[part].T.tocsr(), mine)
        new: list[int] = []  # of this part
        for i in range(part.stop - part.start):
            if new and among[i, new].max() > best[i]:
                nearest = int(among[i, new].argmax())
                number[i], best[i] = len(leaders) + n_before + nearest, among[i, new[nearest]]
            if best[i] < least:
                number[i] = len(leaders) + n_before + len(new)
                new.append(i)
        member[part] = number
        founders += [start + i for i in new]
    return member, np.array(founders, dtype=np.intp)


def _matrix(fps: Bits) -> Any:
    """Fingerprints as a sparse matrix: few of their bits are set, so what they share is quickly counted."""
    bits = np.unpackbits(fps, axis=1)
    return sparse.csr_matrix(bits, dtype=np.float32)


def _sizes(rows: Any) -> NDArray[np.float64]:
    return np.asarray(np.diff(rows.indptr), dtype=np.float64)


def _tanimoto(rows: Any, sizes: Floats, columns: Any, other_sizes: Floats) -> Floats:
    """Similarities (rows, columns); `columns` holds the other fingerprints turned on their side."""
    shared = (rows @ columns).toarray().astype(np.float64)
    union = sizes[:, None] + other_sizes[None, :]
    union -= shared
    np.divide(shared, union, out=shared, where=union > 0)
    shared[union == 0] = 1.0  # two empty fingerprints are the same
    return shared


def _nearest(alike: Floats) -> tuple[Ints, Floats]:
    if not alike.shape[1]:
        return np.full(len(alike), -1, dtype=np.intp), np.full(len(alike), -1.0)
    number = alike.argmax(axis=1)
    return number, alike[np.arange(len(alike)), number]
