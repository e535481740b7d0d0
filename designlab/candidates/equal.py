"""What a run had found after a number of evaluations, and how much two runs found alike.

Runs are only compared after equally many evaluations, so everything here leaves out what arrived later. It reads the
stored columns and fingerprints of candidates; what is dear is kept by the state of the run.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from django.db.models import Max
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.columns import Columns, Numbers, columns_of
from designlab.candidates.coverage import COUNTED, modes_within
from designlab.candidates.models import Candidate
from designlab.common.kept import kept, key_of
from designlab.engine.designs import designs_of
from designlab.engine.modes import Rule

BEST = 100
POINTS = 60  # of a curve
QUANTILES = {"tenth": 0.1, "median": 0.5, "ninetieth": 0.9}


def evaluations_of(run: Run) -> int:
    """How many evaluations a run made, as far as its candidates are stored."""
    last = Candidate.objects.filter(run=run).aggregate(last=Max("evaluation"))["last"]
    return max(run.n_evaluations, last or 0)


def grid(n: int) -> list[int]:
    """Numbers of evaluations at which curves are drawn, evenly up to n."""
    steps = min(n, POINTS)
    return sorted({round((i + 1) * n / steps) for i in range(steps)})


def figures_at(run: Run, rule: Rule, n: int) -> dict:
    """Of the designs of the first n evaluations, in plain data; a figure that cannot be told is None.

    best100, tenth, median, ninetieth and best: rewards. n_designs, n_modes, n_above (of the mode's threshold).
    diversity: mean distance between the best 100. new_best and new_all: shares that are not in the data. curve: the
    mean reward of the best 100 at each place of `grid(n)`.
    """
    key = key_of("at-equal-evaluations", run.pk, run.n_candidates, n, rule.plain())
    return kept(key, lambda: _figures(run, rule, n))


def _figures(run: Run, rule: Rule, n: int) -> dict:
    columns = columns_of(run)
    end = int(np.searchsorted(columns.evaluation, n, side="right"))
    rewards = columns.reward[:end]
    found = {"n_designs": end, "n_above": int((rewards >= rule.threshold).sum()), "n_modes": modes_within(run, rule, n)}
    if not end:
        return found | dict.fromkeys(
            ("best100", "best", *QUANTILES, "diversity", "new_best", "new_all"), None
        ) | {"curve": [None] * len(grid(n))}  # fmt: skip
    best = best_of(columns, n)
    return found | {
        "best100": float(rewards[best].mean()),
        "best": float(rewards.max()),
        **{name: float(np.quantile(rewards, share)) for name, share in QUANTILES.items()},
        "diversity": diversity(run, columns.id[best].tolist()),
        "new_best": float(1 - columns.is_known[best].mean()),
        "new_all": float(1 - columns.is_known[:end].mean()),
        "curve": best_curve(columns.evaluation, columns.reward, grid(n)),
    }


def best_of(columns: Columns, n: int, top: int = BEST) -> NDArray[np.intp]:
    """Places of the best designs of the first n evaluations, best first; earlier ones before their equals."""
    end = int(np.searchsorted(columns.evaluation, n, side="right"))
    return np.argsort(-columns.log_reward[:end], kind="stable")[:top]


def best_curve(evaluation: NDArray, reward: Numbers, at: Sequence[int], top: int = BEST) -> list[float | None]:
    """Mean of the best `top` rewards that the first k evaluations gave, for each rising k; of all while fewer."""
    kept_rewards, begin, curve = np.zeros(0), 0, []
    for end in np.searchsorted(evaluation, np.asarray(at), side="right"):
        kept_rewards = np.sort(np.concatenate([kept_rewards, reward[begin:end]]))[::-1][:top]
        begin = end
        curve.append(float(kept_rewards.mean()) if len(kept_rewards) else None)
    return curve


def diversity(run: Run, ids: Sequence[int]) -> float | None:
    """Mean distance, 1 minus the similarity of the kind of design, over all pairs; None for fewer than two."""
    if len(ids) < 2:
        return None
    designs = list(Candidate.objects.filter(run=run, pk__in=ids).only("smiles", "fingerprint"))
    alike = [
        value
        for i, one in enumerate(designs[:-1])
        for value in designs_of(run.kind).similarity(one, designs[i + 1 :])
    ]  # fmt: skip
    return float(1 - np.mean(alike))


def is_capped(figures: dict) -> bool:
    """Whether more designs are good than were compared when modes were counted."""
    return figures["n_above"] > COUNTED


# -- overlap -------------------------------------------------------------------------------------------------


def structures_within(run: Run, n: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Digests of the distinct structures of the first n evaluations: of all of them, and of the best 100."""
    found = kept(key_of("structure-digests", run.pk, run.n_candidates, n), lambda: _digests(run, n))
    every, best = (np.frombuffer(joined, dtype=np.uint64) for joined in found)
    return every, best


def _digests(run: Run, n: int) -> tuple[bytes, bytes]:
    """Eight bytes for each structure; two of a million share them in one run of ten million."""
    rows = Candidate.objects.filter(run=run, evaluation__lte=n).order_by("evaluation").values_list("smiles", flat=True)
    joined = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in rows.iterator(chunk_size=10_000))
    digests = np.frombuffer(joined, dtype=np.uint64)
    return np.unique(digests).tobytes(), np.unique(digests[best_of(columns_of(run), n)]).tobytes()


def jaccard(one: NDArray, other: NDArray) -> float | None:
    """Shared structures over all structures of two sets of distinct ones; None where both are empty."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    union = len(one) + len(other) - shared
    return shared / union if union else None
