"""Many Markov chains at once on a log-density: Langevin, unadjusted or Metropolis-adjusted, and plain ascent.

Two notations meet here: Langevin texts step by (ε²/2) ∇log p(x) + ε N(0, I), gradient ascent by η ∇f(x). Everywhere
in this package `step_size` is what multiplies the gradient, so step_size = ε²/2 = η, the noise of a step has the
standard deviation sqrt(2 step_size), and `noise scale` always means ε.

A log-density maps points (N, ...) to (N,), up to a constant, and is differentiated by autograd; first dimensions are
parallel chains. Points stay detached: nothing here lets a gradient flow through a chain.
Source: Roberts and Tweedie 1996; Beckham and Pal 2023 (arXiv 2304.03866) for the schedules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LogDensity = Callable[[Tensor], Tensor]


def step_size_of(noise_scale: float) -> float:
    """ε²/2, the step size whose noise has the scale ε."""
    return noise_scale**2 / 2


def constant(step_size: float, n_steps: int) -> list[float]:
    """The same step size n times."""
    return [step_size] * n_steps


def geometric(first_scale: float, last_scale: float, n_steps: int) -> list[float]:
    """Step sizes ε_k²/2 with noise scales ε_k falling geometrically, both ends included."""
    if n_steps == 1:
        return [step_size_of(first_scale)]
    ratio = (last_scale / first_scale) ** (1 / (n_steps - 1))
    return [step_size_of(first_scale * ratio**k) for k in range(n_steps)]


@dataclass(frozen=True, slots=True)
class Box:
    """Lower and upper bounds, tensors of the shape of one point."""

    low: Tensor
    high: Tensor

    @classmethod
    def around(cls, points: Tensor, margin: float = 0.0) -> Box:
        """The range of points (N, ...), widened on each side by `margin` of its width."""
        low, high = points.amin(dim=0), points.amax(dim=0)
        return cls(low - margin * (high - low), high + margin * (high - low))

    def reflect(self, points: Tensor) -> Tensor:
        """Points folded back at the walls, however far beyond them they are."""
        width = self.high - self.low
        return self.high - (torch.remainder(points - self.low, 2 * width) - width).abs()

    def holds(self, points: Tensor) -> Tensor:
        """(N,) whether every coordinate lies within the bounds."""
        inside = (points >= self.low) & (points <= self.high)
        return inside.flatten(1).all(dim=1)

    def uniform(self, n: int, source: torch.Generator) -> Tensor:
        """n points drawn evenly from the box."""
        drawn = torch.rand((n, *self.low.shape), generator=source, dtype=self.low.dtype).to(self.low)
        return self.low + drawn * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Chains:
    """Where the chains ended, points (N, ...), and what was kept on the way, from the start of a step each.

    kept (n_kept, N, ...), kept_values (n_kept, N) are log-densities; acceptance is 1 for unadjusted chains.
    """

    points: Tensor
    kept: Tensor
    kept_values: Tensor
    acceptance: float = 1.0


def value_and_gradient(log_density: LogDensity, points: Tensor) -> tuple[Tensor, Tensor]:
    """Log-densities (N,) and their gradients (N, ...), detached."""
    with torch.enable_grad():
        points = points.detach().requires_grad_(True)
        values = log_density(points)
        (gradient,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), gradient


def clipped(gradient: Tensor, largest: float) -> Tensor:
    """Gradients (N, ...) no longer than `largest` in the Euclidean norm, each for itself."""
    if math.isinf(largest):
        return gradient
    norm = gradient.flatten(1).norm(dim=1).clamp_min(1e-30)
    factor = (largest / norm).clamp_max(1.0)
    return gradient * factor.view(-1, *[1] * (gradient.dim() - 1))


class _Kept:
    """What is kept every so many steps."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.points: list[Tensor] = []
        self.values: list[Tensor] = []

    def note(self, step: int, points: Tensor, values: Tensor) -> None:
        if self.every and step % self.every == 0:
            self.points.append(points)
            self.values.append(values)

    def chains(self, points: Tensor, acceptance: float = 1.0) -> Chains:
        if not self.points:
            return Chains(points, points.new_empty((0, *points.shape)), points.new_empty((0, len(points))), acceptance)
        return Chains(points, torch.stack(self.points), torch.stack(self.values), acceptance)


def normal(like: Tensor, source: torch.Generator) -> Tensor:
    """Standard normal draws of the shape of a tensor, from a CPU generator whatever the device."""
    return torch.randn(like.shape, generator=source, dtype=like.dtype).to(like.device)


def langevin(
    log_density: LogDensity, start: Tensor, step_sizes: Sequence[float], source: torch.Generator | None,
    *, box: Box | None = None, largest_gradient: float = math.inf, keep_every: int = 0,
) -> Chains:  # fmt: skip
    """Unadjusted Langevin chains from `start` (N, ...): one step for each step size, reflected at the box.

    Without a `source` there is no noise and the chains climb. The law they draw from differs from the wanted one by an
    error that vanishes with the step size; `metropolis_langevin` has none.
    """
    points, kept = start.detach(), _Kept(keep_every)
    for step, step_size in enumerate(step_sizes):
        values, gradient = value_and_gradient(log_density, points)
        kept.note(step, points, values)
        points = points + step_size * clipped(gradient, largest_gradient)
        if source is not None:
            points = points + math.sqrt(2 * step_size) * normal(points, source)
        if box is not None:
            points = box.reflect(points)
    return kept.chains(points)


def ascend(log_density: LogDensity, start: Tensor, step_sizes: Sequence[float], *, box: Box | None = None) -> Tensor:
    """The points (N, ...) that noise-free ascent reaches: modes, given enough steps."""
    return langevin(log_density, start, step_sizes, None, box=box).points


def metropolis_langevin(
    log_density: LogDensity, start: Tensor, step_sizes: Sequence[float], source: torch.Generator,
    *, box: Box | None = None, largest_gradient: float = math.inf, keep_every: int = 0,
) -> Chains:  # fmt: skip
    """Metropolis-adjusted Langevin chains, which leave exactly exp(log_density) unchanged at every step size.

    With a box the law is that of the density restricted to it: a proposal outside is refused.
    """
    points, kept, accepted = start.detach(), _Kept(keep_every), 0.0
    values, gradient = value_and_gradient(log_density, points)
    gradient = clipped(gradient, largest_gradient)
    for step, step_size in enumerate(step_sizes):
        kept.note(step, points, values)
        noise = normal(points, source)
        proposed = points + step_size * gradient + math.sqrt(2 * step_size) * noise
        new_values, new_gradient = value_and_gradient(log_density, proposed)
        new_gradient = clipped(new_gradient, largest_gradient)
        back = (points - proposed - step_size * new_gradient).flatten(1).square().sum(dim=1)
        forth = 2 * step_size * noise.flatten(1).square().sum(dim=1)
        log_ratio = new_values - values - (back - forth) / (4 * step_size)
        log_uniform = torch.rand(len(points), generator=source, dtype=torch.float64).log().to(log_ratio)
        taken = log_uniform < log_ratio  # false for a ratio that is not a number, so that a chain never steps there
        if box is not None:
            taken &= box.holds(proposed)
        accepted += float(taken.double().mean())
        wide = taken.view(-1, *[1] * (points.dim() - 1))
        points, gradient = torch.where(wide, proposed, points), torch.where(wide, new_gradient, gradient)
        values = torch.where(taken, new_values, values)
    return kept.chains(points, accepted / max(len(step_sizes), 1))
