"""Molecules for the family: paths of fragments, cut and grown on by a model of how the data's molecules are assembled.

The base is that model, so every state is a whole molecule made like the data's, and the networks only say how much more
or less of it there should be. A chain cuts its path at an even random place and grows it on from the base, accepted so
that base × exp(f) is exactly the law; between cuts it passes to another path to the same molecule, in the same way.
Training asks for no chains: negatives are drawn from a stock of base draws with weights exp(f), which is the density's
own gradient up to the size of the stock.
Source: Deng et al. 2020 (arXiv 2004.11714) for energies relative to an autoregressive model; the moves are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from samplers.diffusion import diagnostics
from samplers.diffusion.autoregressive.model import Autoregressive, TargetPolicy
from samplers.diffusion.autoregressive.sampling import Follower, draw_rows
from samplers.diffusion.config import DiffusionConfig
from samplers.energy.chains import LogDensity
from samplers.energy.config import EnergyConfig
from samplers.energy.spaces import Plain, Walk, held_out
from samplers.environments.design import Menu
from samplers.kinds import MOLECULE
from samplers.numerics import gumbel_argmax, log_mean_exp
from samplers.tensors import below

LEARNING_RATE = 3e-3  # of the assembling model
LOOK_EVERY, PATIENCE = 25, 4  # steps between looks at held-out examples, and looks without gain that end learning
LEAST_GAIN = 0.01  # nats
DRAWN_AT_ONCE = 128
MOST_COUNTED = 255  # of a feature, so that a checkpoint holds one byte for each


class AssemblySpace:
    """Molecules that can be assembled, and the model that assembles them."""

    moves = 1

    def __init__(
        self, environment: Any, own: Tensor, structures: Sequence[str], config: EnergyConfig, network: TargetPolicy
    ) -> None:
        self.environment, self.config = environment, config
        learns = DiffusionConfig(
            learning_steps=config.base_steps, max_learning_steps=config.base_steps, hidden_size=config.hidden_size,
            learning_rate=LEARNING_RATE,
        )  # fmt: skip
        self.model = Autoregressive(environment, own, structures, learns, network)
        self.n_learned, self.best_nats, self.n_idle = 0, math.inf, 0
        self.stock = torch.zeros(0, environment.max_steps, dtype=torch.long, device=environment.device)
        self._counts = self._own_counts = torch.zeros(0, dtype=torch.uint8)

    @property
    def structures(self) -> Sequence[str]:
        """The examples in their standard writing."""
        return self.model.structures

    @property
    def own(self) -> Tensor:
        """Their paths."""
        return self.model.own

    @property
    def _base_is_known(self) -> bool:
        return self.n_learned >= self.config.base_steps or self.n_idle >= PATIENCE

    @property
    def learning(self) -> bool:
        """Whether the base or the stock is still to be made."""
        return not self._base_is_known or len(self.stock) < self.config.stock

    def learn(self, source: torch.Generator) -> dict[str, float]:
        """One step of the assembling model, or some more of the stock."""
        if self._base_is_known:
            drawn = self.base(min(DRAWN_AT_ONCE, self.config.stock - len(self.stock)), source)
            self.stock = torch.cat([self.stock, drawn])
            counted = self._counted(drawn)
            self._counts = torch.cat([self._counts, counted]) if len(self._counts) else counted
            return {"stock": float(len(self.stock))}
        away = held_out(len(self.own))
        kept, held = (~away).nonzero().squeeze(1), away.nonzero().squeeze(1)
        rows = kept[torch.randint(len(kept), (self.config.batch_size,), generator=source)]
        unknown = torch.zeros(len(rows)), torch.ones(len(rows), dtype=torch.bool)
        numbers = {"base_nats": self.model.learn(rows, *unknown, source)["nats"]}
        self.n_learned += 1
        if self.n_learned % LOOK_EVERY == 0 and len(held):
            nats = self.model.validate(held[: 8 * DRAWN_AT_ONCE], source)["validation_nats"]
            numbers["base_validation_nats"] = nats
            self.n_idle = 0 if nats < self.best_nats - LEAST_GAIN else self.n_idle + 1
            self.best_nats = min(nats, self.best_nats)
        return numbers

    def _counted(self, rows: Tensor) -> Tensor:
        """(n, D) counts of circular environments, in bytes."""
        texts = self.decode(rows)
        counts = torch.from_numpy(diagnostics.counts(MOLECULE, texts)) if texts else torch.zeros(0, 0)
        return counts.clamp_max(MOST_COUNTED).to(torch.uint8)

    def _read(self, counts: Tensor) -> Tensor:
        return counts.to(self.environment.device, torch.float32).log1p()

    def examples(self, order: Tensor) -> Tensor:
        """Features of the examples at positions (n,), kept for checkpoints: they take a while."""
        if len(self._own_counts) != len(order):
            self._own_counts = self._counted(self.own[order])
        return self._read(self._own_counts)

    def features(self, rows: Tensor) -> Tensor:
        """(n, D) log(1 + counts) of circular environments."""
        return self._read(self._counted(rows))

    @torch.no_grad()
    def _log_p(self, rows: Tensor) -> Tensor:
        """(n,) float64 log-probabilities of paths."""
        network: Any = self.model.descent.average
        log_p: Tensor = -network.surprise(self.environment, rows, None, None).double()
        return log_p

    def log_base(self, rows: Tensor) -> Tensor:
        """(n,) unbiased estimates of the base at molecules, as logs, from one path to each."""
        log_n = torch.tensor([found[1] for found in self.environment.structures(rows)], dtype=torch.float64)
        return self._log_p(rows).cpu() + log_n

    def base(self, n: int, source: torch.Generator) -> Tensor:
        """n paths of the assembling model."""
        return self._grown(torch.full((n, self.environment.max_steps), -1), torch.zeros(n, dtype=torch.long), source)

    def _grown(self, rows: Tensor, n_kept: Tensor, source: torch.Generator) -> Tensor:
        """Paths (n, F) whose first actions are those of `rows`, grown on by the assembling model."""
        network: Any = self.model.descent.average
        context = network.reward(None, None, len(rows))
        keep = Beginnings(rows.to(self.environment.device), n_kept.to(self.environment.device))
        return draw_rows(network.policy, self.environment, len(rows), [(1.0, context)], source, keep)

    def walk(
        self, log_density: LogDensity, rows: Tensor, n_steps: int, source: torch.Generator, *, climbs: bool = False
    ) -> Walk:
        """Chains over paths; the log-densities told are those of the networks, relative to the base."""
        rows, features = rows.clone(), self.features(rows)
        with torch.no_grad():
            values = log_density(features)
        followed, passed, accepted = list[Tensor](), list[Tensor](), 0.0
        for _ in range(n_steps):
            followed.append(values)
            passed.append(features)
            rows = self._respelled(rows, source)
            length = (rows >= 0).sum(dim=1)
            n_kept = (torch.rand(len(rows), generator=source, dtype=torch.float64).to(length.device) * length).long()
            grown = self._grown(rows, n_kept, source)
            new_features = self.features(grown)
            with torch.no_grad():
                new_values = log_density(new_features)
            # The place of the cut is drawn again on the way back, from as many places as the new path has.
            log_ratio = (new_values - values).double() + length.double().log() - (grown >= 0).sum(dim=1).double().log()
            log_uniform = torch.rand(len(rows), generator=source, dtype=torch.float64).log().to(log_ratio)
            taken = new_values > values if climbs else log_uniform < log_ratio
            accepted += float(taken.double().mean())
            wide = taken.unsqueeze(1)
            rows, features = torch.where(wide, grown, rows), torch.where(wide, new_features, features)
            values = torch.where(taken, new_values, values)
        return Walk(rows, features, torch.stack(followed), torch.stack(passed), accepted / max(n_steps, 1))

    def _respelled(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """Another path to each molecule, proposed evenly and accepted by the base."""
        other = self.environment.redrawn(rows, source)
        log_p, new_log_p = self._log_p(torch.cat([rows, other])).chunk(2)
        log_uniform = torch.rand(len(rows), generator=source, dtype=torch.float64).log().to(log_p)
        return torch.where((log_uniform < new_log_p - log_p).unsqueeze(1), other, rows)

    def negatives(self, log_density: LogDensity, rows: Tensor, source: torch.Generator) -> Tensor:
        """Drawn from the stock by exp(f); or, climbing, the best of as many stock molecules as a chain has steps."""
        n, stock = len(rows), self._read(self._counts[self._judging() :])
        with torch.no_grad():
            values = log_density(stock)
        if self.config.draw == "climb":
            tried = torch.randint(len(stock), (n, self.config.chain_steps), generator=source).to(values.device)
            chosen = tried.gather(1, values[tried].argmax(dim=1, keepdim=True)).squeeze(1)
        else:
            chosen = gumbel_argmax(values.expand(n, -1), source)
        return stock[chosen]

    @torch.no_grad()
    def gain(self, log_density: LogDensity, features: Tensor) -> float | None:
        """By a fifth of the stock that gives no negatives: its mean of exp(log_density) is the normalising constant."""
        constant = log_mean_exp(log_density(self._read(self._counts[: self._judging()])).double())
        return float(log_density(features).double().mean() - constant)

    def _judging(self) -> int:
        return max(1, len(self._counts) // 5)

    def decode(self, rows: Tensor) -> list[str]:
        """Canonical SMILES."""
        return [text for text, _ in self.environment.structures(rows)]

    def state_of(self, structure: str) -> tuple[Tensor, str]:
        """The path by which examples are written."""
        paths = self.environment.spelled(structure)
        return paths.rows, paths.reason

    def tensors(self) -> dict[str, Tensor]:
        """The assembling model, the examples' paths and the stock."""
        found = {f"model.{name}": value for name, value in self.model.tensors().items()}
        counters = torch.tensor([self.n_learned, self.best_nats, self.n_idle], dtype=torch.float64)
        return found | {
            "stock": self.stock,
            "counts": self._counts,
            "own_counts": self._own_counts,
            "counters": counters,
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""
        self.model.restore(below(tensors, "model."))
        self.stock = tensors["stock"].to(self.environment.device)
        self._counts, self._own_counts = tensors["counts"].cpu(), tensors["own_counts"].cpu()
        n_learned, self.best_nats, n_idle = tensors["counters"].tolist()
        self.n_learned, self.n_idle = int(n_learned), int(n_idle)

    def to_dict(self) -> Plain:
        """The tables of the environment and the examples."""
        return {"environment": self.environment.to_dict(), "structures": list(self.structures)}


class Beginnings:
    """Keeps the first `n_kept` (n,) actions of paths (n, F), and is its own follower."""

    def __init__(self, rows: Tensor, n_kept: Tensor) -> None:
        self.rows, self.n_kept = rows, n_kept

    def follow(self, uniforms: Tensor) -> Follower:
        """Nothing is left to chance."""
        return self

    def restrict(self, states: Any, menu: Menu) -> Tensor:
        """The action kept where there is one, else what may be done."""
        placed = states.n_placed[menu.rows]
        kept = self.rows[menu.rows].gather(1, placed.clamp_max(self.rows.shape[1] - 1).unsqueeze(1)) == menu.actions
        return torch.where((placed < self.n_kept[menu.rows]).unsqueeze(1), kept, menu.mask)

    def placed(self, states: Any, actions: Tensor) -> None:
        """Nothing has to be remembered."""


def prepare(
    environment: Any, own: Tensor, structures: Sequence[str], config: EnergyConfig, source: torch.Generator
) -> AssemblySpace:
    """A new space, its assembling model yet to learn."""
    network = TargetPolicy(environment, config.hidden_size).initialise(environment, source)
    return AssemblySpace(environment, own, structures, config, network.to(environment.device))


def rebuild(environment: Any, structures: Sequence[str], config: EnergyConfig) -> AssemblySpace:
    """The space of a checkpoint."""
    own = torch.zeros(0, environment.max_steps, dtype=torch.long, device=environment.device)
    network = TargetPolicy(environment, config.hidden_size).to(environment.device)
    return AssemblySpace(environment, own, structures, config, network)
