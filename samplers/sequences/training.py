"""Learn a property from labelled sequences: compare families on held-out clusters, keep the best, calibrate it.

As `samplers.rewards.training` does for molecules, with clusters of alike sequences instead of scaffolds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray

from samplers.errors import RewardError
from samplers.rewards.models import ModelReport
from samplers.rewards.validation import (
    Z_NOMINAL,
    conformal_scale,
    cross_coverage,
    fit_domain,
    group_folds,
    regression_scores,
    widened,
)
from samplers.sequences.clusters import IDENTITY, LONG, clusters
from samplers.sequences.features import FeatureSet, Matrix, feature_set
from samplers.sequences.learners import FAMILIES, Ensemble, Gaussian, fit_ensemble, fit_gaussian
from samplers.sequences.models import SequenceModel
from samplers.sequences.prepared import Sequences

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Means = tuple[dict[str, Floats], Floats]

MIN_LABELS: Final = 20
MAX_VALIDATED: Final = 3000
MAX_VALIDATED_LONG: Final = 2000  # where sequences are longer than 64 letters
MAX_FITTED: Final = 10_000
N_FOLDS: Final = 5
JUDGE_SHARE_UNSEEN: Final = 0.2
JUDGE_SEED: Final = 7919  # added to the run's seed, so that the judge splits otherwise
JUDGE_IDENTITY: Final = 0.6  # wider clusters than those of the model


@dataclass(frozen=True, slots=True)
class Labelled:
    """n sequences with labels y (n,); the features of a set, and what the domain is measured by."""

    texts: list[str]
    y: Floats
    features: FeatureSet
    x: Matrix
    bits: NDArray[np.uint8]

    def part(self, rows: Ints) -> Labelled:
        """Some of the rows, under the same features."""
        return Labelled([self.texts[i] for i in rows], self.y[rows], self.features, self.x[rows], self.bits[rows])


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Out-of-fold answers for m rows: means by family, spread, in_domain, fold and baseline, (m,) each."""

    means: dict[str, Floats]
    spread: Floats
    in_domain: Floats
    fold: Ints
    baseline: Floats
    n_clusters: int


def _checked(
    sequences: Sequence[str], y: ArrayLike, alphabet: str, name: str, set_name: str, seed: int
) -> tuple[Labelled, int]:
    """At most 10,000 of the sequences, drawn by seed, with their features; and the number of labels in all."""
    labels = np.asarray(y, dtype=np.float64)
    if len(sequences) != len(labels):
        raise RewardError(f"{len(sequences)} sequences and {len(labels)} values of {name!r} do not match.")
    if not np.isfinite(labels).all():
        bad = int((~np.isfinite(labels)).sum())
        raise RewardError(f"{bad} values of {name!r} are not numbers. Leave those rows out.")
    if len(labels) < MIN_LABELS:
        raise RewardError(
            f"Only {len(labels)} sequences carry {name!r}; a model needs at least {MIN_LABELS}. "
            "Add labelled sequences, or use computed properties."
        )
    if np.ptp(labels) <= 1e-9 * max(1.0, float(np.abs(labels).max())):
        raise RewardError(f"All {len(labels)} values of {name!r} are {labels[0]:g}, so there is nothing to learn.")
    batch = Sequences(sequences, alphabet)
    if not batch.valid.all():
        row = int(np.argmin(batch.valid))
        label = batch.alphabet.label
        raise RewardError(f"Sequence {row + 1} ({sequences[row]!r:.60}) is no {label}. Standardise the data first.")
    rows = _draw(len(labels), MAX_FITTED, seed)
    features, few = feature_set(set_name, batch), Sequences([batch.texts[i] for i in rows], alphabet)
    return Labelled(few.texts, labels[rows], features, features.matrix(few), features.bits(few)), len(labels)


def _validated(data: Labelled, seed: int) -> Labelled:
    """The rows on which families are compared: few enough for clustering to take seconds."""
    long = max(map(len, data.texts)) > LONG
    return data.part(_draw(len(data.y), MAX_VALIDATED_LONG if long else MAX_VALIDATED, seed))


def _held_out(data: Labelled, identity: float, fit: Callable[[Matrix, Floats], Any], seed: int) -> HeldOut:
    keys = clusters(data.texts, data.features.alphabet, identity)
    n_clusters = int(keys.max()) + 1
    if n_clusters < 2:  # all alike: the sequences themselves are the groups
        keys = np.arange(len(data.y))
    n_folds = min(N_FOLDS, int(keys.max()) + 1)
    fold = group_folds([str(key) for key in keys], n_folds, seed).astype(np.int64)
    spread, in_domain, baseline = (np.empty(len(data.y)) for _ in range(3))
    means: dict[str, Floats] = {}
    for held in range(n_folds):
        out, rest = np.flatnonzero(fold == held), np.flatnonzero(fold != held)
        answers, spread[out] = _means(fit(data.x[rest], data.y[rest]), data.x[out])
        in_domain[out] = fit_domain(data.bits[rest], seed).score(data.bits[out])
        baseline[out] = data.y[rest].mean()
        for family, answer in answers.items():
            means.setdefault(family, np.empty(len(data.y)))[out] = answer
    return HeldOut(means, spread, in_domain, fold, baseline, n_clusters)


def _means(model: Ensemble | Gaussian, x: Matrix) -> Means:
    if isinstance(model, Ensemble):
        return model.families(x)
    mean, spread = model.predict(x)
    return {"gaussian": mean}, spread


def _notes(n: int, held: HeldOut, n_validated: int, scores: dict[str, float]) -> list[str]:
    notes = []
    if n_validated < n:
        notes.append(f"Validated on {n_validated:,} sequences drawn from {n:,}, to stay within seconds.")
    if held.n_clusters < 2:
        notes.append("All sequences are alike, so the validation says nothing about other kinds of sequence.")
    if scores["r2"] <= 0:
        notes.append("On held-out clusters the model is no better than the mean of the labels. Do not steer by it.")
    elif scores["r2"] < 0.3:
        notes.append("On held-out clusters the model explains little of the label. Keep the caution high.")
    if float((held.in_domain < 1).mean()) > 0.5:
        notes.append("Most held-out clusters lie outside the domain: the data hold small, separate families.")
    if n < 100:
        notes.append(f"With {n} labels all figures here are rough.")
    return notes


def _finish(n: int, y: Floats, held: HeldOut, model: SequenceModel, seed: int) -> tuple[SequenceModel, ModelReport]:
    """Calibrate the model by its residuals on the validated labels y (m,) of n, and write the report."""
    predicted = held.means[model.family]
    scores = regression_scores(y, predicted)
    floor = 0.3 * scores["rmse"] + 1e-9
    doubt = widened(held.spread, floor, held.in_domain)
    model = replace(model, floor=floor, scale=conformal_scale(predicted - y, doubt))
    parity = {"observed": y, "predicted": predicted, "std": model.scale * doubt}
    report = ModelReport(
        name=model.name,
        role=model.role,
        family=model.family,
        features=model.features.words,
        seed=seed,
        n_labels=n,
        n_validated=len(y),
        n_scaffolds=held.n_clusters,
        n_folds=int(held.fold.max()) + 1,
        quantiles={str(q): float(np.quantile(y, q / 100)) for q in (5, 25, 50, 75, 95)},
        scores=scores,
        families={name: regression_scores(y, mean) for name, mean in held.means.items()},
        baseline=regression_scores(y, held.baseline),
        coverage=cross_coverage(predicted - y, doubt, held.fold.astype(np.intp)),
        domain_threshold=model.domain.threshold,
        share_outside=float((held.in_domain < 1).mean()),
        parity={name: values.round(6).tolist() for name, values in parity.items()},
        notes=_notes(n, held, len(y), scores),
        versions={"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    )
    return model, report


def _draw(n: int, most: int, seed: int) -> Ints:
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def train_sequence_model(
    sequences: Sequence[str], y: ArrayLike, *, alphabet: str, name: str, seed: int, folder: Path | str
) -> ModelReport:
    """Learn `name` from n standardised sequences and labels y (n,), and store the model in `folder`.

    Ridge, a forest, boosting, and the mean of ridge and boosting are compared on five folds of whole clusters (70 %
    identity); the one with the smallest held-out RMSE is kept, fitted on everything, and its doubt calibrated by the
    held-out residuals. In the report `n_scaffolds` counts clusters. The same data and seed give the same stored bytes.
    Raises RewardError for fewer than 20 labels, labels that are constant or not finite, and texts of another alphabet.
    """
    data, n = _checked(sequences, y, alphabet, name, "main", seed)
    validated = _validated(data, seed)
    held = _held_out(validated, IDENTITY, lambda a, b: fit_ensemble(a, b, seed=seed), seed)
    family = min(FAMILIES, key=lambda one: regression_scores(validated.y, held.means[one])["rmse"])
    model = SequenceModel(
        name=name, role="reward", family=family, features=data.features, floor=0.0, scale=1.0,
        learner=fit_ensemble(data.x, data.y, seed=seed, family=family), domain=fit_domain(data.bits, seed),
    )  # fmt: skip
    model, report = _finish(n, validated.y, held, model, seed)
    model.save(Path(folder), report.to_dict())
    return report


def train_sequence_judge(
    sequences: Sequence[str], y: ArrayLike, *, alphabet: str, name: str, seed: int, folder: Path | str
) -> ModelReport:
    """Learn a second opinion on `name`, never to be optimised against, and store it in `folder`.

    A Gaussian process on other features; it sees about four fifths of the sequences (whole clusters of 60 % identity,
    drawn by a seed of its own) and is tested on the rest. Same errors as `train_sequence_model`.
    """
    own_seed = seed + JUDGE_SEED
    everything, n = _checked(sequences, y, alphabet, name, "judge", own_seed)
    unseen = _unseen(everything, own_seed)
    data, rest = everything.part(np.flatnonzero(~unseen)), everything.part(np.flatnonzero(unseen))
    n_placed = data.features.n_placed
    final = fit_gaussian(data.x, data.y, n_placed, seed=own_seed)
    validated = _validated(data, own_seed)

    def fit(x: Matrix, labels: Floats) -> Gaussian:
        return fit_gaussian(x, labels, n_placed, seed=own_seed, like=final)

    held = _held_out(validated, JUDGE_IDENTITY, fit, own_seed)
    model = SequenceModel(
        name=name, role="judge", family="gaussian", features=data.features, learner=final, floor=0.0, scale=1.0,
        domain=fit_domain(data.bits, own_seed),
    )  # fmt: skip
    model, report = _finish(n - len(rest.y), validated.y, held, model, own_seed)
    if len(rest.y) > 1:
        report = replace(report, held_out=scores_on(model, rest.texts, rest.y))
    model.save(Path(folder), report.to_dict())
    return report


def _unseen(data: Labelled, seed: int) -> NDArray[np.bool_]:
    """Rows that the judge never sees: whole clusters in drawn order, up to a fifth of all.

    Above 5,000 sequences, or 2,000 long ones, every cluster is one sequence, since clustering so many would take
    minutes. A cluster of more than a twentieth of the sequences stays with the judge.
    """
    many = len(data.y) > (2000 if max(map(len, data.texts)) > LONG else 5000)
    member = np.arange(len(data.y)) if many else clusters(data.texts, data.features.alphabet, JUDGE_IDENTITY)
    sizes = np.bincount(member)
    chosen, taken = np.zeros(len(sizes), dtype=bool), 0
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if taken + sizes[group] <= JUDGE_SHARE_UNSEEN * len(data.y) and sizes[group] <= max(1, len(data.y) // 20):
            chosen[group], taken = True, taken + int(sizes[group])
    return chosen[member]


def scores_on(model: SequenceModel, sequences: Sequence[str], y: Floats) -> dict[str, float]:
    """Scores of a model on labelled sequences it has not seen, the coverage of its 90 % interval, and n."""
    answer = model.predict(sequences)
    inside = np.abs(answer.mean - y) <= Z_NOMINAL * answer.std
    return {**regression_scores(y, answer.mean), "coverage": float(inside.mean()), "n": float(len(y))}
