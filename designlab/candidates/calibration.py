"""Who sees which molecule of a round, which of them twice, and how steady a reviewer was on those."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MOST_REPEATED = 50  # per cent of a reviewer's molecules


def dealt(n_items: int, n_reviewers: int, each: int, seed: int) -> list[list[int]]:
    """For every molecule the `each` reviewers who see it, as sorted positions.

    Loads differ by at most one, and those who have met least often are put together, so that every two reviewers
    share some molecules. Raises ValueError unless 1 <= each <= n_reviewers.
    """
    if not 1 <= each <= n_reviewers:
        raise ValueError(f"{each} of {n_reviewers} reviewers cannot see a molecule")
    chance = np.random.default_rng(seed)
    load = [0] * n_reviewers
    met = [[0] * n_reviewers for _ in range(n_reviewers)]
    found = []
    for _ in range(n_items):
        chosen: list[int] = []
        while len(chosen) < each:
            free = [one for one in range(n_reviewers) if one not in chosen]
            chosen.append(
                min(free, key=lambda one: (load[one], sum(met[one][other] for other in chosen), chance.random()))
            )
        for one in chosen:
            load[one] += 1
            for other in chosen:
                met[one][other] += one != other
        found.append(sorted(chosen))
    return found


def repeated(own: Sequence[int], share: int, seed: int) -> list[int]:
    """Which of a reviewer's molecules come again, in the order in which they do: `share` per cent, rounded up.

    They come after all others and out of order; the one that was seen last is not the first to come again.
    """
    n = -(-len(own) * share // 100)
    chosen = [own[int(i)] for i in np.random.default_rng(seed).permutation(len(own))[:n]]
    if n > 1 and chosen[0] == own[-1]:
        chosen[0], chosen[-1] = chosen[-1], chosen[0]
    return chosen


@dataclass(frozen=True)
class Steadiness:
    """How a reviewer's second votes compare with their first ones on the same molecules."""

    name: str
    n: int
    n_same: int  # the very same vote
    n_side: int  # to the same side: yes, unsure or no
    shift: float  # mean distance between first and second vote, in steps


def steadiness(pairs: Mapping[str, Sequence[tuple[int, int]]], side: Callable[[int], str]) -> list[Steadiness]:
    """By name, from (first, second) votes of each reviewer who gave some twice; `side` says what a vote stands for."""
    return [
        Steadiness(
            name, len(votes), sum(a == b for a, b in votes), sum(side(a) == side(b) for a, b in votes),
            sum(abs(a - b) for a, b in votes) / len(votes),
        )
        for name, votes in sorted(pairs.items()) if votes
    ]  # fmt: skip
