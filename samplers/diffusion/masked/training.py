"""Training of the denoiser: which examples a step sees, what it is told about their reward, and the loss.

A step draws examples, hides tokens at a noise level that the batch covers evenly, tells the network a freshly noised
pseudo-label or nothing, and descends the weighted loss of `likelihood`. Everything is a function of the step and of
the generator, so that an interrupted training goes on bit for bit on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from samplers.diffusion.descent import Descent
from samplers.diffusion.masked.likelihood import hide, spread_times, weighted_loss
from samplers.diffusion.masked.network import Denoiser
from samplers.errors import DesignError


@dataclass(frozen=True, slots=True)
class Examples:
    """What is learned from: tokens (M, L), standardised pseudo-labels (M,) float32, and sampling weights (M,) or None.

    Weights change the law that the model without target samples; whoever uses them must say so.
    """

    tokens: Tensor
    labels: Tensor
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        if not len(self.tokens) or len(self.tokens) != len(self.labels):
            raise DesignError(f"{len(self.tokens)} examples and {len(self.labels)} labels; each needs the other")

    def rows(self, n: int, source: torch.Generator) -> Tensor:
        """n rows, drawn with replacement."""
        if self.weights is None:
            return torch.randint(len(self.tokens), (n,), generator=source)
        return torch.multinomial(self.weights, n, replacement=True, generator=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """How long and how: label_noise ν in standard deviations of the labels, drop the share of examples without label.

    n_steps is the horizon of the falling step size too; training may stop before it or go on after it.
    """

    n_steps: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    label_noise: float = 0.2
    drop: float = 0.1


def noised_labels(labels: Tensor, noise: float, source: torch.Generator) -> Tensor:
    """ŷ = f̂ + ξ with fresh ξ ~ N(0, ν²) for every use of an example; labels (N,), `noise` is ν ≥ 0."""
    return labels + noise * torch.randn(labels.shape, generator=source)


def without_label(n: int, share: float, source: torch.Generator) -> Tensor:
    """Which of n examples are shown without their label (n,), each with probability `share`."""
    return torch.rand(n, generator=source) < share


def denoising_loss(denoiser: Denoiser, tokens: Tensor, reward: Tensor, free: Tensor, source: torch.Generator) -> Tensor:
    """The training loss, a scalar in nats a sequence; its mean bounds −log p from above.

    tokens (N, L) with their pads, which count as any token does; rewards (N,) as told to the network; `free` (N,) marks
    rows that it is told none of. All on the CPU; a network on a CUDA device works in bfloat16 where products allow.
    """
    device = denoiser.tokens.weight.device
    t = spread_times(len(tokens), source)
    masked, hidden = hide(tokens, t, denoiser.mask, source)
    masked, hidden, tokens, t, reward, free = (one.to(device) for one in (masked, hidden, tokens, t, reward, free))
    with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
        log_p = denoiser(masked, reward, free)
    return weighted_loss(log_p, tokens, hidden, t).mean()


class Training:
    """A denoiser under way. `average` is the one to draw from: the running mean of its weights."""

    def __init__(self, denoiser: Denoiser, plan: TrainingPlan) -> None:
        self.denoiser, self.plan = denoiser.train(), plan
        self.descent = Descent(denoiser, learning_rate=plan.learning_rate, horizon=plan.n_steps)

    @property
    def n_steps(self) -> int:
        """Steps taken."""
        return self.descent.n_steps

    @property
    def average(self) -> Denoiser:
        """The denoiser with averaged weights, not in training."""
        found = self.descent.average
        assert isinstance(found, Denoiser)
        return found

    def step(self, examples: Examples, source: torch.Generator) -> float:
        """One step; its loss in nats a sequence. Raises TrainingError when that is not finite."""
        rows = examples.rows(self.plan.batch_size, source)
        reward = noised_labels(examples.labels[rows], self.plan.label_noise, source)
        free = without_label(len(rows), self.plan.drop, source)
        return self.descent.step(denoising_loss(self.denoiser, examples.tokens[rows], reward, free, source))

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes; `restore` takes it back."""
        return self.descent.tensors()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""
        self.descent.restore(tensors)


def fit(
    denoiser: Denoiser, examples: Examples, plan: TrainingPlan, source: torch.Generator,
    tell: Callable[[int, float], None] = lambda step, loss: None,
) -> Denoiser:  # fmt: skip
    """The denoiser after all steps of a plan, with averaged weights; `tell` hears of every step and its loss."""
    training = Training(denoiser, plan)
    while training.n_steps < plan.n_steps:
        loss = training.step(examples, source)
        tell(training.n_steps, loss)
    return training.average
