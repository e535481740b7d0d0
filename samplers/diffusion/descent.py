"""How every network of the family is trained: AdamW, warm-up, a falling step size, and an average of its weights."""

from __future__ import annotations

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from samplers.errors import TrainingError
from samplers.tensors import below, moments, restore_moments

WARM_UP = 50  # steps over which the step size grows
FLOOR = 0.1  # share of the largest step size that is left at the horizon and kept from there on
DECAY = 0.999
MAX_NORM = 1.0


N = TypeVar("N", bound=nn.Module)


class Descent(Generic[N]):
    """The optimiser of one network. `average` is the network with averaged weights, from which designs are drawn."""

    def __init__(self, network: N, *, learning_rate: float, horizon: int, weight_decay: float = 1e-4) -> None:
        """`horizon` is the number of steps after which the step size falls no more."""
        self.network, self.learning_rate, self.horizon = network, learning_rate, horizon
        self.average: N = copy.deepcopy(network).requires_grad_(False).eval()
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        if not all(weight.is_contiguous() for weight in weights):
            # The fused optimiser pairs weights and moments by their place in memory, which a checkpoint changes.
            raise ValueError("every weight must be contiguous in memory")
        self.optimiser = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=weight_decay, fused=True)
        self.n_steps = 0

    def rate(self) -> float:
        """The step size of the next step."""
        warm = min(1.0, (self.n_steps + 1) / WARM_UP)
        share = min(1.0, self.n_steps / max(self.horizon, 1))
        return self.learning_rate * warm * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))

    def step(self, loss: Tensor) -> float:
        """One step down a loss; its value. Raises TrainingError where it is not finite."""
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(f"Training stopped: the loss of step {self.n_steps} is {value}, not a finite number.")
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_NORM)
        self.optimiser.step()
        self.n_steps += 1
        self._follow()
        return value

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; early steps count more, so that it forgets the start."""
        weight = 1 - min(DECAY, (1 + self.n_steps) / (10 + self.n_steps))
        for kept, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            kept.lerp_(now, weight)
        for held, current in zip(self.average.buffers(), self.network.buffers(), strict=True):
            if held.is_floating_point():
                held.lerp_(current, weight)  # running means belong to the averaged weights as well
            else:
                held.copy_(current)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes, by name; `restore` takes it back."""
        found = {f"weights.{name}": value for name, value in self.network.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        found |= {f"moments.{name}": value for name, value in moments(self.optimiser).items()}
        return found | {"n_steps": torch.tensor(self.n_steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""
        self.network.load_state_dict(below(tensors, "weights."))
        self.average.load_state_dict(below(tensors, "average."))
        restore_moments(self.optimiser, below(tensors, "moments."))
        self.n_steps = int(tensors["n_steps"])
