"""Conservative objective models as energy models, on a swiss roll whose most rewarding part the data avoid.

Source of the study: Beckham and Pal 2023 (arXiv 2304.03866); its outcome is pictures, no table is known to us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from samplers.config import Settings, setting
from samplers.energy.chains import Box
from samplers.energy.generation import walk
from samplers.energy.model import EnergyModel
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.training import EnergyTraining
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.pictures import Panel, scatter
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.rng import generator
from samplers.targets.swiss_roll import SwissRoll, reward

OFF = 0.1  # farther from every point of the roll than this is off it
ROUNDED = 0.01  # samples equal after rounding to this are one
WINDOW = (-1.5, 2.0)  # where chains start, evenly


@dataclass(frozen=True, slots=True, kw_only=True)
class RollSettings(Settings):
    """The study's sizes. Training chains and networks are the published ones, shorter in steps and in generation."""

    steps: int = setting(765, label="Steps", help="Training steps of a model with chains.", low=1, high=10_000_000)
    regression_steps: int = setting(4000, label="Steps without chains", help="Where α = 0.", low=1, high=10_000_000)
    batch_size: int = setting(128, label="Batch", help="Rows of a step.", low=1, high=100_000)
    width: int = setting(256, label="Width", help="Hidden units of both layers.", low=1, high=65536)
    learning_rate: float = setting(1e-3, label="Learning rate", help="Adam.", low=1e-9, high=1.0)
    chain_steps: int = setting(100, label="K", help="Steps of a training chain.", low=1, high=100_000)
    start_noise: float = setting(0.1, label="Start noise", help="Added to the data a chain starts at.", low=0, high=10)
    density_steps: int = setting(1500, label="Density steps", help="Of the decoupled model.", low=1, high=10_000_000)
    generation_steps: int = setting(4000, label="Generation", help="Steps of a chain.", low=1, high=10_000_000)
    last_scale: float = setting(1e-3, label="Last ε", help="Of generation; it starts at 0.1.", low=1e-9, high=1.0)
    n_samples: int = setting(512, label="Samples", help="Chains of generation.", low=2, high=1_000_000)


@dataclass(frozen=True, slots=True)
class Method:
    """What a method trains and how it draws: α, noise in both chains, and the decoupled model's w."""

    alpha: float
    noise: bool
    guidance: float | None = None
    keeps_regression: bool = False

    @property
    def trains(self) -> tuple[Any, ...]:
        """What tells trainings apart; without conservatism there are no training chains, and with w one model."""
        return self.alpha, self.noise and self.alpha > 0, self.guidance is not None, self.keeps_regression


METHODS: Mapping[str, Method] = {
    "original-a0": Method(0.0, noise=False),
    "original-a50": Method(50.0, noise=False),
    "stochastic-a0": Method(0.0, noise=True),
    "stochastic-a50": Method(50.0, noise=True),
    "decoupled-w0": Method(1.0, noise=True, guidance=0.0),
    "decoupled-w2.5": Method(1.0, noise=True, guidance=2.5),
    "decoupled-w5": Method(1.0, noise=True, guidance=5.0),
}
FURTHER: Mapping[str, Method] = {
    "stochastic-a0.1": Method(0.1, noise=True),
    "stochastic-a0.5": Method(0.5, noise=True),
    "prototype-w5": Method(50.0, noise=True, guidance=5.0, keeps_regression=True),
    "prototype-w10": Method(50.0, noise=True, guidance=10.0, keeps_regression=True),
}


def model_settings(trains: tuple[Any, ...], ours: RollSettings) -> EnergySettings:
    """The training that `Method.trains` stands for.

    Coupled models and the prototype are trained as published. The decoupled density has a memory, a confinement and an
    energy penalty: its log-density is on the scale of log p itself, where the published one is several times steeper.
    """
    alpha, noise, decoupled, keeps_regression = trains
    if decoupled and not keeps_regression:
        return EnergySettings(
            form="decoupled", noise=True, alpha_rule="fixed", alpha=alpha, chain_rule="scales", chain_steps=20,
            first_scale=0.04, last_scale=0.004, buffer_size=5000, restart_share=0.002, box_margin=0.1,
            confinement=0.1, energy_penalty=0.01, squared_weight=0.5, standardise=False, width=ours.width,
            learning_rate=ours.learning_rate, rate_falls=True, batch_size=ours.batch_size, steps=ours.density_steps,
        )  # fmt: skip
    return EnergySettings(
        form="decoupled" if decoupled else "coupled", noise=noise, alpha_rule="fixed", alpha=alpha,
        chain_rule="scales", chain_steps=ours.chain_steps, start_noise=ours.start_noise, squared_weight=0.5,
        standardise=False, width=ours.width, activation="relu", learning_rate=ours.learning_rate,
        batch_size=ours.batch_size, steps=ours.steps if alpha else ours.regression_steps,
        energy_keeps_regression=keeps_regression,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trained:
    """A model with its data and the last numbers of its training."""

    roll: SwissRoll
    model: EnergyModel
    numbers: Mapping[str, float]


class _Trainings:
    """Keeps the newest trainings of a process, since methods that differ in w alone share one."""

    def __init__(self) -> None:
        self.held: dict[tuple[Any, ...], Trained] = {}

    def get(self, key: tuple[Any, ...], make: Callable[[], Trained]) -> Trained:
        if key not in self.held:
            self.held = dict(list(self.held.items())[-7:]) | {key: make()}
        return self.held[key]


_TRAININGS = _Trainings()


@lru_cache(maxsize=4)
def _roll(seed: int) -> SwissRoll:
    return SwissRoll.draw(generator(seed, "swiss roll"))


def train(
    trains: tuple[Any, ...], seed: int, ours: RollSettings, device: str, progress: Progress, checkpoint: Checkpoint
) -> Trained:
    """Train a model, going on from its saved state if there is one."""
    roll = _roll(seed)
    training = EnergyTraining(roll.train, reward(roll.train), model_settings(trains, ours), seed, device=device)
    saved = checkpoint.latest()
    if saved is not None:
        training.load(saved)
    numbers: dict[str, float] = {}
    while training.step < training.settings.steps:
        numbers = training.advance()
        progress(training.step, training.settings.steps, numbers)
        if checkpoint.due():
            checkpoint.save(training.step, training.save)
    return Trained(roll, training.model, numbers)


def sample(trained: Trained, method: Method, seed: int, ours: RollSettings) -> Tensor:
    """(n_samples, 2) ends of chains that start evenly in the window."""
    model, source = trained.model, generator(seed, "generation")
    asked = GenerationSettings(
        n_designs=ours.n_samples, n_steps=ours.generation_steps, noise=method.noise,
        chain_rule="scales", first_scale=0.1, last_scale=ours.last_scale, guidance=method.guidance or 0.0,
    )  # fmt: skip
    low, high = (torch.full((2,), side).to(model.centre) for side in WINDOW)
    start = Box(low, high).uniform(ours.n_samples, source)
    return walk(model, asked, model.objective(asked), start, source).points.cpu()


def measured(trained: Trained, points: Tensor) -> dict[str, float]:
    """The metrics of samples (n, 2)."""
    roll, model = trained.roll, trained.model
    distance = trained.roll.distance(points)
    held, known = roll.validation.to(model.centre), roll.train.to(model.centre)
    errors = [float((model.predict(x) - reward(x)).square().mean()) for x in (known, held)]
    found = {
        "distinct": float(len(torch.unique((points / ROUNDED).round(), dim=0))),
        "mean_reward": float(reward(points).mean()), "data_reward": float(reward(roll.train).mean()),
        "off_roll_share": float((distance > OFF).double().mean()), "median_distance": float(distance.median()),
        "mse": errors[0], "validation_mse": errors[1],
    }  # fmt: skip
    if "overestimation" in trained.numbers:
        found["energy_gap"] = trained.numbers["overestimation"]
    return found


def run(
    method: str, seed: int, settings: RollSettings, *,
    device: str, data: Path | None, progress: Progress, checkpoint: Checkpoint,
) -> Outcome:  # fmt: skip
    """One row; its curve holds the samples, rounded to a thousandth."""
    what = {**METHODS, **FURTHER}[method]
    key = (what.trains, seed, tuple(sorted(settings.to_dict().items())), device)
    trained = _TRAININGS.get(key, lambda: train(what.trains, seed, settings, device, progress, checkpoint))
    points = sample(trained, what, seed, settings)
    drawn = {f"x{k + 1}": [round(value, 3) for value in points[:, k].tolist()] for k in range(2)}
    return Outcome(measured(trained, points), len(trained.roll.train), drawn)


TITLES = {
    "original-a0": "original, α = 0", "original-a50": "original, α = 50", "stochastic-a0": "stochastic, α = 0",
    "stochastic-a50": "stochastic, α = 50", "decoupled-w0": "decoupled, w = 0",
    "decoupled-w2.5": "decoupled, w = 2.5", "decoupled-w5": "decoupled, w = 5",
}  # fmt: skip


def picture(raw: Mapping[str, Any]) -> str:
    """The samples of the first seed over the training points, one panel a method."""
    seed = min(row["seed"] for row in raw["rows"])
    rows = [row for row in raw["rows"] if row["seed"] == seed and "curve" in row]
    known = _roll(seed).train[:700].tolist()
    panels = [Panel("training data", known, [])] + [
        Panel(
            TITLES.get(row["method"], row["method"]), known,
            list(zip(row["curve"]["x1"], row["curve"]["x2"], strict=True)),
        )
        for row in rows
    ]  # fmt: skip
    return scatter(panels, WINDOW, WINDOW, columns=4)


EXPERIMENT = Experiment(
    name="swissroll",
    sentence="Conservative models as energies on a swiss roll: modes or samples, one network or two.",
    settings={"default": RollSettings()},
    methods=tuple(METHODS),
    further=tuple(FURTHER),
    run=run,
    picture=picture,
    published={
        "source": "Beckham and Pal 2023 (arXiv 2304.03866)",
        "notes": "Pictures only. original-a50: a few dozen isolated points on the roll; stochastic-a50 traces the "
        "roll; stochastic-a0 fills the box; decoupled samples move to its rewarding end as w rises.",
    },
)
