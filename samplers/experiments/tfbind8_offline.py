"""Offline design on TFBind8: every method proposes 128 sequences from the lower half of the scores, judged once.

A row is one trial. Each method looks at equally many settings, trained on the visible labels without the best fifth,
and keeps the one whose designs a validation proxy, which knows that fifth, puts highest at the median. With it the
method learns from all visible labels, and the test oracle answers once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from samplers.config import Settings, setting
from samplers.energy.generation import generate
from samplers.energy.model import EnergyModel
from samplers.energy.networks import Ensemble
from samplers.energy.relaxation import FullLogits
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.training import EnergyTraining
from samplers.errors import ConfigError
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.offline.binding import validation_proxy
from samplers.offline.protocol import REFERENCES, Labels, OfflineTask, Proxy, best_apart, percentiles
from samplers.offline.tfbind8 import FILES, tfbind8
from samplers.rng import generator

HELD_APART = 0.2  # best share of the visible labels that tuning keeps from a method and shows to the proxy
N_SETTINGS = 12  # that each method may look at: 2 trainings with 6 ways to draw from each
FEWEST_DISTINCT = 120  # of the 128 designs, of a setting that tuning may choose where any has so many


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSettings(Settings):
    """What all methods share: the sizes of networks and trainings."""

    steps: int = setting(600, label="Steps", help="Training steps of every model.", low=1, high=10_000_000)
    batch_size: int = setting(128, label="Batch", help="Rows of a step.", low=1, high=100_000)
    width: int = setting(128, label="Width", help="Hidden units of both layers.", low=1, high=65536)
    chain_steps: int = setting(10, label="K", help="Steps of a training chain.", low=1, high=100_000)
    n_members: int = setting(5, label="Ensemble", help="Networks of an ensemble.", low=2, high=100)
    design_steps: int = setting(100, label="Design steps", help="Of generation.", low=1, high=1_000_000)
    proxy_steps: int = setting(400, label="Proxy's steps", help="Training steps of a proxy network.", low=1)


@dataclass(frozen=True, slots=True)
class Method:
    """Trainings and ways to draw that are tried, N_SETTINGS together."""

    trainings: Sequence[Mapping[str, Any]]
    draws: Sequence[Mapping[str, Any]]


CLIMBS = tuple({"eta": eta, "n_steps_share": share} for eta, share in product((0.1, 0.5, 2.0), (0.5, 1.0)))
TEMPERATURES = tuple(
    {"noise": True, "chain_rule": "tokens", "temperature": one} for one in (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
)
GUIDANCES = tuple({"noise": True, "chain_rule": "tokens", "guidance": one} for one in (1.0, 3.0, 6.0, 12.0, 24.0, 48.0))
RATES = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})
TOKENS = {"noise": True, "chain_rule": "tokens"}
DENSITY = {
    **TOKENS, "form": "decoupled", "alpha_rule": "fixed", "alpha": 1.0, "buffer_size": 4096, "restart_share": 0.01
}  # fmt: skip
METHODS: Mapping[str, Method] = {
    "gradient-ascent": Method([{"form": "regression", **rate} for rate in RATES], CLIMBS),
    "ensemble-mean": Method([{"form": "regression", "ensemble": "mean", **rate} for rate in RATES], CLIMBS),
    "ensemble-min": Method([{"form": "regression", "ensemble": "min", **rate} for rate in RATES], CLIMBS),
    "coms": Method([{"tau": 0.5, "eta": 2.0}, {"tau": 2.0, "eta": 2.0}], CLIMBS),
    "stochastic-coms": Method([{**TOKENS, "tau": 0.5}, {**TOKENS, "tau": 2.0}], TEMPERATURES),
    "decoupled": Method([{**DENSITY, "energy_penalty": penalty} for penalty in (0.01, 0.1)], GUIDANCES),
}


def training_of(chosen: Mapping[str, Any], ours: OfflineSettings) -> EnergySettings:
    """The settings that a training of a method stands for."""
    changes = dict(chosen)
    combine = changes.pop("ensemble", None)
    if combine:
        changes |= {"n_members": ours.n_members, "combine": combine}
    shared = {
        "steps": ours.steps, "batch_size": ours.batch_size, "width": ours.width, "chain_steps": ours.chain_steps,
        "rate_falls": True,
    }  # fmt: skip
    return EnergySettings(**{**shared, **changes})


def drawing_of(chosen: Mapping[str, Any], ours: OfflineSettings, n_designs: int) -> GenerationSettings:
    """The settings that a way to draw stands for; all start at the best labelled designs."""
    changes = dict(chosen)
    n_steps = round(ours.design_steps * changes.pop("n_steps_share", 1.0))
    return GenerationSettings(n_designs=n_designs, n_steps=max(n_steps, 1), **changes)


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained model with the vectors and labels it knows."""

    model: EnergyModel
    x: Tensor
    y: Tensor

    def designs(self, asked: GenerationSettings, source: torch.Generator) -> Tensor:
        """(n_designs, L) tokens."""
        assert self.model.relaxation is not None
        return self.model.relaxation.decode(generate(self.model, asked, self.x, self.y, source).points)

    def predict(self, designs: Tensor) -> Tensor:
        """(N,) predicted scores of tokens (N, L)."""
        assert self.model.relaxation is not None
        return self.model.predict(self.model.relaxation.encode(designs))


class Tell:
    """One progress bar over all trainings of a row."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self.progress, self.steps, self.done = progress, steps, 0

    def __call__(self, numbers: Mapping[str, float]) -> None:
        self.done += 1
        self.progress(min(self.done, self.steps), self.steps, numbers)


class Trainer:
    """Trains on the labels of one trial; equal networks that are only combined in another way are trained once."""

    def __init__(self, task: OfflineTask, seed: int) -> None:
        self.task, self.seed = task, seed
        self.held: dict[tuple[EnergySettings, int], Learned] = {}

    def __call__(self, labels: Labels, settings: EnergySettings, tell: Tell) -> Learned:
        """A model of some labels, of which a trial has sets of different sizes."""
        plain = replace(settings, combine="mean")
        key = plain, len(labels)
        if key not in self.held:
            self.held[key] = self._train(labels, plain, tell)
        found = self.held[key]
        reward = Ensemble(list(found.model.reward.members), settings.combine)
        return replace(found, model=replace(found.model, settings=settings, reward=reward))

    def _train(self, labels: Labels, settings: EnergySettings, tell: Tell) -> Learned:
        relaxation = FullLogits(self.task.length, len(self.task.symbols))
        x, y = relaxation.encode(labels.designs), labels.scores.float()
        training = EnergyTraining(x, y, settings, self.seed, relaxation=relaxation)
        while training.step < settings.steps:
            tell(training.advance())
        return Learned(training.model, x, y)


@dataclass(frozen=True, slots=True)
class Trial:
    """One method's trial. Methods of a seed share the proxy and the trainings, but no task: an oracle answers once."""

    task: OfflineTask
    proxy: Proxy
    train: Trainer
    seed: int


@lru_cache(maxsize=1)
def _shared(folder: Path, seed: int, proxy_steps: int) -> tuple[Proxy, Trainer]:
    """The validation proxy of a seed, which knows all visible labels and no hidden one, and its trainings."""
    task = tfbind8(folder)
    return validation_proxy(task.visible, generator(seed, "validation proxy"), proxy_steps), Trainer(task, seed)


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that the proxy preferred, and what it said of each."""

    training: Mapping[str, Any]
    drawing: Mapping[str, Any]
    curve: dict[str, list[float]]


def tune(trial: Trial, method: Method, ours: OfflineSettings, tell: Tell) -> Choice:
    """Look at all settings of a method by the proxy alone."""
    task = trial.task
    labels, _ = best_apart(task.visible, HELD_APART)
    tried: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    curve: dict[str, list[float]] = {"distinct": [], "proxy_50": [], "proxy_100": []}
    for training in method.trainings:
        learned = trial.train(labels, training_of(training, ours), tell)
        for drawing in method.draws:
            asked = drawing_of(drawing, ours, task.oracle.n_designs)
            designs = learned.designs(asked, generator(trial.seed, "designs of the tuning"))
            judged = percentiles(task.oracle.scale(trial.proxy(designs)))
            tried.append((training, drawing))
            curve["distinct"].append(float(len(designs.unique(dim=0))))
            curve["proxy_50"].append(judged["percentile_50"])
            curve["proxy_100"].append(judged["percentile_100"])
    return Choice(*tried[best_of(curve)], curve)


def best_of(curve: Mapping[str, Sequence[float]]) -> int:
    """The setting with the best proxy median among those with nearly only distinct designs, or among all."""
    several = [k for k, distinct in enumerate(curve["distinct"]) if distinct >= FEWEST_DISTINCT]
    return max(several or range(len(curve["distinct"])), key=lambda k: curve["proxy_50"][k])


def diversity(designs: Tensor) -> float:
    """Mean number of places in which two of the designs (n, L) differ, over all pairs."""
    differing = (designs.unsqueeze(0) != designs.unsqueeze(1)).sum(dim=2).double()
    return float(differing.sum() / (len(designs) * (len(designs) - 1)))


def propose(trial: Trial, method: Method, ours: OfflineSettings, tell: Tell) -> Outcome:
    """Choose a method's settings by the proxy, learn from all visible labels, and ask the oracle once."""
    task = trial.task
    choice = tune(trial, method, ours, tell)
    learned = trial.train(task.visible, training_of(choice.training, ours), tell)
    asked = drawing_of(choice.drawing, ours, task.oracle.n_designs)
    designs = learned.designs(asked, generator(trial.seed, "designs"))
    judged = task.judged(designs)
    at = best_of(choice.curve)
    found = {
        **judged, "diversity": diversity(designs),
        "overestimation": float(task.oracle.scale(learned.predict(designs)).mean()) - judged["mean"],
        "chosen": float(at), "proxy_50": choice.curve["proxy_50"][at],
    }  # fmt: skip
    return Outcome(found, task.oracle.n_designs, choice.curve)


def run(
    method: str, seed: int, settings: OfflineSettings, *,
    device: str, data: Path | None, progress: Progress, checkpoint: Checkpoint,
) -> Outcome:  # fmt: skip
    """One trial. It is short, so an interrupted row begins again. Raises ConfigError without the data folder."""
    if data is None:
        raise ConfigError("data", "is needed: the folder that holds the table of binding scores")
    task = tfbind8(data)
    if method in REFERENCES:
        designs = REFERENCES[method](task, generator(seed, method))
        return Outcome({**task.judged(designs), "diversity": diversity(designs)}, task.oracle.n_designs)
    tried = METHODS[method]
    tell = Tell(progress, (len(tried.trainings) + 1) * settings.steps)
    return propose(Trial(task, *_shared(data, seed, settings.proxy_steps), seed), tried, settings, tell)


EXPERIMENT = Experiment(
    name="tfbind8-offline",
    sentence="Offline design on TFBind8: conservative and energy models beside gradient ascent, judged once.",
    settings={"default": OfflineSettings()},
    methods=(*METHODS, *REFERENCES),
    files=FILES,
    run=run,
    published={
        "source": "Robust Guided Diffusion, Tables 2 and 6, 8 trials, mean; D(best) 0.439",
        "notes": "At the 100th and 50th percentile: gradient ascent 0.872 and 0.546, COMs 0.517 and 0.439 (by their "
        "authors 0.945), reward-conditioned diffusion 0.957 and 0.553, RGD 0.974 and 0.557.",
    },
)
