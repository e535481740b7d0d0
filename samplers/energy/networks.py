"""Networks from a vector to one number: a learned reward, or a learned log-density up to a constant."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from samplers.energy.relaxation import Relaxation
from samplers.gflownet.layers import linear

# ReLU as published; its gradients are piecewise constant, which SiLU's are not, so chains walk better on the latter.
ACTIVATIONS: Final = {"relu": nn.ReLU, "silu": nn.SiLU}


class Perceptron(nn.Module):
    """Equally wide hidden layers and one output; with a relaxation, on what that reads from its vectors."""

    def __init__(
        self, n_inputs: int, source: torch.Generator, *, width: int, n_layers: int, activation: str,
        relaxation: Relaxation | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = [n_inputs, *[width] * n_layers]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [linear(n_in, n_out, source), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers, linear(width, 1, source))
        self.relaxation = relaxation

    def forward(self, x: Tensor) -> Tensor:
        """(N,) from vectors (N, D)."""
        read = x if self.relaxation is None else self.relaxation.read(x)
        return self.layers(read).squeeze(1)


class Ensemble(nn.Module):
    """Several networks that answer as one, with their mean or with the least of them."""

    def __init__(self, members: Sequence[nn.Module], combine: str = "mean") -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.combine = combine

    def each(self, x: Tensor) -> Tensor:
        """(members, N) every member's answer to vectors (N, D)."""
        return torch.stack([member(x) for member in self.members])

    def forward(self, x: Tensor) -> Tensor:
        """(N,) the common answer."""
        each = self.each(x)
        return each.mean(dim=0) if self.combine == "mean" else each.amin(dim=0)
