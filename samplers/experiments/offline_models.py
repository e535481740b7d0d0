"""What the methods of an offline trial learn, whichever they are, from one set of labels and with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from samplers.config import Settings, setting
from samplers.energy.generation import generate
from samplers.energy.model import EnergyModel
from samplers.energy.networks import Ensemble
from samplers.energy.relaxation import FullLogits
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.training import EnergyTraining
from samplers.experiments.registry import Progress
from samplers.offline.protocol import Labels, OfflineTask, Proxy


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
    choose: str = setting(
        "median", label="Choice", choices=("median", "diverse", "none"),
        help="Which setting tuning keeps: the best proxy median among those with nearly only distinct designs, or the "
        "most diverse designs whose proxy median is above every label that was learned from. None: every setting is "
        "judged, as a study of what methods trade and no trial.",
    )  # fmt: skip
    flow_steps: int = setting(400, label="GFlowNet's steps", help="Training steps of a GFlowNet.", low=1)
    diffusion_steps: int = setting(600, label="Diffusion's steps", help="Training steps of a masked model.", low=1)


class Proposer(Protocol):
    """What a method has learned from some labels, ready to draw designs in several ways."""

    def designs(self, drawing: Mapping[str, Any], n: int, source: torch.Generator) -> Tensor:
        """(n, L) tokens, drawn as the settings `drawing` say."""

    def predict(self, designs: Tensor) -> Tensor:
        """(N,) scores that it promises for tokens (N, L), in the labels' unit."""


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


@dataclass(frozen=True, slots=True)
class EnergyProposer:
    """Climbs and chains on a trained model."""

    learned: Learned
    ours: OfflineSettings

    def designs(self, drawing: Mapping[str, Any], n: int, source: torch.Generator) -> Tensor:
        """Where n chains end."""
        return self.learned.designs(drawing_of(drawing, self.ours, n), source)

    def predict(self, designs: Tensor) -> Tensor:
        """As its reward network says."""
        return self.learned.predict(designs)


def energy_model(
    trial: Trial, labels: Labels, training: Mapping[str, Any], ours: OfflineSettings, tell: Tell
) -> EnergyProposer:
    """A regression, conservative or decoupled model of some labels."""
    return EnergyProposer(trial.train(labels, training_of(training, ours), tell), ours)
