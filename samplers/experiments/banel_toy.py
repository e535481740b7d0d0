"""The one-dimensional picture: success in the tails of a normal law, found by ruling out what was visited."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from samplers.banel.filters import EmptyRegionError
from samplers.banel.odds import hit_probability
from samplers.banel.table import Table
from samplers.config import Settings, setting
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.rng import generator
from samplers.targets import normal_bins


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySettings(Settings):
    """One row; everything is exact but the draws."""

    steps: int = setting(5, label="Rounds", help="Rounds.", low=1)
    batch: int = setting(10, label="Batch", help="Reward evaluations a round.", low=1)


def run(
    method: str,
    seed: int,
    settings: ToySettings,
    *,
    device: str,
    data: Path | None,
    progress: Progress,
    checkpoint: Checkpoint,
) -> Outcome:
    """One row; reads no data."""
    now, hits = normal_bins.prior(), normal_bins.success()
    base = float(now.p[hits].sum())
    if method == "uniform":
        now = Table(torch.full_like(now.p, 1 / normal_bins.N_BINS))
    rates, parts, n_visited = [], [], 0.0
    for number in range(settings.steps):
        rates.append(float(now.p[hits].sum()))
        parts.append((rates[-1], settings.batch))
        rows = now.draw(settings.batch, generator(seed, f"draw/{number}"))
        n_visited += settings.batch
        failures = rows[~hits[rows[:, 0]]]
        if method == "banel":
            with suppress(EmptyRegionError):  # everything that is left was visited: the law stays as it is
                now = normal_bins.update(now, failures)
        progress(number + 1, settings.steps, {"success": rates[-1]})
    rates.append(float(now.p[hits].sum()))
    kept = now.p[now.p > 0]
    numbers = {
        "gain": rates[-1] / base, "gain_best": max(rates) / base, "hit_probability": hit_probability(parts),
        "effective_support": float((-(kept * kept.log()).sum()).exp()), "nre": n_visited, "base_rate": base,
    }  # fmt: skip
    return Outcome(numbers, int(n_visited), {"success": rates})


EXPERIMENT = Experiment(
    name="banel-toy",
    sentence="Thirty bins of a normal law with success in its tails: learning from failures.",
    settings={"default": ToySettings()},
    methods=("banel", "resampling", "uniform"),
    run=run,
    published={"source": "The paper's figure shows the mass on the success bins after about five steps, no numbers."},
)
