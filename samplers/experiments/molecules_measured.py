"""Molecules with a wanted measured value: real labels, a labeler and a second judge, and no truth to ask.

Labelled molecules and molecules without a label are learned together. Nine targets lie over the central 90 % of what
is predicted for them, one at the edge of the honesty band and one beyond every label; each is told by the labeler, by
a judge that shares neither features nor learner with it, and by how far its designs lie from the data.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplers.config import setting
from samplers.diffusion import diagnostics
from samplers.diffusion.targets import targets_for
from samplers.diffusion.training import State, summarise
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.molecules_diffusion import FILE, LearningSettings, Molecules, learned, read, sampled
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.labels import reference
from samplers.rng import generator

Floats = NDArray[np.float64]
BEYOND = 0.5  # standard deviations of the labels that the last target lies above the highest one
TOLD = ("value", "mean", "sd", "reference", "valid", "unique", "novel", "nearest", "residual", "residual_mid", "width",
        "shift", "doubt", "nats")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSettings(LearningSettings):
    """One file of measurements."""

    file: str = setting("labelled/lipophilicity.csv", label="File", help="Structures and measured values.")
    column: str = setting("exp", label="Column", help="Of the measured values; structures stand under `smiles`.")
    property: str = setting("logD", label="Property", help="What is measured.")
    n_molecules: int = setting(10_000, label="Unlabelled", help="First so many of the file.", low=0, high=1_000_000)
    least_steps: int = setting(300, label="Least steps", help="Steps whatever the gate says.", low=1, high=10_000_000)
    n_samples: int = setting(2000, label="Samples", help="Drawn without target.", low=10, high=1_000_000)
    n_designs: int = setting(300, label="Designs", help="Drawn for each target.", low=10, high=1_000_000)


@dataclass(frozen=True, slots=True)
class Opinions:
    """The reward with the labeler in it, the judge, their held-out figures, and the labels they were taught."""

    reward: Any
    judge: Any
    labels: Floats
    errors: dict[str, float]


def measured_values(path: Path, column: str) -> tuple[list[str], Floats]:
    """Standardised molecules, each once, and the median (n,) of its measurements; unreadable structures left out."""
    from samplers.chem.standardise import standardise_batch

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, list[float]] = {}
    for row, told in zip(rows, standardise_batch(row["smiles"] for row in rows), strict=True):
        if told["ok"]:
            found.setdefault(told["smiles"], []).append(float(row[column]))
    return list(found), np.array([np.median(values) for values in found.values()])


def opinions(labelled: Sequence[str], labels: Floats, name: str, seed: int) -> Opinions:
    """The two models of a measured value, each learned and tested as a campaign does it."""
    from samplers.rewards.definition import RewardDefinition
    from samplers.rewards.models import load_property_model
    from samplers.rewards.reward import Reward
    from samplers.rewards.training import train_judge, train_property_model

    models: list[Any] = []
    errors: dict[str, float] = {}
    for role, train in (("labeler", train_property_model), ("judge", train_judge)):
        with tempfile.TemporaryDirectory() as folder:
            train(labelled, labels, name=name, seed=seed, folder=folder)
            model = load_property_model(folder)
        models.append(model)
        report = model.card["report"]
        # The judge is tested on the molecules that it kept away from; the labeler has seen them all in the end.
        scores = report["held_out"] or report["scores"]
        errors[f"{role}_rmse"] = float(scores["rmse"])
        errors[f"{role}_coverage"] = float(scores.get("coverage", report["coverage"]))
    objective = {
        "name": name, "source": {"kind": "model", "label": name},
        "transform": {"kind": "linear", "low": float(labels.min()), "high": float(labels.max())},
    }  # fmt: skip
    definition = RewardDefinition.from_dict({"schema": 1, "name": "measured", "objectives": [objective]})
    return Opinions(Reward(definition, {name: models[0]}), models[1], labels, errors)


@lru_cache(maxsize=1)
def taught(path: Path, column: str, name: str, seed: int) -> tuple[list[str], Opinions]:
    """The labelled molecules and both models; kept, since the methods of one seed follow each other and share them."""
    labelled, labels = measured_values(path, column)
    return labelled, opinions(labelled, labels, name, seed)


def run(
    method: str, seed: int, settings: MeasuredSettings,
    *, device: str, data: Path | None, progress: Progress, checkpoint: Checkpoint,
) -> Outcome:  # fmt: skip
    """Learn until the gate, then designs for every target by both opinions."""
    assert data is not None  # the runner has checked
    labelled, two = taught(data / settings.file, settings.column, settings.property, seed)
    structures = list(dict.fromkeys([*labelled, *read(data / "unlabelled", settings)]))
    state, curve, metrics = learned(
        replace(settings.config(method), targets=""), Molecules(structures, labelled), two.reward, seed,
        device=device, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip
    metrics |= two.errors | {"n_labelled": float(len(labelled)), "n_structures": float(len(state.model.structures))}
    return Outcome(metrics | sampled(state, settings, seed) | swept(state, two, settings, seed), 0, curve)


def swept(state: State, two: Opinions, settings: MeasuredSettings, seed: int) -> dict[str, float]:
    """Every target by labeler, judge and distance from the data, and what they say together.

    A perfect model's mean by the judge is no more the target than its mean by the labeler: both references are taken
    over the data. `band` is 0 over the central 90 % of the data, 1 up to the extreme labels, 2 beyond.
    """
    from scipy.stats import spearmanr

    usual, _ = targets_for("", state.labels)
    highest, spread = float(two.labels.max()), float(two.labels.std())
    targets = (*usual, (usual[-1] + highest) / 2, highest + BEYOND * spread)
    structures = list(state.model.structures)
    judged = np.asarray(two.judge.predict(structures).mean, dtype=np.float64)
    both = np.isfinite(judged) & np.isfinite(state.labels.values)
    rows = []
    for i, target in enumerate(targets):
        wanted = state.labels.standardised(target)
        drawn = state.model.draw(settings.n_designs, wanted, settings.guidance, generator(seed, f"designs {i}"))
        state.archive.evaluate(drawn, state.step, source=f"target {target:g}")
        row = summarise(state, target, drawn)
        row["judge"] = float(np.nanmean(two.judge.predict(drawn).mean))
        row["judge_reference"] = reference(target, judged[both], state.labels.values[both], state.labels.noise)
        row["band"] = float((target > usual[-1]) + (target > highest))
        rows.append(row)
    inside = rows[: len(usual)]
    gaps = np.array([row["mean"] - row["reference"] for row in inside]) / state.labels.sd
    told = [row["judge"] for row in inside]
    found = {
        "spearman": float(spearmanr(usual, [row["mean"] for row in inside]).statistic),
        "judge_spearman": float(spearmanr(usual, told).statistic),
        "worst_gap": float(np.abs(gaps).max()), "mean_gap": float(np.abs(gaps).mean()),
        "slope": slope(inside, "reference", "mean"), "judge_slope": slope(inside, "judge_reference", "judge"),
        "knee": diagnostics.knee(rows), "noise_sd": state.labels.noise / state.labels.sd,
        "labels_sd": spread, "labels_low": float(two.labels.min()), "labels_high": highest,
    }  # fmt: skip
    for i, row in enumerate(rows):
        found |= {f"{name}_{i}": row[name] for name in (*TOLD, "judge", "judge_reference", "band") if name in row}
    return found


def slope(rows: Sequence[dict[str, float]], x: str, y: str) -> float:
    """The slope of one figure against another over targets, by least squares."""
    return float(np.polyfit([row[x] for row in rows], [row[y] for row in rows], 1)[0])


EXPERIMENT = Experiment(
    name="molecules-measured",
    sentence="Molecules with a wanted measured value (lipophilicity, activity on EGFR) from real labels: time to the "
    "gate, quality, steering by the labeler and as a second judge sees it.",
    settings={
        "lipophilicity": MeasuredSettings(),
        "egfr": MeasuredSettings(file="labelled/egfr_chembl_ic50.csv", column="pIC50", property="pIC50"),
    },
    methods=("autoregressive", "latent"),
    run=run,
    files=("labelled/lipophilicity.csv", "labelled/egfr_chembl_ic50.csv", f"unlabelled/{FILE}"),
)
