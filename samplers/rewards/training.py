"""Learn a property from labelled molecules: compare families on held-out scaffolds, keep the best, calibrate it.

`train_judge` learns a second opinion on the same label from other features, with another kind of learner, on its own
part of the data. A campaign never optimises against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import rdkit
import sklearn
from numpy.typing import ArrayLike, NDArray

from samplers.errors import RewardError
from samplers.rewards.censoring import Signs, filled_in, one_sided_rmse, signs
from samplers.rewards.classes import (
    FLOOR,
    MAX_DOUBT,
    MIN_OF_A_CLASS,
    class_scores,
    cross_calibrated,
    doubt_scale,
    fit_calibration,
    set_coverage,
)
from samplers.rewards.features import FEATURE_SETS, Matrix, Prepared
from samplers.rewards.models import ModelReport, Prediction, PropertyModel
from samplers.rewards.regressors import FAMILIES, Ensemble, Gaussian, fit_ensemble, fit_gaussian
from samplers.rewards.validation import (
    Z_NOMINAL,
    conformal_scale,
    cross_coverage,
    fit_domain,
    group_folds,
    regression_scores,
    scaffold_key,
    widened,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MIN_LABELS: Final = 20
MAX_VALIDATED: Final = 3000
MAX_CLASSIFIED: Final = 8000  # rare classes need more molecules to compare families by
KINDS: Final = ("regression", "class")
MAX_FITTED: Final = 20_000
N_FOLDS: Final = 5
JUDGE_SHARE_UNSEEN: Final = 0.2
JUDGE_SEED: Final = 7919  # added to the run's seed, so that the judge splits otherwise


@dataclass(frozen=True, slots=True)
class Labelled:
    """n molecules with labels, prepared: y (n,), keys (n,) their scaffold groups, side (n,) of bounds (0: measured)."""

    batch: Prepared
    y: Floats
    keys: list[str]
    side: Signs
    classes: bool


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Out-of-fold answers for m rows: means by family, spread, in_domain and fold, (m,) each."""

    rows: Ints
    means: dict[str, Floats]
    spread: Floats
    in_domain: Floats
    fold: Ints
    baseline: Floats

    def only(self, kept: NDArray[np.bool_]) -> HeldOut:
        """The same for some of the rows."""
        parts = {name: getattr(self, name)[kept] for name in ("rows", "spread", "in_domain", "fold", "baseline")}
        return HeldOut(means={family: mean[kept] for family, mean in self.means.items()}, **parts)


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of labels beside their values."""

    relation: Sequence[str | None] | None
    kind: str


Fit = Callable[[Matrix, Floats], Ensemble | Gaussian]
Means = Callable[[Any, Matrix], tuple[dict[str, Floats], Floats]]


def _checked(smiles: Sequence[str], y: ArrayLike, name: str, generic: bool, more: Told) -> Labelled:
    if more.kind not in KINDS:
        raise RewardError(f"A model is of kind {' or '.join(KINDS)}, not {more.kind!r}.")
    labels = np.asarray(y, dtype=np.float64)
    if len(smiles) != len(labels):
        raise RewardError(f"{len(smiles)} structures and {len(labels)} values of {name!r} do not match.")
    if not np.isfinite(labels).all():
        raise RewardError(
            f"{int((~np.isfinite(labels)).sum())} values of {name!r} are not numbers. Leave those rows out."
        )
    side = signs(more.relation, len(labels), name)
    if more.kind == "class":
        _check_classes(labels, side, name)
    if (side == 0).sum() < MIN_LABELS < len(labels):
        raise RewardError(
            f"Only {int((side == 0).sum())} values of {name!r} are measured, the others are bounds; a model needs at "
            f"least {MIN_LABELS}."
        )
    if len(labels) < MIN_LABELS:
        raise RewardError(
            f"Only {len(labels)} molecules carry {name!r}; a model needs at least {MIN_LABELS}. "
            "Add labelled molecules, or use computed properties."
        )
    if np.ptp(labels) <= 1e-9 * max(1.0, float(np.abs(labels).max())):
        raise RewardError(f"All {len(labels)} values of {name!r} are {labels[0]:g}, so there is nothing to learn.")
    batch = Prepared(smiles)
    if not batch.valid.all():
        row = int(np.argmin(batch.valid))
        raise RewardError(f"Structure {row + 1} ({smiles[row]!r:.80}) cannot be read. Standardise the data first.")
    keys = [scaffold_key(mol, generic) for mol in batch.mols]
    return Labelled(batch, labels, keys, side, more.kind == "class")


def _check_classes(labels: Floats, side: Signs, name: str) -> None:
    if not np.isin(labels, (0.0, 1.0)).all() or side.any():
        raise RewardError(f"The classes of {name!r} must be 0 and 1, without bounds.")
    fewest = int(min(labels.sum(), len(labels) - labels.sum()))
    if fewest < MIN_OF_A_CLASS:
        raise RewardError(
            f"One class of {name!r} has {fewest} molecules; a model needs at least {MIN_OF_A_CLASS} of each."
        )


def _held_out(data: Labelled, rows: Ints, feature_set: str, fit: Fit, means_of: Means, seed: int) -> HeldOut:
    x, bits, y = data.batch.features(feature_set), data.batch.bits(feature_set), data.y
    keys = [data.keys[i] for i in rows]
    n_groups = len(set(keys))
    if n_groups < 2:  # one scaffold only: the molecules themselves are the groups
        keys, n_groups = [str(i) for i in rows], len(rows)
    n_folds = min(N_FOLDS, n_groups)
    fold = group_folds(keys, n_folds, seed)
    spread, in_domain, baseline = (np.empty(len(rows)) for _ in range(3))
    means: dict[str, Floats] = {}
    for held in range(n_folds):
        out, rest = rows[fold == held], rows[fold != held]
        model = fit(x[rest], filled_in(x[rest], y[rest], data.side[rest], seed))
        answers, spread[fold == held] = means_of(model, x[out])
        in_domain[fold == held] = fit_domain(bits[rest], seed).score(bits[out])
        baseline[fold == held] = y[rest][data.side[rest] == 0].mean()
        for family, answer in answers.items():
            means.setdefault(family, np.empty(len(rows)))[fold == held] = answer
    return HeldOut(rows, means, spread, in_domain, fold, baseline)


def _notes(data: Labelled, rows: Ints, scores: dict[str, float], outside: float) -> list[str]:
    notes = []
    n_exact = int((data.side == 0).sum())
    if len(rows) < n_exact:
        notes.append(f"Validated on {len(rows):,} molecules drawn from {len(data.y):,}, to stay within seconds.")
    if len({data.keys[i] for i in rows}) < 2:
        notes.append("All molecules share one scaffold, so the validation says nothing about other scaffolds.")
    if data.classes:
        if scores["auc"] < 0.6:
            notes.append("On held-out scaffolds the model hardly tells the classes apart. Do not steer by it.")
        elif scores["auc"] < 0.7:
            notes.append("On held-out scaffolds the model tells the classes apart poorly. Keep the caution high.")
    elif scores["r2"] <= 0:
        notes.append("On held-out scaffolds the model is no better than the mean of the labels. Do not steer by it.")
    elif scores["r2"] < 0.3:
        notes.append("On held-out scaffolds the model explains little of the label. Keep the caution high.")
    if outside > 0.5:
        notes.append("Most held-out scaffolds lie outside the domain: the data hold small, separate series.")
    if len(data.y) < 100:
        notes.append(f"With {len(data.y)} labels all figures here are rough.")
    return notes


def _report(
    data: Labelled,
    held: HeldOut,
    model: PropertyModel,
    seed: int,
    scores: dict[str, float],
    coverage: float,
    parity: tuple[Floats, Floats, Floats],
) -> ModelReport:
    """The report of a calibrated model; parity: observed, predicted and doubt of the held-out molecules."""
    outside = float((held.in_domain < 1).mean())
    observed, predicted, std = (column.round(6).tolist() for column in parity)
    return ModelReport(
        name=model.name,
        role=model.role,
        family=model.family,
        features=str(FEATURE_SETS[model.feature_set]["words"]),
        seed=seed,
        n_labels=len(data.y),
        n_validated=len(held.rows),
        n_scaffolds=len(set(data.keys)),
        n_folds=int(held.fold.max()) + 1,
        quantiles={str(q): float(np.quantile(data.y, q / 100)) for q in (5, 25, 50, 75, 95)},
        scores=scores,
        families={},
        baseline=regression_scores(data.y[held.rows], held.baseline),
        coverage=coverage,
        domain_threshold=model.domain.threshold,
        share_outside=outside,
        parity={"observed": observed, "predicted": predicted, "std": std},
        notes=_notes(data, held.rows, scores, outside),
        versions={"rdkit": rdkit.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
    )


def _finish(
    data: Labelled, held: HeldOut, family: str, model: PropertyModel, seed: int
) -> tuple[PropertyModel, ModelReport]:
    """Calibrate the model by its held-out residuals and write the report."""
    if data.classes:
        return _finish_classes(data, held, family, model, seed)
    exact = data.side[held.rows] == 0
    every, held = held, held.only(exact)
    y, predicted = data.y[held.rows], held.means[family]
    scores = regression_scores(y, predicted)
    n_censored = int((data.side != 0).sum())
    if n_censored:
        bounded = (every.means[family], data.y[every.rows], data.side[every.rows])
        scores["one_sided_rmse"] = one_sided_rmse(*bounded)
    floor = 0.3 * scores["rmse"] + 1e-9
    doubt = widened(held.spread, floor, held.in_domain)
    model = replace(model, floor=floor, scale=conformal_scale(predicted - y, doubt))
    covered = cross_coverage(predicted - y, doubt, held.fold)
    report = _report(data, held, model, seed, scores, covered, (y, predicted, model.scale * doubt))
    families = {name: regression_scores(y, mean) for name, mean in held.means.items()}
    report = replace(report, families=families, n_validated=len(every.rows), n_censored=n_censored)
    return model, report


def _finish_classes(
    data: Labelled, held: HeldOut, family: str, model: PropertyModel, seed: int
) -> tuple[PropertyModel, ModelReport]:
    """As `_finish`, for probabilities."""
    y, raw = data.y[held.rows], held.means[family]
    p = cross_calibrated(raw, y, held.fold)
    doubt = widened(held.spread, FLOOR, held.in_domain)
    scale = doubt_scale(p, y, doubt, [data.keys[i] for i in held.rows])
    model = replace(model, floor=FLOOR, scale=scale, calibration=fit_calibration(raw, y))
    sets = set_coverage(p, y, held.fold)
    scores = {**regression_scores(y, p), **class_scores(y, p), **sets}
    report = _report(data, held, model, seed, scores, sets["coverage"], (y, p, np.minimum(scale * doubt, MAX_DOUBT)))
    ranked = {name: {**regression_scores(y, m), **class_scores(y, m)} for name, m in held.means.items()}
    return model, replace(report, families=ranked, kind="class")


def _draw(n: int, most: int, seed: int) -> Ints:
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def train_property_model(
    smiles: Sequence[str],
    y: ArrayLike,
    *,
    name: str,
    seed: int,
    folder: Path | str,
    relation: Sequence[str | None] | None = None,
    kind: str = "regression",
) -> ModelReport:
    """Learn `name` from n standardised SMILES and labels y (n,), and store the model in `folder`.

    Ridge, a forest, boosting and the mean of the last two are compared on five folds of whole scaffolds; the one
    with the smallest held-out RMSE is kept, fitted on everything, and its doubt calibrated by the held-out residuals.
    relation (n,): "=" for a measured value, "<" or ">" for a bound; bounds are filled in, see `censoring`. kind: for
    "class" the labels are 0 and 1, the family with the highest AUC is kept and its probabilities are calibrated.
    The same data and seed give the same stored bytes. Raises RewardError for fewer than 20 measured labels, labels
    that are constant or not finite, classes with fewer than 10 molecules, and structures that cannot be read.
    """
    data = _checked(smiles, y, name, generic=False, more=Told(relation, kind))
    x = data.batch.features("main")
    rows = _draw(len(data.y), MAX_CLASSIFIED if data.classes else MAX_VALIDATED, seed)

    def fit(a: Matrix, b: Floats) -> Ensemble:
        return fit_ensemble(a, b, seed=seed, classes=data.classes)

    held = _held_out(data, rows, "main", fit, lambda m, a: m.predict_families(a), seed)
    family = _best_family(data, held)
    fitted = _draw(len(data.y), MAX_FITTED, seed)
    labels = filled_in(x[fitted], data.y[fitted], data.side[fitted], seed)
    model = PropertyModel(
        name=name, role="reward", family=family, feature_set="main",
        regressor=fit_ensemble(x[fitted], labels, seed=seed, family=family, classes=data.classes),
        domain=fit_domain(data.batch.bits("main")[fitted], seed), floor=0.0, scale=1.0,
    )  # fmt: skip
    model, report = _finish(data, held, family, model, seed)
    model.save(Path(folder), report.to_dict())
    return report


def _best_family(data: Labelled, held: HeldOut) -> str:
    """The family with the smallest error on the measured labels, or with the highest AUC of classes."""
    exact = held.only(data.side[held.rows] == 0)
    y = data.y[exact.rows]
    if data.classes:
        return max(FAMILIES, key=lambda one: class_scores(y, exact.means[one])["auc"])
    return min(FAMILIES, key=lambda one: regression_scores(y, exact.means[one])["rmse"])


def train_judge(
    smiles: Sequence[str],
    y: ArrayLike,
    *,
    name: str,
    seed: int,
    folder: Path | str,
    relation: Sequence[str | None] | None = None,
    kind: str = "regression",
) -> ModelReport:
    """Learn a second opinion on `name`, never to be optimised against, and store it in `folder`.

    A Gaussian process on atom pairs, torsions and other descriptors; it sees about four fifths of the molecules
    (whole generic scaffolds, drawn by a seed of its own) and is tested on the rest. Arguments and errors as for
    `train_property_model`; classes are regressed as 0 and 1, and the result calibrated to probabilities.
    """
    own_seed = seed + JUDGE_SEED
    everything = _checked(smiles, y, name, generic=True, more=Told(relation, kind))
    unseen = _unseen_part(everything.keys, own_seed)
    data, rest = _part(everything, ~unseen), _part(everything, unseen)
    x = data.batch.features("judge")
    final = fit_gaussian(x, filled_in(x, data.y, data.side, own_seed), seed=own_seed)
    rows = _draw(len(data.y), MAX_VALIDATED, own_seed)

    def fit(x: Matrix, labels: Floats) -> Gaussian:
        return fit_gaussian(x, labels, seed=own_seed, like=final)

    held = _held_out(data, rows, "judge", fit, _one_family, own_seed)
    model = PropertyModel(
        name=name, role="judge", family="gaussian", feature_set="judge", regressor=final,
        domain=fit_domain(data.batch.bits("judge"), own_seed), floor=0.0, scale=1.0,
    )  # fmt: skip
    model, report = _finish(data, held, "gaussian", model, own_seed)
    if (rest.side == 0).sum() > 1:
        report = replace(report, held_out=_tested(rest, model.predict(rest.batch)))
    model.save(Path(folder), report.to_dict())
    return report


def _unseen_part(keys: list[str], seed: int) -> NDArray[np.bool_]:
    """Rows that the judge never sees: whole groups in drawn order, up to a fifth of all.

    A group that holds more than a twentieth of the molecules stays with the judge: its absence would be felt
    everywhere, and the part would test one scaffold instead of many.
    """
    names, member, sizes = np.unique(np.array(keys), return_inverse=True, return_counts=True)
    chosen, taken = np.zeros(len(names), dtype=bool), 0
    for group in np.random.default_rng(seed).permutation(len(names)):
        fits = taken + sizes[group] <= JUDGE_SHARE_UNSEEN * len(keys)
        if fits and sizes[group] <= max(1, len(keys) // 20):
            chosen[group], taken = True, taken + sizes[group]
    return chosen[member]


def _part(data: Labelled, chosen: NDArray[np.bool_]) -> Labelled:
    rows = np.flatnonzero(chosen)
    batch = Prepared([data.batch.smiles[i] for i in rows])
    return replace(data, batch=batch, y=data.y[rows], keys=[data.keys[i] for i in rows], side=data.side[rows])


def _one_family(model: Any, x: Matrix) -> tuple[dict[str, Floats], Floats]:
    mean, spread = model.predict(x)
    return {"gaussian": mean}, spread


def _tested(rest: Labelled, answer: Prediction) -> dict[str, float]:
    exact = rest.side == 0
    y, mean, std = rest.y[exact], answer.mean[exact], answer.std[exact]
    found = {**regression_scores(y, mean), "n": float(len(y))}
    if not rest.classes:
        return {**found, "coverage": float((np.abs(mean - y) <= Z_NOMINAL * std).mean())}
    return {**found, **(class_scores(y, mean) if 0 < y.sum() < len(y) else {})}
