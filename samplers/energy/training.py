"""Training a model on fixed data: conservative objectives, contrastive divergence, or a plain regression.

The loss of the coupled form is c E[(f − y)²] + α (E[f(x')] − E[f(x)]), with negatives x' from chains that start at the
batch or in a memory and are constants afterwards. With x' from exp(f) that is maximum likelihood of p(x)^α p(y | x).
Source: Trabucco et al. 2021 (arXiv 2107.06882) for the learned α, Beckham and Pal 2023 (arXiv 2304.03866) for the
reading as an energy model, Du and Mordatch 2019 (arXiv 1903.08689) for the memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from samplers.energy.chains import Box, LogDensity, langevin, normal
from samplers.energy.model import EnergyModel, step_sizes
from samplers.energy.networks import Ensemble, Perceptron
from samplers.energy.relaxation import Relaxation
from samplers.energy.settings import EnergySettings
from samplers.energy.token_chains import token_walk
from samplers.errors import ConfigError, TrainingError
from samplers.rng import generator, generators, restore, states
from samplers.tensors import below, for_disk, moments, restore_moments

SCHEMA = 1
PURPOSES = ("batch", "negatives")
MakeNetwork = Callable[[torch.Generator], nn.Module]


class Walker(Protocol):
    """Where training chains walk when it is not among the vectors that the networks read."""

    def negatives(self, log_density: LogDensity, rows: Tensor, source: torch.Generator) -> Tensor:
        """(B, D) what networks read at the ends of chains that may start at the examples `rows` (B,)."""


def conservative_loss(
    on_data: Tensor, on_negatives: Tensor | None, y: Tensor | None, *,
    alpha: float, squared_weight: float, energy_penalty: float = 0.0,
) -> Tensor:  # fmt: skip
    """c mean (f − y)² + α (mean f(x') − mean f(x)) + λ (mean f(x)² + mean f(x')²) from values (N,) and labels (N,).

    Without labels the first term is left out, without negatives those after it.
    """
    loss = on_data.new_zeros(()) if y is None else squared_weight * (on_data - y).square().mean()
    if on_negatives is not None:
        loss = loss + alpha * (on_negatives.mean() - on_data.mean())
        if energy_penalty:
            loss = loss + energy_penalty * (on_data.square().mean() + on_negatives.square().mean())
    return loss


@dataclass(slots=True)
class EnergyTraining:
    """The whole state of a run on vectors x (N, D) with labels y (N,); equal arguments give equal runs on a CPU.

    `unlabelled` (M, D) joins x where the decoupled energy learns its density. `make` builds each network from a
    generator, a perceptron by default. A `walker` takes the place of the chains on vectors; examples are then numbered
    as they stand in x, followed by `unlabelled`, and what the walker remembers is not saved here.
    Raises ConfigError for data that cannot be learned from.
    """

    x: Tensor
    y: Tensor
    settings: EnergySettings
    seed: int
    device: str = "cpu"
    relaxation: Relaxation | None = None
    unlabelled: Tensor | None = None
    make: MakeNetwork | None = None
    walker: Walker | None = None
    step: int = 0
    model: EnergyModel = field(init=False)
    optimisers: dict[str, torch.optim.Adam] = field(init=False)
    log_alpha: Tensor = field(init=False)
    buffer: Tensor | None = field(init=False, default=None)
    draws: dict[str, torch.Generator] = field(init=False)
    _targets: Tensor = field(init=False)
    _support: Tensor = field(init=False)

    def __post_init__(self) -> None:
        ours = self.settings
        if ours.chain_rule == "tokens" and self.relaxation is None and self.walker is None:
            raise ConfigError("chain_rule", "tokens is for sequences; vectors have no tokens to change")
        self.x, self.y = self.x.to(self.device), self.y.to(self.device, self.x.dtype)
        mean, std = self._units()
        self._targets = (self.y - mean) / std
        self._support = self.x if self.unlabelled is None else torch.cat([self.x, self.unlabelled.to(self.x)])
        self.draws = generators(self.seed, PURPOSES)
        # Every form names its reward networks alike, so that forms with equal seeds start from equal weights.
        reward = Ensemble([self._network(f"reward {k}") for k in range(ours.n_members)], ours.combine)
        energy = {"coupled": reward.members[0], "decoupled": None, "regression": None}[ours.form]
        if ours.form == "decoupled":
            energy = self._network("energy")
        self.log_alpha = torch.tensor(math.log(max(ours.alpha, 1e-30)), dtype=self.x.dtype, requires_grad=True)
        self.optimisers = {"reward": torch.optim.Adam(reward.parameters(), lr=ours.learning_rate)}
        if ours.form == "decoupled":
            assert energy is not None
            self.optimisers["energy"] = torch.optim.Adam(energy.parameters(), lr=ours.learning_rate)
        if self._learns_alpha:
            self.optimisers["alpha"] = torch.optim.Adam([self.log_alpha], lr=ours.alpha_learning_rate)
        box = Box.around(self._support, ours.box_margin)
        self.model = EnergyModel(ours, energy, reward, mean, std, self._support.mean(dim=0), box, self.relaxation)
        if ours.buffer_size:
            self.buffer = box.uniform(ours.buffer_size, generator(self.seed, "memory"))

    def _units(self) -> tuple[float, float]:
        if len(self.x) != len(self.y) or not len(self.x):
            raise ConfigError("data", f"must have one label a design, got {len(self.x)} and {len(self.y)}")
        if not bool(torch.isfinite(self.x).all() and torch.isfinite(self.y).all()):
            raise ConfigError("data", "must be finite numbers")
        if not self.settings.standardise:
            return 0.0, 1.0
        mean, std = float(self.y.mean()), float(self.y.std(correction=0))
        if not std > 0:
            raise ConfigError("data", "all labels are equal, so there is nothing to learn from them")
        return mean, std

    def _network(self, purpose: str) -> nn.Module:
        ours, source = self.settings, generator(self.seed, f"weights of the {purpose}")
        if self.make is not None:
            return self.make(source).to(self.device, self.x.dtype)
        return Perceptron(
            self.x.shape[1], source, width=ours.width, n_layers=ours.n_layers, activation=ours.activation,
            relaxation=self.relaxation,
        ).to(self.device, self.x.dtype)  # fmt: skip

    @property
    def _learns_alpha(self) -> bool:
        return self.settings.form == "coupled" and self.settings.alpha_rule == "learned"

    @property
    def alpha(self) -> float:
        """The weight of conservatism now."""
        return float(self.log_alpha.detach().exp()) if self._learns_alpha else self.settings.alpha

    def advance(self) -> dict[str, float]:
        """One training step; numbers of its batch. Raises TrainingError for a loss that is no number any more."""
        self._set_rates()
        x, y, rows = self._batch(self.x, self._targets)
        if self.settings.form == "coupled":
            numbers = self._learn_coupled(x, y, rows)
        else:
            numbers = self._learn_reward(x, y)
            if self.settings.form == "decoupled":
                numbers |= self._learn_energy(x, y, rows)
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise TrainingError(f"step {self.step}: the {name} is {value}; lower the learning rate or the steps")
        self.step += 1
        return numbers

    def _set_rates(self) -> None:
        if self.settings.rate_falls:
            left = max(0.0, 1 - self.step / self.settings.steps)
            for name in self.optimisers.keys() - {"alpha"}:
                self.optimisers[name].param_groups[0]["lr"] = self.settings.learning_rate * left

    def _batch(self, *columns: Tensor) -> tuple[Tensor, ...]:
        """The same rows of each column, drawn evenly, and which ones; all of them where a batch holds as many."""
        n = len(columns[0])
        if self.settings.batch_size >= n:
            return *columns, torch.arange(n, device=self.device)
        rows = torch.randint(n, (self.settings.batch_size,), generator=self.draws["batch"]).to(self.device)
        return *(column[rows] for column in columns), rows

    def _learn_reward(self, x: Tensor, y: Tensor) -> dict[str, float]:
        each = self.model.reward.each(x)
        # Members are fitted apart: the sum of their errors, not the error of their mean.
        loss = self.settings.squared_weight * (each - y).square().mean(dim=1).sum()
        self._descend("reward", loss)
        return {"squared error": float((each.detach() - y).square().mean())}

    def _learn_coupled(self, x: Tensor, y: Tensor, rows: Tensor) -> dict[str, float]:
        ours = self.settings
        energy = self.model.energy
        assert energy is not None
        alpha = self.alpha
        negatives = self.negatives(x, rows) if alpha or self._learns_alpha else None
        on_data = energy(x)
        on_negatives = None if negatives is None else energy(negatives)
        loss = conservative_loss(
            on_data, on_negatives, y, alpha=alpha, squared_weight=ours.squared_weight,
            energy_penalty=ours.energy_penalty,
        )  # fmt: skip
        self._descend("reward", loss)
        numbers = {"squared error": float((on_data.detach() - y).square().mean())}
        if on_negatives is not None:
            numbers |= self._compared(on_data, on_negatives)
        if self._learns_alpha:
            # α grows while the overestimation exceeds τ and falls otherwise.
            self._descend("alpha", self.log_alpha.exp() * (ours.tau - numbers["overestimation"]))
            numbers["alpha"] = self.alpha
        return numbers

    def _learn_energy(self, x: Tensor, y: Tensor, rows: Tensor) -> dict[str, float]:
        ours = self.settings
        energy = self.model.energy
        assert energy is not None
        if not ours.energy_keeps_regression:
            x, rows = self._batch(self._support)
        negatives = self.negatives(x, rows)
        on_data, on_negatives = energy(x), energy(negatives)
        loss = conservative_loss(
            on_data, on_negatives, y if ours.energy_keeps_regression else None, alpha=ours.alpha,
            squared_weight=ours.squared_weight, energy_penalty=ours.energy_penalty,
        )  # fmt: skip
        self._descend("energy", loss)
        return self._compared(on_data, on_negatives)

    @staticmethod
    def _compared(on_data: Tensor, on_negatives: Tensor) -> dict[str, float]:
        """Mean energies of data and negatives (minus f), and what f overestimates."""
        data, negatives = float(on_data.detach().mean()), float(on_negatives.detach().mean())
        return {"data energy": -data, "negative energy": -negatives, "overestimation": negatives - data}

    def negatives(self, x: Tensor, rows: Tensor) -> Tensor:
        """(N, D) ends of training chains from a batch x (N, D), the examples `rows` (N,), or from the memory."""
        ours, source = self.settings, self.draws["negatives"]
        if self.walker is not None:
            return self.walker.negatives(self.model.log_density, rows, source)
        slots = None
        if self.buffer is not None:
            slots = torch.randint(len(self.buffer), (len(x),), generator=source).to(self.device)
            fresh = torch.rand(len(x), generator=source).to(self.device) < ours.restart_share
            start = torch.where(fresh[:, None], self.model.box.uniform(len(x), source), self.buffer[slots])
        else:
            start = x
        if ours.start_noise:
            start = start + ours.start_noise * normal(start, source)
        ends = self._walk(start, source)
        if self.buffer is not None and slots is not None:
            self.buffer[slots] = ends
        return ends

    def _walk(self, start: Tensor, source: torch.Generator) -> Tensor:
        ours, density = self.settings, self.model.log_density
        if ours.chain_rule == "tokens":
            assert self.relaxation is not None
            return token_walk(density, self.relaxation, start, ours.chain_steps, source).points
        steps = step_sizes(
            ours.chain_rule, ours.chain_steps, start.shape[1], ours.eta, ours.first_scale, ours.last_scale
        )
        box = self.model.box if ours.reflects else None
        return langevin(density, start, steps, source if ours.noise else None, box=box).points

    def _descend(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def save(self, folder: Path) -> None:
        """Write everything that the next step depends on; the data are not part of it."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"generator.{name}": value for name, value in states(self.draws).items()}
        tensors |= {f"weights.{name}": value for name, value in self._weights().state_dict().items()}
        tensors["log_alpha"] = self.log_alpha
        if self.buffer is not None:
            tensors["buffer"] = self.buffer
        for name, optimiser in self.optimisers.items():
            tensors |= {f"moments.{name}.{key}": value for key, value in moments(optimiser).items()}
        save_file(for_disk(tensors), folder / "energy.safetensors")
        (folder / "energy.json").write_text(json.dumps({"schema": SCHEMA, "step": self.step}))

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote, bit for bit on a CPU. Raises ValueError for another schema."""
        head = json.loads((folder / "energy.json").read_text())
        if head["schema"] != SCHEMA:
            raise ValueError(f"energy schema {head['schema']} is not {SCHEMA}")
        tensors = load_file(folder / "energy.safetensors", device=self.device)
        self.step = head["step"]
        self.draws = restore({name: value.cpu() for name, value in below(tensors, "generator.").items()})
        self._weights().load_state_dict(below(tensors, "weights."))
        with torch.no_grad():
            self.log_alpha.copy_(tensors["log_alpha"])
        self.buffer = tensors.get("buffer")
        for name, optimiser in self.optimisers.items():
            restore_moments(optimiser, below(tensors, f"moments.{name}."))

    def _weights(self) -> nn.ModuleDict:
        """The networks that are trained, each once."""
        found: dict[str, nn.Module] = {"reward": self.model.reward}
        if self.settings.form == "decoupled" and self.model.energy is not None:
            found["energy"] = self.model.energy
        return nn.ModuleDict(found)
