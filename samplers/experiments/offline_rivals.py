"""Rivals of the chains in an offline trial: other generators that are given the same learned reward.

Both see what the regression ensemble of the trial predicts, which a space as small as this one lets them read of every
design beforehand; nothing else about the labels reaches them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from samplers.environments.base import Target
from samplers.environments.strings import StringEnvironment
from samplers.experiments.offline_models import Learned, OfflineSettings, Tell, Trial, training_of
from samplers.experiments.tfbind8_diffusion import OfflineSettings as DiffusionSettings
from samplers.experiments.tfbind8_diffusion import Steered
from samplers.gflownet.learner import Learner, LearnerSettings
from samplers.gflownet.networks import MLPPolicy
from samplers.gflownet.rollout import rollout
from samplers.offline.protocol import Labels
from samplers.rng import generator

CHUNK = 8192
FLOW = LearnerSettings(
    schedule="student,replay", batch_size=128, learning_rate=3e-3, log_z_learning_rate=0.1, max_gradient_norm=10.0,
    huber=10.0, exploration=0.05, replay_size=2000,
)  # fmt: skip


class TabledReward(Target):
    """log R = focus × r for rewards r (n_strings,) of all strings, in the order of `StringEnvironment.index`."""

    def __init__(self, environment: StringEnvironment, rewards: Tensor, focus: float) -> None:
        super().__init__()
        self.environment, self.log_rewards = environment, focus * rewards.double()

    def _log_reward(self, states: Tensor) -> Tensor:
        return self.log_rewards[self.environment.index(states)]


class FlowProposer:
    """A learned reward, and a GFlowNet trained on it for each focus asked for."""

    def __init__(self, learned: Learned, environment: StringEnvironment, steps: int, seed: int) -> None:
        self.learned, self.environment, self.steps, self.seed = learned, environment, steps, seed
        model, relaxation = learned.model, learned.model.relaxation
        assert relaxation is not None
        with torch.no_grad():
            every = environment.full(torch.arange(environment.n_strings))
            parts = [model.standardised(relaxation.encode(some)) for some in every.split(CHUNK)]
        self.rewards = torch.cat(parts).double()  # in standard deviations of the labels

    def policy(self, focus: float) -> MLPPolicy:
        """A policy that draws strings with probability proportional to exp(focus × r), as far as it has learned to."""
        target = TabledReward(self.environment, self.rewards, focus)
        # Of the mean instead of the sum of rewards, log Z is where an even reward would have it.
        log_z = focus * float(self.rewards.mean()) + math.log(self.environment.n_strings)
        source = generator(self.seed, "weights of the GFlowNet")
        policy = MLPPolicy(self.environment, source, hidden_size=128, log_z=log_z)
        learner = Learner(self.environment, target, policy, FLOW, seed=self.seed)
        for _ in range(self.steps):
            learner.train_step()
        return policy

    def designs(self, drawing: Mapping[str, Any], n: int, source: torch.Generator) -> Tensor:
        """n strings of the policy for the `focus`."""
        return rollout(self.policy(drawing["focus"]), self.environment, n, source).last

    def predict(self, designs: Tensor) -> Tensor:
        """As the learned reward says."""
        return self.learned.predict(designs)


def gflownet(
    trial: Trial, labels: Labels, training: Mapping[str, Any], ours: OfflineSettings, tell: Tell
) -> FlowProposer:
    """A GFlowNet on the reward that a regression ensemble learns from some labels."""
    learned = trial.train(labels, training_of(training, ours), tell)
    environment = StringEnvironment(trial.task.symbols, trial.task.length)
    return FlowProposer(learned, environment, ours.flow_steps, trial.seed)


class DiffusionProposer:
    """A masked diffusion model of every string with the reward that it is believed to have."""

    def __init__(self, steered: Steered) -> None:
        self.steered = steered

    def designs(self, drawing: Mapping[str, Any], n: int, source: torch.Generator) -> Tensor:
        """n strings for `target`, `guidance` and `remask_rounds`."""
        return self.steered.draw(n, replace(self.steered.settings, **drawing), source)

    def predict(self, designs: Tensor) -> Tensor:
        """As the labeler says."""
        return self.steered.labeler(designs)


def diffusion(
    trial: Trial, labels: Labels, training: Mapping[str, Any], ours: OfflineSettings, tell: Tell
) -> DiffusionProposer:
    """Masked diffusion on pseudo-labels of the same ensemble, or of a ridge that knows of words and of two strands."""
    chosen = dict(training)
    labeler = None
    if not chosen.pop("strands", False):
        labeler = trial.train(labels, training_of(chosen, ours), tell).predict
    settings = DiffusionSettings(steps=ours.diffusion_steps)
    return DiffusionProposer(
        Steered(trial.task, labels, settings, trial.seed, lambda _, __, numbers: tell(numbers), labeler)
    )  # fmt: skip
