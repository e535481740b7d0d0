"""How far reviewers agree beyond chance: Krippendorff's alpha, with an interval, for all, for each person and reason.

alpha = 1 − D_o / D_e: the disagreement seen among votes on one molecule over that expected of the same votes dealt at
random. 1 is full agreement, 0 is chance. Source: Krippendorff, Content Analysis, and "Computing Krippendorff's
Alpha-Reliability" (2011), whose worked example is a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Votes = Sequence[Mapping[str, int]]  # for each molecule: reviewer → vote
RESAMPLES, SEED, COVERED = 1_000, 0, 0.95
HIGH, MODERATE = 0.8, 0.667  # the limits that Krippendorff recommends for firm and for tentative conclusions


@dataclass(frozen=True)
class Alpha:
    """The figure and where it lies in 95 of 100 rounds with other molecules of the kind; None where undefined."""

    value: float | None
    low: float | None
    high: float | None
    n_votes: int  # on molecules with two votes or more


@dataclass(frozen=True)
class Reviewer:
    """One reviewer beside the others who voted on the same molecules."""

    name: str
    n_votes: int
    mean: float
    alpha: float | None  # of the pairs of votes of which one is theirs
    shift: float | None  # mean of own vote minus the mean of the others' on the same molecules


@dataclass(frozen=True)
class Reason:
    """How often a reason was ticked, and how far those who could have ticked it agree."""

    name: str
    n_ticked: int
    alpha: float | None


def alpha_of(votes: Votes, level: str = "ordinal") -> Alpha:
    """Alpha over molecules; `level` says what a distance between votes is: nominal, ordinal or interval."""
    values, counts = _counts(votes)
    counted = counts[counts.sum(axis=1) >= 2]
    n = int(counted.sum())
    together = _coincidences(counted)
    value = _alpha(together.sum(axis=0), values, level)
    if value is None:
        return Alpha(None, None, None, n)
    drawn = np.random.default_rng(SEED).multinomial(len(counted), np.full(len(counted), 1 / len(counted)), RESAMPLES)
    sums = (drawn @ together.reshape(len(counted), -1)).reshape(RESAMPLES, len(values), len(values))
    found = [one for one in (_alpha(each, values, level) for each in sums) if one is not None]
    low, high = np.quantile(found, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Alpha(value, float(low), float(high), n)


def reviewers_of(votes: Votes) -> list[Reviewer]:
    """Each reviewer beside the others, by name."""
    values, counts = _counts(votes)
    at = {value: i for i, value in enumerate(values)}
    margins = _coincidences(counts[counts.sum(axis=1) >= 2]).sum(axis=(0, 1))
    distance = _distances(margins, values, "ordinal")
    expected = _expected(margins, distance)
    found = []
    for name in sorted({name for row in votes for name in row}):
        own = [row[name] for row in votes if name in row]
        beside = [(row[name], other) for row in votes if name in row for person, other in row.items() if person != name]
        seen = np.mean([distance[at[mine], at[other]] for mine, other in beside]) if beside else None
        shift = np.mean([mine - other for mine, other in beside]) if beside else None
        alpha = None if seen is None or expected == 0 else float(1 - seen / expected)
        found.append(Reviewer(name, len(own), float(np.mean(own)), alpha, None if shift is None else float(shift)))
    return found


def reasons_of(ticked: Sequence[Mapping[str, Sequence[str]]]) -> list[Reason]:
    """Every reason that was ticked, the most frequent first, from reviewer → reasons of each molecule."""
    names = {name for row in ticked for reasons in row.values() for name in reasons}
    found = []
    for name in names:
        rows = [{person: int(name in reasons) for person, reasons in row.items()} for row in ticked]
        found.append(Reason(name, sum(sum(row.values()) for row in rows), alpha_of(rows, "nominal").value))
    return sorted(found, key=lambda one: (-one.n_ticked, one.name))


def _counts(votes: Votes) -> tuple[list[int], Floats]:
    """The distinct votes in order, and how often each molecule got each of them, (molecules, votes)."""
    values = sorted({value for row in votes for value in row.values()})
    counts = np.array([[list(row.values()).count(value) for value in values] for row in votes], dtype=np.float64)
    return values, counts.reshape(len(votes), len(values))


def _coincidences(counts: Floats) -> Floats:
    """Pairs of votes on one molecule, (molecules, votes, votes), each weighted by one over its votes less one."""
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    return pairs / np.maximum(counts.sum(axis=1) - 1, 1)[:, None, None]


def _alpha(together: Floats, values: Sequence[int], level: str) -> float | None:
    """From the sum of coincidences; None when all votes are the same or no molecule has two."""
    margins = together.sum(axis=0)
    distance = _distances(margins, values, level)
    expected = _expected(margins, distance)
    return None if expected == 0 else float(1 - (together * distance).sum() / margins.sum() / expected)


def _expected(margins: Floats, distance: Floats) -> float:
    """The mean squared distance between two votes dealt at random from all that were given."""
    n = margins.sum()
    return float((np.outer(margins, margins) * distance).sum() / (n * (n - 1))) if n > 1 else 0.0


def _distances(margins: Floats, values: Sequence[int], level: str) -> Floats:
    """Squared distances between votes; ordinal ones count the votes that lie between two."""
    size = len(values)
    if level == "nominal":
        return 1 - np.eye(size)
    if level == "interval":
        return np.subtract.outer(np.array(values, np.float64), np.array(values, np.float64)) ** 2
    middle = np.cumsum(margins) - margins / 2
    return np.subtract.outer(middle, middle) ** 2
