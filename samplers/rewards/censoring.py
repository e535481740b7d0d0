"""Labels that say only "above" or "below": filled in by what is likely, so that any learner can use them.

A measurement "> 10 µM" is not 10 µM, and leaving it out leaves out the weakest compounds. Each bound is replaced by
the mean of a normal distribution beyond it, centred on what the other molecules say of this one: the expectation step
of a Tobit model, taken twice. Source: Tobin 1958; Schmee and Hahn 1979 for the iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.ensemble import ExtraTreesRegressor
from threadpoolctl import threadpool_limits

from samplers.errors import RewardError

Floats = NDArray[np.float64]
Signs = NDArray[np.int8]

SIGNS: Final = {"=": 0, "~": 0, "": 0, ">": 1, ">=": 1, "<": -1, "<=": -1}
ROUNDS: Final = 2
N_FOLDS: Final = 3
N_TREES: Final = 16


def signs(relation: Sequence[str | None] | None, n: int, name: str) -> Signs:
    """0 for a measured value, 1 where the true value lies above the label, −1 where it lies below, (n,).

    Raises RewardError for a relation that is none of =, ~, <, <=, >, >=, and for another number of them than labels.
    """
    if relation is None:
        return np.zeros(n, dtype=np.int8)
    if len(relation) != n:
        raise RewardError(f"{n} values of {name!r} and {len(relation)} relations do not match.")
    unknown = next((sign for sign in relation if (sign or "") not in SIGNS), None)
    if unknown is not None:
        raise RewardError(f"{unknown!r} is not a relation of {name!r}; use =, < or >.")
    return np.array([SIGNS[sign or ""] for sign in relation], dtype=np.int8)


def beyond(mean: Floats, spread: float, bound: Floats, side: Signs) -> Floats:
    """Mean of a normal (mean, spread) given that it lies above (side 1) or below (side −1) each bound, (n,)."""
    distance = side * (bound - mean) / spread  # of the bound from the centre, towards the kept side
    ratio = np.exp(norm.logpdf(distance) - norm.logsf(distance))
    return mean + side * spread * ratio


def filled_in(x: NDArray[Any], y: Floats, side: Signs, seed: int) -> Floats:
    """Labels (n,) with every bound replaced by its expected value; measured ones stay as they are.

    x (n, d). Each molecule's expectation comes from forests that did not see it. Deterministic for a seed.
    """
    exact = side == 0
    if exact.all():
        return y
    fold = np.random.default_rng(seed).permutation(len(y)) % N_FOLDS
    labels, usable = y.copy(), exact
    for _ in range(ROUNDS):
        mean = np.empty(len(y))
        for held in range(N_FOLDS):
            rest = (fold != held) & usable
            grower = ExtraTreesRegressor(N_TREES, max_features=0.1, min_samples_leaf=3, random_state=seed, n_jobs=1)
            with threadpool_limits(limits=1):
                mean[fold == held] = grower.fit(x[rest], labels[rest]).predict(x[fold == held])
        spread = float(np.sqrt(np.mean((mean - y)[exact] ** 2)))
        labels[~exact] = beyond(mean[~exact], spread, y[~exact], side[~exact])
        usable = np.ones(len(y), dtype=bool)
    return labels


def one_sided_rmse(predicted: Floats, y: Floats, side: Signs) -> float:
    """RMSE in which a prediction beyond a bound, on the side where the true value lies, costs nothing."""
    off = predicted - y
    off = np.where(side > 0, np.minimum(off, 0.0), np.where(side < 0, np.maximum(off, 0.0), off))
    return float(np.sqrt(np.mean(off**2)))
