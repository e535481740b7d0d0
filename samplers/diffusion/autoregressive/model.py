"""The autoregressive model: a policy over fragments or letters that is told the target, or that there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from samplers.diffusion.autoregressive.sampling import draw_rows, told
from samplers.diffusion.conditioning import RewardEmbedding
from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.descent import Descent
from samplers.diffusion.labelers import initialise
from samplers.diffusion.models import Likelihood, Plain
from samplers.environments.design import DesignEnvironment
from samplers.gflownet.kinds import empty_policy, from_data, from_dict
from samplers.gflownet.policy import Policy
from samplers.numerics import log_mean_exp

EXACT_UP_TO = 512  # paths to a design that are added up; beyond, as many are drawn
DRAWN_AT_ONCE = 256


class TargetPolicy(nn.Module):
    """A policy and the embedding of the reward that it is told."""

    def __init__(self, environment: DesignEnvironment, hidden_size: int) -> None:
        super().__init__()
        self.policy: Policy = empty_policy(environment, hidden_size)
        self.policy.log_z.requires_grad_(False)
        with torch.device("meta"):  # draws no random numbers
            reward = RewardEmbedding(hidden_size)
        self.reward = reward.to_empty(device="cpu")

    def initialise(self, environment: DesignEnvironment, source: torch.Generator) -> TargetPolicy:
        """Draw all weights from `source`; no target is the zero vector at the start."""
        self.policy.initialise(environment, source)
        initialise(self.reward, source)
        with torch.no_grad():
            self.reward.null.zero_()
        return self

    def surprise(
        self, environment: DesignEnvironment, rows: Tensor, reward: Tensor | None, free: Tensor | None
    ) -> Tensor:
        """−log p (B,) of paths (B, F) given rewards (B,), none where `free` (B,) or where all are None."""
        context = self.reward(reward, free, len(rows))
        return -self.policy.log_likelihood(environment, rows, context)


class Autoregressive:
    """Maximum likelihood on paths to the data, each drawn anew among all paths to the same design."""

    name = "autoregressive"

    def __init__(
        self, environment: DesignEnvironment, own: Tensor, structures: Sequence[str], config: DiffusionConfig,
        network: TargetPolicy,
    ) -> None:  # fmt: skip
        """`own` (M, F) is a path to each of the `structures`."""
        self.space = self.environment = environment
        self.own, self.structures, self.network = own, structures, network
        self.descent = Descent(network, learning_rate=config.learning_rate, horizon=config.learning_steps)

    @property
    def device(self) -> torch.device:
        """Where the numbers are."""
        return self.environment.device

    def learn(self, rows: Tensor, reward: Tensor, free: Tensor, source: torch.Generator) -> dict[str, float]:
        """One step; `nats` is the mean −log p of a path, targets hidden where `free`."""
        paths = self.environment.redrawn(self.own[rows], source)
        reward, free = reward.to(self.device), free.to(self.device)
        loss = self.network.surprise(self.environment, paths, reward, free).mean()
        return {"nats": self.descent.step(loss)}

    @torch.no_grad()
    def validate(self, rows: Tensor, source: torch.Generator) -> dict[str, float]:
        """The mean −log p of one random path to each example, without target."""
        paths = self.environment.redrawn(self.own[rows], source)
        nats = self.descent.average.surprise(self.environment, paths, None, None).mean()
        return {"validation_nats": float(nats)}

    @torch.no_grad()
    def draw(
        self, n: int, reward: float | None, guidance: float, source: torch.Generator, keep: Any = None
    ) -> list[str]:
        """n designs; mixes log p with and without target at every step."""
        network: Any = self.descent.average
        found: list[str] = []
        while len(found) < n:
            size = min(DRAWN_AT_ONCE, n - len(found))
            free = network.reward(None, None, size)
            wanted = None
            if reward is not None:
                wanted = network.reward(torch.full((size,), reward, device=self.device), None, size)
            contexts = told(wanted, free, guidance)
            rows = draw_rows(network.policy, self.environment, size, contexts, source, keep)
            found += [text for text, _ in self.environment.structures(rows)]
        return found

    def fixed(self, text: str) -> Any:
        """What keeps a motif or a scaffold in every design. Raises ConfigError where it cannot be expressed."""
        from samplers.diffusion.autoregressive.keeping import keep

        return keep(self.environment, self.own, self.structures, text)

    @torch.no_grad()
    def likelihood(self, structures: Sequence[str], source: torch.Generator) -> Likelihood:
        """Over all paths that build a design: exact up to 512 of them, else an unbiased estimate of p from as many."""
        found = [self._one(text, source) for text in structures]
        return Likelihood(*(tuple(column) for column in zip(*found, strict=True))) if found else Likelihood((), (), ())

    def _one(self, structure: str, source: torch.Generator) -> tuple[float, str, str]:
        paths = self.environment.paths(structure, EXACT_UP_TO, source)
        if not len(paths.rows):
            return math.inf, "impossible", paths.reason
        log_p = -self.descent.average.surprise(self.environment, paths.rows, None, None).double()
        if paths.complete:
            return -float(torch.logsumexp(log_p, dim=0)), "exact", ""
        return -(paths.log_n + float(log_mean_exp(log_p))), "estimate", ""

    def tensors(self) -> dict[str, Tensor]:
        """The weights and the paths to the examples."""
        return self.descent.tensors() | {"own": self.own}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""
        self.own = tensors["own"].to(self.device)
        self.descent.restore(tensors)

    def to_dict(self) -> Plain:
        """The tables of the environment and the examples."""
        return {"environment": self.environment.to_dict(), "structures": list(self.structures)}


def measure(kind: str, config: DiffusionConfig, structures: Sequence[str]) -> Plain:
    """The pre-flight report alone."""
    return from_data(kind, config, structures)[2]


def prepare(
    kind: str, config: DiffusionConfig, structures: Sequence[str], source: torch.Generator, device: str
) -> tuple[Autoregressive, Plain]:
    """A new model and the pre-flight report. Raises VocabularyError where nothing could be built from the data."""
    environment, own, report = from_data(kind, config, structures, device)
    network = TargetPolicy(environment, config.hidden_size).initialise(environment, source)
    structures = [text for text, _ in environment.structures(own)]
    return Autoregressive(environment, own, structures, config, network.to(environment.device)), report


def rebuild(kind: str, raw: Plain, config: DiffusionConfig, device: str) -> Autoregressive:
    """The model of a checkpoint, its weights and examples yet to be restored."""
    environment = from_dict(kind, raw["environment"], config, device)
    network = TargetPolicy(environment, config.hidden_size).to(environment.device)
    own = torch.zeros(0, environment.max_steps, dtype=torch.long, device=environment.device)
    return Autoregressive(environment, own, raw["structures"], config, network)
