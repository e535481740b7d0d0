"""The drift of a diffusion sampler as a network of place and time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samplers.gflownet.layers import linear

N_HARMONICS = 256


class DriftNetwork(nn.Module):
    """Place and time are read apart and joined; the last layer starts at zero, so that the first drift is none.

    Time enters as sines and cosines, read once a step however many states there are. Every weight is drawn from
    `source`. Source: the architecture of Kim et al. 2025 (their hidden size is 256).
    """

    def __init__(
        self,
        n_dims: int,
        n_steps: int,
        source: torch.Generator,
        *,
        hidden_size: int = 256,
        log_z: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        h = hidden_size
        self.state = nn.Sequential(linear(n_dims, h, source), nn.GELU(), linear(h, h, source))
        self.time = nn.Sequential(linear(2 * N_HARMONICS, h, source), nn.GELU(), linear(h, h, source))
        # One layer on [state, time], kept as two so that the time half is multiplied once a step.
        self.join_state, self.join_time = linear(h, h, source, fan_in=2 * h), linear(h, h, source, fan_in=2 * h)
        self.rest = nn.Sequential(nn.GELU(), linear(h, h, source), nn.GELU(), nn.Linear(h, n_dims))
        last = self.rest[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.log_z = nn.Parameter(torch.tensor(log_z, dtype=dtype))
        self.register_buffer("clock", _harmonics(n_steps), persistent=False)
        self.to(dtype)

    @property
    def weights(self) -> list[nn.Parameter]:
        """Everything that is learned but log Z."""
        return [weight for name, weight in self.named_parameters() if name != "log_z"]

    def times(self, steps: Tensor | slice) -> Tensor:
        """(S, hidden) the time half of the joint layer at some steps."""
        clock = self.get_buffer("clock")[steps]
        return self.join_time(self.time(clock))

    def drift(self, states: Tensor, times: Tensor) -> Tensor:
        """(S, N, d) drifts of states (S, N, d) at S steps, whose `times` are (S, hidden)."""
        return self.rest(self.join_state(self.state(states)) + times.unsqueeze(1))


def _harmonics(n_steps: int) -> Tensor:
    """(T, 2 N_HARMONICS) sine and cosine of each step's time in [0, 1) at evenly spaced frequencies."""
    time = torch.arange(n_steps, dtype=torch.float64).unsqueeze(1) / n_steps
    frequency = torch.linspace(0.1, 100.0, N_HARMONICS, dtype=torch.float64)
    return torch.cat([(time * frequency).sin(), (time * frequency).cos()], dim=1)
