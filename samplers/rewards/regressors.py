"""The learners behind property models: a tree or linear model that is optimised against, and a judge that is not.

Each has `fit(x, y, seed)`, `predict(x) -> (mean, spread)` and its state as plain arrays. `spread` is a raw sign of
doubt in the unit of the label; `samplers.rewards.validation` turns it into a calibrated standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from threadpoolctl import threadpool_limits

from samplers.rewards.features import FEATURE_SETS, Matrix
from samplers.rewards.trees import Trees, from_boosting, from_forest

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

FAMILIES: Final = ("ridge", "forest", "boosting", "blend")
N_TREES: Final = 48
MAX_COLUMNS: Final = 400
CLIP: Final = 5.0
ALPHAS: Final = (10.0, 100.0, 1000.0, 10000.0)
MAX_GAUSSIAN: Final = 2000


class Regressor(Protocol):
    """What a property model needs of its learner."""

    def predict(self, x: Matrix) -> tuple[Floats, Floats]:
        """Mean and raw spread, (n,) each, of the rows of x (n, d)."""

    def to_arrays(self) -> Arrays:
        """The state as numeric arrays."""


def _scaler(x: Matrix) -> tuple[Floats, Floats]:
    wide = x.astype(np.float64)
    spread = wide.std(axis=0)
    return wide.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)


def _scaled(x: Matrix, center: Floats, scale: Floats) -> Floats:
    return np.clip((x - center) / scale, -CLIP, CLIP)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A ridge, a forest of extremely randomised trees, gradient boosting, or the mean of the last two.

    The spread always comes from the forest: the standard deviation among its trees.
    """

    family: str
    columns: NDArray[np.int32]
    center: Floats
    scale: Floats
    forest: Trees
    boosting: Trees | None = None
    boosting_start: float = 0.0
    coef: Floats = field(default_factory=lambda: np.zeros(0))
    intercept: float = 0.0
    classes: bool = False  # boosting and ridge then give log odds

    def predict_families(self, x: Matrix) -> tuple[dict[str, Floats], Floats]:
        """The mean of every family that was fitted, and the spread, (n,) each."""
        kept = np.ascontiguousarray(x[:, self.columns])
        leaves = self.forest.leaf_values(kept)
        means = {"forest": leaves.mean(axis=1)}
        if self.boosting is not None:
            means["boosting"] = self._linked(self.boosting_start + self.boosting.leaf_values(kept).sum(axis=1))
            means["blend"] = (means["forest"] + means["boosting"]) / 2
        if len(self.coef):
            # Not a matrix product, which may round a row differently in batches of different sizes.
            line = self.intercept + (_scaled(kept, self.center, self.scale) * self.coef).sum(axis=1)
            means["ridge"] = self._linked(line)
        return means, leaves.std(axis=1)

    def _linked(self, score: Floats) -> Floats:
        return np.asarray(expit(score), dtype=np.float64) if self.classes else score

    def predict(self, x: Matrix) -> tuple[Floats, Floats]:
        """Mean of the chosen family and the forest's spread, (n,) each."""
        means, spread = self.predict_families(x)
        return means[self.family], spread

    def to_arrays(self) -> Arrays:
        """The state as numeric arrays."""
        arrays: Arrays = {"columns": self.columns, "center": self.center, "scale": self.scale, "coef": self.coef}
        arrays["constants"] = np.array([self.boosting_start, self.intercept, *([1.0] if self.classes else [])])
        arrays.update(self.forest.to_arrays("forest"))
        if self.boosting is not None:
            arrays.update(self.boosting.to_arrays("boosting"))
        return arrays

    @classmethod
    def from_arrays(cls, family: str, arrays: Arrays, feature_set: str) -> Self:
        """Rebuild from `to_arrays`. Raises ValueError or KeyError when the arrays are damaged."""
        columns, n = arrays["columns"], len(arrays["columns"])
        width = int(FEATURE_SETS[feature_set]["width"])
        if family not in FAMILIES or not n or columns.min() < 0 or columns.max() >= width:
            raise ValueError("the stored columns are damaged")
        start, intercept, *classes = (float(v) for v in arrays["constants"])
        boosted = Trees.from_arrays(arrays, "boosting", n) if "boosting.roots" in arrays else None
        return cls(
            family=family, columns=columns, center=arrays["center"], scale=arrays["scale"],
            forest=Trees.from_arrays(arrays, "forest", n), boosting=boosted, boosting_start=start,
            coef=arrays["coef"], intercept=intercept, classes=bool(classes),
        )  # fmt: skip


def fit_ensemble(x: Matrix, y: Floats, *, seed: int, family: str = "", classes: bool = False) -> Ensemble:
    """Fit on x (n, d) and y (n,) with one core. An empty `family` fits all of them, for comparison.

    With `classes`, y holds zeros and ones and the means are raw probabilities: the forest's leaves are shares, boosting
    and ridge minimise the log loss.

    A fingerprint column is kept when at least 5 molecules and 1 % of them have it, and it is among the 400 most
    common: twice as many columns cost twice the time and lower the held-out error by about 1 %.
    """
    n_descriptors = int(FEATURE_SETS["main"]["n_descriptors"])
    n_with = (x[:, n_descriptors:] > 0).sum(axis=0)
    commonest = np.sort(np.argsort(-n_with, kind="stable")[:MAX_COLUMNS])
    common = commonest[n_with[commonest] >= max(5, 0.01 * len(x))]
    columns = np.concatenate([np.arange(n_descriptors), n_descriptors + common]).astype(np.int32)
    kept = np.ascontiguousarray(x[:, columns])
    center, scale = _scaler(kept)
    parts: dict[str, Any] = {}
    with threadpool_limits(limits=1):
        grown = ExtraTreesRegressor(N_TREES, max_features=0.3, min_samples_leaf=2, random_state=seed, n_jobs=1).fit(
            kept, y
        )
        if family in ("", "boosting", "blend"):
            booster = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
            boosted = booster(
                max_iter=150, learning_rate=0.08, max_leaf_nodes=24, min_samples_leaf=min(10, max(2, len(y) // 10)),
                l2_regularization=1.0, max_features=0.3, early_stopping=False, max_bins=64, random_state=seed,
            ).fit(kept, y)  # fmt: skip
            parts["boosting"], parts["boosting_start"] = from_boosting(boosted)
        if family in ("", "ridge"):
            learner = LogisticRegression(C=0.003, max_iter=300) if classes else RidgeCV(alphas=ALPHAS)
            line = learner.fit(_scaled(kept, center, scale), y)
            parts["coef"] = np.ravel(line.coef_).astype(np.float64)
            parts["intercept"] = float(np.ravel(line.intercept_)[0])
    return Ensemble(family=family or "blend", classes=classes, columns=columns, center=center, scale=scale,
                    forest=from_forest(grown), **parts)  # fmt: skip


@dataclass(frozen=True)
class Gaussian:
    """Gaussian-process regression: half Tanimoto kernel on bits, half squared-exponential on descriptors.

    x (m, d): the training rows. The label is standardised by y_mean and y_scale; length is in units of the
    root-mean-square distance per descriptor, noise is the variance of the standardised label.
    """

    x: Matrix
    y: Floats
    length: float
    noise: float

    @cached_property
    def _parts(self) -> tuple[Floats, Floats, Floats]:
        return _judge_parts(self.x)

    @cached_property
    def _solved(self) -> tuple[Floats, Floats]:
        with threadpool_limits(limits=1):
            kernel = self._kernel(self.x)
            kernel[np.diag_indices_from(kernel)] += self.noise
            factor, _ = cho_factor(kernel, lower=True)
            return np.tril(factor), cho_solve((factor, True), (self.y - self.y.mean()) / self.y.std())

    def _kernel(self, x: Matrix) -> Floats:
        center, scale, bits = self._parts
        n_descriptors = int(FEATURE_SETS["judge"]["n_descriptors"])
        mine = _scaled(x[:, :n_descriptors], center, scale)
        ours = _scaled(self.x[:, :n_descriptors], center, scale)
        theirs = x[:, n_descriptors:].astype(np.float64)
        shared = theirs @ bits.T
        union = theirs.sum(axis=1)[:, None] + bits.sum(axis=1)[None, :] - shared
        alike = np.where(union > 0, shared / np.maximum(union, 1.0), 1.0)
        square = (mine**2).sum(axis=1)[:, None] + (ours**2).sum(axis=1)[None, :] - 2 * mine @ ours.T
        smooth = np.exp(-np.maximum(square, 0.0) / (2 * self.length**2 * n_descriptors))
        return 0.5 * alike + 0.5 * smooth

    @property
    def log_evidence(self) -> float:
        """Log marginal likelihood of the standardised label, up to a constant."""
        factor, alpha = self._solved
        y = (self.y - self.y.mean()) / self.y.std()
        return float(-0.5 * y @ alpha - np.log(np.diag(factor)).sum())

    def predict(self, x: Matrix) -> tuple[Floats, Floats]:
        """Posterior mean and standard deviation of a new measurement, (n,) each."""
        factor, alpha = self._solved
        with threadpool_limits(limits=1):
            kernel = self._kernel(x)
            half = solve_triangular(factor, kernel.T, lower=True)
            variance = np.maximum(1.0 - (half**2).sum(axis=0), 0.0) + self.noise
            mean = self.y.mean() + self.y.std() * (kernel @ alpha)
        return mean, self.y.std() * np.sqrt(variance)

    def to_arrays(self) -> Arrays:
        """The state as numeric arrays."""
        return {"x": self.x, "y": self.y, "constants": np.array([self.length, self.noise])}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild from `to_arrays`. Raises ValueError or KeyError when the arrays are damaged."""
        x, y = arrays["x"], arrays["y"]
        length, noise = (float(v) for v in arrays["constants"])
        if x.ndim != 2 or x.shape[1] != FEATURE_SETS["judge"]["width"] or len(x) != len(y) or len(y) > MAX_GAUSSIAN:
            raise ValueError("the stored training rows are damaged")
        if not (length > 0 and noise > 0 and y.std() > 0):
            raise ValueError("the stored constants are damaged")
        return cls(x=x, y=y, length=length, noise=noise)


def _judge_parts(x: Matrix) -> tuple[Floats, Floats, Floats]:
    n_descriptors = int(FEATURE_SETS["judge"]["n_descriptors"])
    center, scale = _scaler(x[:, :n_descriptors])
    return center, scale, x[:, n_descriptors:].astype(np.float64)


def fit_gaussian(x: Matrix, y: Floats, *, seed: int, like: Gaussian | None = None) -> Gaussian:
    """Fit on x (n, d) and y (n,), or on 2,000 of them drawn by seed; one core.

    Length and noise are those of `like`, or the pair of a small grid with the highest evidence on 600 rows.
    """
    draw = np.random.default_rng(seed).permutation(len(y))
    rows = np.sort(draw[:MAX_GAUSSIAN])
    if like is None:
        few = np.sort(draw[:600])
        pairs = product((0.3, 0.6, 1.2, 2.4), (0.02, 0.08, 0.3))
        grid = [Gaussian(x[few], y[few], length, noise) for length, noise in pairs]
        like = max(grid, key=lambda model: model.log_evidence)
    return Gaussian(np.ascontiguousarray(x[rows]), y[rows], like.length, like.noise)
