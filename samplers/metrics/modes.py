"""Modes: how many clearly different good molecules there are, and when each was first met.

A mode is only defined together with a reward threshold, a distance and a fingerprint; `ModeRule` carries the
three so that no count is printed without them. The definition looks at the set of molecules alone, never at the
order in which they arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.intp]
Bits = NDArray[np.uint8]
Floats = NDArray[np.float64]

BLOCK = 32_768  # pairs of fingerprints compared at once
MAX_PAIRS_HELD = 2_000_000  # similarities in memory at once, some 50 MB with what they need


@dataclass(frozen=True, slots=True)
class ModeRule:
    """What counts as a mode: reward ≥ `threshold`, and more than `distance` away from every better mode.

    `measure` and `fingerprint` say in words how far two of them are from each other.
    """

    threshold: float
    distance: float
    fingerprint: str = "Morgan, radius 2, 2048 bits"
    measure: str = "1 − Tanimoto"

    def __str__(self) -> str:
        return f"reward ≥ {self.threshold:g}, distance > {self.distance:g} ({self.measure}, {self.fingerprint})"


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes of n molecules.

    centres (n_modes,): positions of the molecules that stand for a mode, best reward first.
    member_of (n,): the mode (position in `centres`) whose centre is nearest among those within the distance,
    the better mode in a tie; −1 for a molecule below the threshold.
    """

    rule: ModeRule
    centres: Ints
    member_of: Ints

    @property
    def n(self) -> int:
        """The number of modes."""
        return len(self.centres)


@dataclass(frozen=True, slots=True)
class KnownModes:
    """Modes of the labelled data and how near the candidates came to each.

    modes: of the known molecules. nearest (n_modes,): position of the nearest candidate, −1 when there is none.
    distance (n_modes,): 1 − Tanimoto to it, 1 when there is none. reached (n_modes,): distance within the rule's.
    """

    modes: Modes
    nearest: Ints
    distance: Floats
    reached: NDArray[np.bool_]


def as_words(fps: Bits) -> NDArray[np.uint64]:
    """Packed fingerprints (n, bytes) as 64-bit words (n, words), padded with zeros.

    Raises ValueError when `fps` is not a matrix of uint8.
    """
    if fps.ndim != 2 or fps.dtype != np.uint8:
        raise ValueError(f"fingerprints must be a uint8 matrix of packed bits, got {fps.dtype} {fps.shape}")
    padded = np.zeros((fps.shape[0], -(-fps.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : fps.shape[1]] = fps
    return padded.view(np.uint64)


def bit_counts(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number of bits set in each row, (n,)."""
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)


def _tanimoto_to_one(
    words: NDArray[np.uint64], counts: NDArray[np.int64], one: NDArray[np.uint64], one_count: int
) -> Floats:
    shared = np.bitwise_count(words & one).sum(axis=1, dtype=np.int64)
    union = counts + one_count - shared
    return np.where(union > 0, shared / np.maximum(union, 1), 1.0)  # two empty fingerprints are the same


def tanimoto(a: Bits, b: Bits) -> Floats:
    """Tanimoto similarity (n_a, n_b) of packed fingerprints (n_a, bytes) and (n_b, bytes).

    Two fingerprints without any bit count as equal (similarity 1).
    """
    left, right = as_words(a), as_words(b)
    shared = _shared_bits(left, right)
    union = bit_counts(left)[:, None] + bit_counts(right)[None, :] - shared
    return np.where(union > 0, shared / np.maximum(union, 1), 1.0)


def nearest_known(fps: Bits, known_fps: Bits) -> tuple[Ints, Floats]:
    """For each of n molecules, the position of the nearest known one and the Tanimoto similarity to it.

    Shapes: fps (n, bytes), known_fps (m, bytes); both results (n,). Without known molecules: −1 and 0.
    """
    index = np.full(len(fps), -1, dtype=np.intp)
    similarity = np.zeros(len(fps))
    step = max(1, MAX_PAIRS_HELD // max(1, len(known_fps)))
    for start in range(0, len(fps) if len(known_fps) else 0, step):
        rows = slice(start, start + step)
        alike = tanimoto(fps[rows], known_fps)
        index[rows] = alike.argmax(axis=1)
        similarity[rows] = alike.max(axis=1)
    return index, similarity


def _shared_bits(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Bits that each row of `left` has in common with each row of `right`, (n_left, n_right)."""
    columns = np.ascontiguousarray(right.T)
    shared = np.zeros((len(left), len(right)), dtype=np.int32)
    step = max(1, BLOCK // max(1, len(right)))  # the scratch arrays then stay in the cache
    for start in range(0, len(left), step):
        rows = left[start : start + step]
        both = np.empty((len(rows), len(right)), dtype=np.uint64)
        count = np.empty(both.shape, dtype=np.uint8)
        for word, column in enumerate(columns):
            np.bitwise_and(rows[:, word, None], column, out=both)
            np.bitwise_count(both, out=count)
            shared[start : start + step] += count
    return shared


def _merit_order(reward: Floats, keys: Sequence[str], good: Ints) -> Ints:
    return np.array(sorted(good.tolist(), key=lambda i: (-reward[i], keys[i])), dtype=np.intp)


def count_modes(fps: Bits, reward: ArrayLike, keys: Sequence[str], rule: ModeRule) -> Modes:
    """Count modes in n molecules.

    fps (n, bytes): packed fingerprints. reward (n,): on the scale of the rule's threshold; NaN is never good.
    keys: canonical structures, which settle ties, so they must differ for the result to be free of order.
    Molecules at or above the threshold are visited by falling reward, then by key; each becomes a mode when it
    is further than the distance from every mode before it. Raises ValueError when the lengths disagree.
    """
    rewards = np.asarray(reward, dtype=np.float64)
    if not len(fps) == len(rewards) == len(keys):
        raise ValueError(f"{len(fps)} fingerprints, {len(rewards)} rewards and {len(keys)} keys do not match")
    order = _merit_order(rewards, keys, np.flatnonzero(rewards >= rule.threshold))
    words = as_words(fps)[order]
    counts = bit_counts(words)

    def distance_from(rank: int) -> Floats:
        return 1.0 - _tanimoto_to_one(words, counts, words[rank], int(counts[rank]))

    return _greedy(order, distance_from, len(rewards), rule)


def count_modes_by(
    distance_from: Callable[[Ints, int], Floats], reward: ArrayLike, keys: Sequence[str], rule: ModeRule
) -> Modes:
    """As `count_modes` under any distance: `distance_from(rows, i)` gives that of each row to row i, (len(rows),).

    Distances are on the scale of the rule's; 0 for a row to itself. Raises ValueError when the lengths disagree.
    """
    rewards = np.asarray(reward, dtype=np.float64)
    if len(rewards) != len(keys):
        raise ValueError(f"{len(rewards)} rewards and {len(keys)} keys do not match")
    order = _merit_order(rewards, keys, np.flatnonzero(rewards >= rule.threshold))
    return _greedy(order, lambda rank: distance_from(order, int(order[rank])), len(rewards), rule)


def _greedy(order: Ints, distance_from: Callable[[int], Floats], n: int, rule: ModeRule) -> Modes:
    """Modes of the rows in `order` (best first); `distance_from(rank)` gives the distances of all of them to one."""
    nearest = np.full(len(order), np.inf)
    member = np.full(len(order), -1, dtype=np.intp)
    centres: list[int] = []
    for rank in range(len(order)):
        if member[rank] >= 0:  # already within the distance of a better mode
            continue
        distance = distance_from(rank)
        closer = (distance <= rule.distance) & (distance < nearest)
        closer[rank] = True
        member[closer] = len(centres)
        nearest[closer] = distance[closer]
        nearest[rank] = 0.0
        centres.append(int(order[rank]))
    member_of = np.full(n, -1, dtype=np.intp)
    member_of[order] = member
    return Modes(rule=rule, centres=np.array(centres, dtype=np.intp), member_of=member_of)


def modes_found_curve(modes: Modes, arrival_index: ArrayLike, n_evaluations: int | None = None) -> Ints:
    """Modes met after each evaluation, (n_evaluations,): never falls, ends at `modes.n`.

    arrival_index (n,): the evaluation (from 0) at which each molecule arrived, in any order. A mode is met when
    the first of its members arrives. `n_evaluations` defaults to the last arrival plus one.
    Raises ValueError when an arrival lies outside [0, n_evaluations).
    """
    arrival = np.asarray(arrival_index, dtype=np.intp)
    if len(arrival) != len(modes.member_of):
        raise ValueError(f"{len(arrival)} arrivals for {len(modes.member_of)} molecules")
    total = int(arrival.max(initial=-1)) + 1 if n_evaluations is None else n_evaluations
    if len(arrival) and not (arrival.min() >= 0 and arrival.max() < total):
        raise ValueError(f"arrivals must lie between 0 and {total - 1}")
    good = modes.member_of >= 0
    first = np.full(modes.n, total, dtype=np.intp)
    np.minimum.at(first, modes.member_of[good], arrival[good])
    return np.cumsum(np.bincount(first, minlength=total)[:total]).astype(np.intp)


def known_modes_reached(
    known_fps: Bits, known_reward: ArrayLike, known_keys: Sequence[str], candidate_fps: Bits, rule: ModeRule
) -> KnownModes:
    """Which modes of the known molecules have a candidate within the rule's distance.

    known_* (n,) as in `count_modes`; candidate_fps (m, bytes), already restricted to the candidates that should
    count (usually those at or above the threshold). m may be 0: then nothing is reached.
    """
    modes = count_modes(known_fps, known_reward, known_keys, rule)
    nearest, similarity = nearest_known(known_fps[modes.centres], candidate_fps)
    distance = 1.0 - similarity
    return KnownModes(modes, nearest, distance, (distance <= rule.distance) & (nearest >= 0))
