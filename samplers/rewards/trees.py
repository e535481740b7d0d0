"""Fitted tree ensembles as flat arrays of numbers, evaluated in numpy.

A stored model is then nothing but numbers: no code is loaded with it, and it answers the same under any version
of scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trees:
    """t trees with m nodes in all. A leaf points to itself on both sides.

    roots (t,), feature, left, right (m,): positions. threshold, value (m,): float64; a row goes left when its
    feature is ≤ the threshold.
    """

    roots: NDArray[np.intp]
    feature: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    threshold: Floats
    value: Floats

    def leaf_values(self, x: NDArray[np.float32]) -> Floats:
        """Value of the leaf that each row reaches in each tree: x (n, d) gives (n, t)."""
        n, d = x.shape
        flat = x.ravel()
        node = np.tile(self.roots, n)
        active, here = np.arange(node.size), node
        row = np.repeat(np.arange(n, dtype=np.intp) * d, len(self.roots))
        while active.size:  # one level of all trees and rows at a time; those that reached a leaf drop out
            goes_left = flat.take(row + self.feature.take(here)) <= self.threshold.take(here)
            there = np.where(goes_left, self.left.take(here), self.right.take(here))
            node[active] = there
            moved = np.flatnonzero(self.left.take(there) != there)
            active, here, row = active.take(moved), there.take(moved), row.take(moved)
        return self.value.take(node).reshape(n, len(self.roots))

    def to_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """The arrays under names that start with `prefix`; `from_arrays` takes them back."""
        names = ("roots", "feature", "left", "right", "threshold", "value")
        arrays = {f"{prefix}.{name}": getattr(self, name) for name in names}
        return {key: a.astype(np.int32) if a.dtype == np.intp else a for key, a in arrays.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], prefix: str, n_features: int) -> Self:
        """Rebuild, refusing arrays that could send a row out of bounds or round in circles (ValueError)."""
        get = {name: arrays[f"{prefix}.{name}"] for name in ("roots", "feature", "left", "right")}
        threshold, value = arrays[f"{prefix}.threshold"], arrays[f"{prefix}.value"]
        m = len(value)
        here = np.arange(m)
        leaf = get["left"] == here
        sound = all(len(a) == m for a in (get["feature"], get["left"], get["right"], threshold)) and bool(
            np.all((get["roots"] >= 0) & (get["roots"] < m))
            and np.all((get["feature"] >= 0) & (get["feature"] < n_features))
            and np.all(np.where(leaf, get["right"] == here, (get["left"] > here) & (get["right"] > here)))
            and np.all((get["left"] < m) & (get["right"] < m))
        )
        if not sound:
            raise ValueError(f"{prefix}: the stored trees are damaged")
        return cls(**{name: a.astype(np.intp) for name, a in get.items()}, threshold=threshold, value=value)


def _stack(trees: list[dict[str, NDArray[Any]]]) -> Trees:
    """Join trees whose child positions are relative to their own first node; leaves are marked in `leaf`."""
    starts = np.cumsum([0] + [len(tree["value"]) for tree in trees])
    columns: dict[str, list[NDArray[Any]]] = {k: [] for k in ("feature", "left", "right", "threshold", "value")}
    for start, tree in zip(starts[:-1], trees, strict=True):
        leaf, own = tree["leaf"], np.arange(len(tree["value"]))
        columns["feature"].append(np.where(leaf, 0, tree["feature"]))
        columns["left"].append(start + np.where(leaf, own, tree["left"]))
        columns["right"].append(start + np.where(leaf, own, tree["right"]))
        columns["threshold"].append(np.where(leaf, 0.0, tree["threshold"]))
        columns["value"].append(tree["value"])
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Trees(
        roots=starts[:-1].astype(np.intp),
        feature=joined["feature"].astype(np.intp),
        left=joined["left"].astype(np.intp),
        right=joined["right"].astype(np.intp),
        threshold=joined["threshold"].astype(np.float64),
        value=joined["value"].astype(np.float64),
    )


def from_forest(forest: Any) -> Trees:
    """Flatten a fitted scikit-learn forest of regression trees with one output."""
    parts = [estimator.tree_ for estimator in forest.estimators_]
    return _stack(
        [
            {
                "leaf": tree.children_left < 0,
                "feature": tree.feature,
                "left": tree.children_left,
                "right": tree.children_right,
                "threshold": tree.threshold,
                "value": tree.value[:, 0, 0],
            }
            for tree in parts
        ]
    )


def from_boosting(boosting: Any) -> tuple[Trees, float]:
    """Flatten a fitted HistGradientBoostingRegressor; also returns the constant to which its leaves are added."""
    parts = [predictor.nodes for (predictor,) in boosting._predictors]
    trees = _stack(
        [
            {
                "leaf": nodes["is_leaf"].astype(bool),
                "feature": nodes["feature_idx"],
                "left": nodes["left"].astype(np.int64),
                "right": nodes["right"].astype(np.int64),
                "threshold": nodes["num_threshold"],
                "value": nodes["value"],
            }
            for nodes in parts
        ]
    )
    return trees, float(np.ravel(boosting._baseline_prediction)[0])
