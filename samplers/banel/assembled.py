"""Generators that assemble molecules from fragments or sequences from letters, as models that learn from failures."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Self

import torch
from torch import Tensor

from samplers.banel.fitting import maximise_likelihood
from samplers.banel.models import Effort, Fit
from samplers.environments.design import DesignEnvironment
from samplers.gflownet.policy import Policy, log_probabilities, rollout
from samplers.numerics import log_mean_exp
from samplers.rng import generator

SCORED_AT_ONCE = 512
SHARED_PATHS = 16  # to a molecule, by which models are compared


class Assembled:
    """A forward policy over designs; rows (N, F) are paths of actions, -1 after the end.

    A sequence has one path, and its log p is exact. A molecule has many: up to `n_paths` log p is the exact sum over
    them, beyond it an unbiased estimate of p from as many. The paths depend on the molecule alone, so that it has one
    score whatever path is given, and any two models are compared on the same paths.
    """

    def __init__(
        self, environment: DesignEnvironment, policy: Policy, *, n_paths: int = 1,
        known: dict[str, tuple[Tensor, float]] | None = None,
    ) -> None:  # fmt: skip
        """`n_paths` is 1 where designs have one path each; SHARED_PATHS is a good choice elsewhere.

        `known` remembers the paths to designs; copies share it.
        """
        self.environment, self.policy, self.n_paths = environment, policy, n_paths
        self.known = {} if known is None else known
        self.policy.log_z.requires_grad_(False)

    def parameters(self) -> list[Tensor]:
        """What is learned."""
        return [weight for weight in self.policy.parameters() if weight.requires_grad]

    def draw(self, n: int, source: torch.Generator) -> Tensor:
        """(n, F) paths."""
        return rollout(self.policy, self.environment, n, source)

    def token_log_probs(self, rows: Tensor) -> Tensor:
        """(N, T) log p of each step of these paths, with gradient."""
        return log_probabilities(self.policy, self.environment, rows)

    @torch.no_grad()
    def log_prob(self, rows: Tensor) -> Tensor:
        """(N,) float64 log p of the designs."""
        if not len(rows):
            return torch.zeros(0, dtype=torch.float64)
        if self.n_paths == 1:
            return self._of_paths(rows)
        built = zip(self.environment.structures(rows), rows, strict=True)
        found = [self._paths(text, row, log_n) for (text, log_n), row in built]
        each = self._of_paths(torch.cat([paths for paths, _ in found])).split([len(paths) for paths, _ in found])
        total = [log_n + log_mean_exp(one) for one, (_, log_n) in zip(each, found, strict=True)]
        return torch.stack(total)

    def _of_paths(self, rows: Tensor) -> Tensor:
        parts = [self.token_log_probs(part).double().sum(dim=1) for part in rows.split(SCORED_AT_ONCE)]
        return torch.cat(parts)

    def _paths(self, text: str, row: Tensor, log_n: float) -> tuple[Tensor, float]:
        """Paths to a design and the log of how many there are in all."""
        if text not in self.known:
            source = generator(0, f"paths/{text}")
            paths = self.environment.paths(text, self.n_paths, source)
            if len(paths.rows):
                self.known[text] = (paths.rows, math.log(len(paths.rows)) if paths.complete else paths.log_n)
            else:  # its text is cut into other pieces than the vocabulary's; what it was built from says the paths
                self.known[text] = (self.environment.redrawn(row.expand(self.n_paths, -1), source), log_n)
        return self.known[text]

    def varied(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """(N, F) other paths to the same designs, each drawn anew."""
        return rows if self.n_paths == 1 else self.environment.redrawn(rows, source)

    def copy(self) -> Self:
        return type(self)(self.environment, deepcopy(self.policy), n_paths=self.n_paths, known=self.known)

    def fit(
        self, rows: Tensor, effort: Effort, source: torch.Generator, *, held_out: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Fit:  # fmt: skip
        """As `Model.fit`, on paths drawn anew in every step."""
        return maximise_likelihood(self, rows, effort, source, held_out=held_out, weights=weights)

    def tensors(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.policy.state_dict().items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.policy.load_state_dict(tensors)


class Assemblies:
    """Paths as a language: what they build."""

    def __init__(self, environment: DesignEnvironment) -> None:
        self.environment = environment

    @property
    def max_length(self) -> int:
        """Most steps of a path."""
        return self.environment.max_steps

    def texts(self, rows: Tensor) -> list[str]:
        """The designs that paths build."""
        return [text for text, _ in self.environment.structures(rows)] if len(rows) else []

    def actions(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(N, F) the steps, and a mask of those taken."""
        return rows.clamp_min(0), rows >= 0
