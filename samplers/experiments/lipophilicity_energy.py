"""Lipophilicity from the lower half of its measurements: how far a model for fixed data may be pushed.

A labeler learns from the lower half alone, and it and the structures of that half are all that the generator sees. A
judge with other features, taught by all measurements, then says what designs are worth at each weight of the value.
What matters is whether the figures that need no judge warn before the judge's opinion falls.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samplers.config import Settings, setting
from samplers.energy import family
from samplers.energy.config import EnergyConfig
from samplers.energy.spent import spent_from
from samplers.energy.state import State
from samplers.events import Event
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.molecules_diffusion import Molecules
from samplers.experiments.molecules_measured import measured_values
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.kinds import MOLECULE
from samplers.rng import generator

Floats = NDArray[np.float64]
FILE = "labelled/lipophilicity.csv"
NAME = "logD"
METHODS: Mapping[str, Mapping[str, Any]] = {
    "decoupled": {},
    "coupled": {"form": "coupled"},
    "climb": {"form": "coupled", "draw": "climb"},
}
AUTOENCODER = "autoencoder"  # no generator: what reading codes back would be worth
TOLD = ("value", "predicted", "mean", "sd", "n", "valid", "unique", "novel", "nearest", "below_floor", "off",
        "residual", "residual_mid", "width", "overpromised", "r_hat", "ess", "acceptance")  # fmt: skip
DISTRUST = ("floor", "support", "overpromised")  # warnings about designs; the one about mixing is told by r_hat


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfSettings(Settings):
    """The split, the weights, and how long the generator learns and draws."""

    steps: int = setting(1000, label="Steps", help="Of learning values and density.", low=1, high=10_000_000)
    base_steps: int = setting(400, label="Assembling steps", help="Of learning the base, at most.", low=1)
    stock: int = setting(3000, label="Stock", help="Molecules drawn beforehand for negatives.", low=100)
    weights: str = setting("0 1 2 4 8 16 32 64", label="Weights", help="The sweep.")
    n_designs: int = setting(100, label="Designs", help="Distinct ones for each weight.", low=5, high=1_000_000)
    warm_up: int = setting(40, label="Warm-up", help="Steps of every chain before a design is taken.", low=8)
    thinning: int = setting(10, label="Thinning", help="Steps between two designs of a chain.", low=1)
    lower: float = setting(0.5, label="Lower", help="Share of the measurements that is seen.", low=0.05, high=1.0)

    def config(self, method: str) -> EnergyConfig:
        """The family's settings for a method."""
        return EnergyConfig(
            learning_steps=self.steps, base_steps=self.base_steps, stock=self.stock, weights=self.weights,
            n_designs=self.n_designs, warm_up=self.warm_up, thinning=self.thinning, **METHODS[method],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Half:
    """The structures of the lower half, the reward with the labeler in it, the judge, and both held-out errors."""

    seen: Sequence[str]
    reward: Any
    judge: Any
    labels: Floats
    errors: dict[str, float]


def half_of(molecules: Sequence[str], values: Floats, share: float, seed: int) -> Half:
    """A labeler of the lowest `share` of the values, and a judge taught by all."""
    from samplers.rewards.definition import RewardDefinition
    from samplers.rewards.models import load_property_model
    from samplers.rewards.reward import Reward
    from samplers.rewards.training import train_judge, train_property_model

    low = np.sort(np.argsort(values, kind="stable")[: max(1, round(share * len(values)))])
    seen = [molecules[i] for i in low]
    models, errors = [], dict[str, float]()
    for role, train, texts, labels in (
        ("labeler", train_property_model, seen, values[low]),
        ("judge", train_judge, list(molecules), values),
    ):
        with tempfile.TemporaryDirectory() as folder:
            train(texts, labels, name=NAME, seed=seed, folder=folder)
            models.append(load_property_model(folder))
        report = models[-1].card["report"]
        scores = report["held_out"] or report["scores"]
        errors |= {f"{role}_{key}": float(scores[key]) for key in ("rmse", "r2", "spearman") if key in scores}
    objective = {
        "name": NAME, "source": {"kind": "model", "label": NAME},
        "transform": {"kind": "linear", "low": float(values.min()), "high": float(values.max())},
    }  # fmt: skip
    definition = RewardDefinition.from_dict({"schema": 1, "name": "half", "objectives": [objective]})
    return Half(seen, Reward(definition, {NAME: models[0]}), models[1], values[low], errors)


def read_back(seen: Sequence[str], seed: int, steps: int, progress: Progress) -> Outcome:
    """How many molecules an autoencoder of assemblies reads back: of those it learned from, and of a tenth held out.

    It is what chains on codes would stand on.
    """
    from samplers.diffusion.config import DiffusionConfig
    from samplers.diffusion.latent import model as latent

    config = DiffusionConfig(model="latent", learning_steps=steps, max_learning_steps=steps)
    coder, _ = latent.prepare(MOLECULE, config, seen, generator(seed, "weights"), "cpu")
    order = torch.randperm(len(coder.structures), generator=generator(seed, "held out"))
    held, kept = order[: len(order) // 10], order[len(order) // 10 :]
    batches, source = generator(seed, "batches"), generator(seed, "model")
    curve: dict[str, list[float]] = {"steps": [], "reconstructed": [], "reconstructed_learned": []}
    for step in range(1, steps + 1):
        rows = kept[torch.randint(len(kept), (config.batch_size,), generator=batches)]
        unknown = torch.zeros(len(rows)), torch.ones(len(rows), dtype=torch.bool)
        numbers = coder.learn(rows, *unknown, source)
        progress(step, steps, numbers)
        if step % 100 == 0 or step == steps:
            looked = generator(seed, "looks")
            curve["steps"].append(float(step))
            curve["reconstructed"].append(coder.validate(held, looked)["reconstructed"])
            curve["reconstructed_learned"].append(coder.validate(kept[: len(held)], looked)["reconstructed"])
    best = {f"best_{name}": max(rows) for name, rows in curve.items() if name != "steps"}
    return Outcome({name: rows[-1] for name, rows in curve.items()} | best, 0, curve)


def run(
    method: str, seed: int, settings: HalfSettings,
    *, device: str, data: Path | None, progress: Progress, checkpoint: Checkpoint,
) -> Outcome:  # fmt: skip
    """Learn and draw as the product does, then ask the judge once about the designs of every weight."""
    assert data is not None  # the runner has checked
    molecules, values = measured_values(data / FILE, "exp")
    if method == AUTOENCODER:
        low = np.argsort(values, kind="stable")[: max(1, round(settings.lower * len(values)))]
        return read_back([molecules[i] for i in np.sort(low)], seed, settings.steps, progress)
    two = half_of(molecules, values, settings.lower, seed)
    newest = checkpoint.latest()
    if newest is None:
        made = Molecules(two.seen, two.seen)
        state = family.prepare(settings.config(method), made, two.reward, seed=seed, budget=None, device=device)
    else:
        state = family.load(newest, two.reward, device)
    told = dict[str, float]() if newest is None else _told(newest)
    n_steps = settings.base_steps + settings.steps

    def note(event: Event) -> None:
        told.update(event.numbers)
        progress(state.step, n_steps, event.numbers)

    def write(folder: Path) -> None:
        family.save(state, folder)
        (folder / "told.json").write_text(json.dumps(told))

    while not state.finished:
        began = state.step
        state = family.advance(state, lambda now, began=began: now.step >= began + 5, note)  # type: ignore[misc]
        if checkpoint.due():
            checkpoint.save(state.step, write)
    return Outcome(two.errors | measured(state, two, told), len(state.archive))


def _told(folder: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((folder / "told.json").read_text())
    return found


def measured(state: State, two: Half, told: Mapping[str, float]) -> dict[str, float]:
    """Every weight by promise, labeler and judge, with its warnings, and how the warnings stand to the judge's peak."""
    by_weight: dict[str, list[str]] = {}
    for text, source in zip(state.archive.structures, state.archive.sources_since(0), strict=True):
        by_weight.setdefault(source, []).append(text)
    seen = np.asarray(two.judge.predict(list(two.seen)).mean, dtype=np.float64)
    found = {
        "data_mean": float(two.labels.mean()), "data_best": float(two.labels.max()), "data_judged": float(seen.mean()),
        "n_seen": float(len(two.seen)), "floor_energy": told.get("floor_energy", np.nan),
        **{name: told[name] for name in ("base_validation_nats", "density_gain") if name in told},
        "best_gain": state.best_gain,
    }  # fmt: skip
    rows = []
    for i, aim in enumerate(state.aims):
        row = {name: told[f"aim/{i}/{name}"] for name in TOLD if f"aim/{i}/{name}" in told}
        if aim.source in by_weight:
            judged = np.asarray(two.judge.predict(by_weight[aim.source]).mean, dtype=np.float64)
            row |= {"judge": float(np.nanmean(judged)), "judge_se": float(np.nanstd(judged) / np.sqrt(len(judged)))}
        row["warned"] = float(any(f"aim/{i}/warns/{name}" in told for name in DISTRUST))
        row |= {"most_overpromised": told.get(f"aim/{i}/most_overpromised", np.nan)}
        row |= {f"warns_{name}": 1.0 for name in (*DISTRUST, "mixing") if f"aim/{i}/warns/{name}" in told}
        rows.append(row)
        found |= {f"{name}_{i}": value for name, value in row.items()}
    return found | verdict(rows)


def verdict(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Grid positions of the first warning and of the judge's peak, and what they say together.

    The warning is the first of a figure that speaks against designs and of the weight that no higher one outdoes by the
    labeler's word (`spent_at`). `plateau_at` is the first weight whose designs are judged as well as the best within a
    standard error of the difference. `rises` is whether the judged value rises at every weight up to the first warning,
    which is left out; `lead` is how many grid steps before its peak the warning comes, negative where it comes after
    it. Without a warning `warned_at` is the number of weights.
    """
    judged = [row.get("judge", np.nan) for row in rows]
    distrusted_at = next((i for i, row in enumerate(rows) if row["warned"]), len(rows))
    spent = spent_from(rows)
    spent_at = len(rows) if spent is None else spent
    warned_at = min(distrusted_at, spent_at)
    peak = int(np.nanargmax(judged))
    errors = [row.get("judge_se", 0.0) for row in rows]
    plateau = next(i for i, one in enumerate(judged) if one >= judged[peak] - np.hypot(errors[i], errors[peak]))
    trusted = judged[:warned_at]
    return {
        "distrusted_at": float(distrusted_at), "spent_at": float(spent_at), "warned_at": float(warned_at),
        "peak_at": float(peak), "plateau_at": float(plateau),
        "lead": float(peak - warned_at), "lead_of_plateau": float(plateau - warned_at),
        "rises": float(all(a < b for a, b in pairwise(trusted))),
        "valid": min(row.get("valid", np.nan) for row in rows), "novel": min(row.get("novel", np.nan) for row in rows),
    }  # fmt: skip


EXPERIMENT = Experiment(
    name="lipophilicity-energy",
    sentence="Lipophilicity from the lower half of its measurements: judged value by weight, and whether the warning "
    "comes in time.",
    settings={"default": HalfSettings()},
    methods=("decoupled",),
    further=("coupled", "climb", AUTOENCODER),
    run=run,
    files=(FILE,),
)
