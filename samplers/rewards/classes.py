"""Learned probabilities of a class: calibrated on held-out scaffolds, and judged there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from samplers.rewards.validation import NOMINAL

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Calibration = tuple[float, float]

EDGE: Final = 1e-3
MIN_OF_A_CLASS: Final = 10
MIN_GROUP: Final = 5
MIN_GROUPS: Final = 10
FLOOR: Final = 0.05  # least raw doubt of a probability
MAX_DOUBT: Final = 0.5
BINS: Final = 10


def log_odds(p: Floats) -> Floats:
    """Log odds of probabilities, which are kept off 0 and 1 by 0.001."""
    kept = np.clip(p, EDGE, 1 - EDGE)
    return np.log(kept) - np.log1p(-kept)


def calibrated(p: Floats, calibration: Calibration) -> Floats:
    """Probabilities after the logistic map that `fit_calibration` found, (n,)."""
    slope, start = calibration
    return np.asarray(expit(slope * log_odds(p) + start), dtype=np.float64)


def fit_calibration(p: Floats, y: Floats) -> Calibration:
    """Slope and start of the logistic map from raw log odds to probabilities, by Newton's method.

    A weak pull towards the identity keeps it finite on few molecules. Source: Platt 1999.
    """
    z = np.column_stack([log_odds(p), np.ones(len(p))])
    prior, weights = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    for _ in range(50):
        q = expit(z @ weights)
        gradient = z.T @ (q - y) + (weights - prior)
        hessian = (z * (q * (1 - q))[:, None]).T @ z + np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    return max(float(weights[0]), 0.01), float(weights[1])


def cross_calibrated(p: Floats, y: Floats, fold: Ints) -> Floats:
    """Each fold calibrated by the others, so that the figures of a calibration are not its own."""
    result = np.empty(len(p))
    for held in np.unique(fold):
        out = fold == held
        result[out] = calibrated(p[out], fit_calibration(p[~out], y[~out]))
    return result


def class_scores(y: Floats, p: Floats) -> dict[str, float]:
    """AUC, area under precision and recall, Brier score, log loss, expected calibration error of probabilities."""
    kept = np.clip(p, 1e-9, 1 - 1e-9)
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = [abs(float((y - p)[place == one].sum())) for one in range(BINS)]
    return {
        "auc": float(roc_auc_score(y, p)),
        "pr_auc": float(average_precision_score(y, p)),
        "brier": float(np.mean((y - p) ** 2)),
        "log_loss": float(-np.mean(y * np.log(kept) + (1 - y) * np.log1p(-kept))),
        "calibration_error": sum(gaps) / len(y),
    }


def set_coverage(p: Floats, y: Floats, fold: Ints) -> dict[str, float]:
    """How often 90 % prediction sets hold the true class: overall, of each class, and how often they hold one alone.

    A class is in the set when its probability is above the value that 90 % of that class exceeds in the other folds
    (class-conditional split conformal, Vovk 2012).
    """
    inside, alone = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
    of_class = np.column_stack([1 - p, p])
    for held in np.unique(fold):
        out = fold == held
        least = [_least(of_class[~out & (y == one), one]) for one in (0, 1)]
        kept = of_class[out] >= np.array(least)
        inside[out] = kept[np.arange(int(out.sum())), y[out].astype(int)]
        alone[out] = kept.sum(axis=1) == 1
    return {
        "coverage": float(inside.mean()),
        "coverage_0": float(inside[y == 0].mean()),
        "coverage_1": float(inside[y == 1].mean()),
        "sets_of_one": float(alone.mean()),
    }


def _least(own: Floats) -> float:
    place = math.floor((1 - NOMINAL) * (len(own) + 1)) - 1
    return float(np.sort(own)[place]) if place >= 0 else 0.0


def doubt_scale(p: Floats, y: Floats, doubt: Floats, keys: Sequence[str]) -> float:
    """The factor that turns raw doubts into standard deviations of the probability itself.

    Whole held-out scaffolds of at least 5 molecules show how far the mean probability strays from the share observed,
    beyond what chance alone does to so few molecules. With fewer than 10 such scaffolds the factor is 1.
    """
    names, member, sizes = np.unique(
        np.asarray(keys, dtype=object).astype(str), return_inverse=True, return_counts=True
    )
    large = sizes >= MIN_GROUP
    if large.sum() < MIN_GROUPS:
        return 1.0

    def mean_of(values: Floats) -> Floats:
        return np.asarray(np.bincount(member, values, len(names)) / sizes)[large]

    excess = mean_of(y - p) ** 2 - mean_of(p * (1 - p)) / sizes[large]
    share = float((sizes[large] * excess).sum() / (sizes[large] * mean_of(doubt) ** 2).sum())
    return math.sqrt(min(max(share, 0.01), 25.0))
