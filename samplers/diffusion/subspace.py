"""Conditional score matching with the encoder–decoder class, which finds the subspace the data lie on.

s(x, y, t) = (V ψ(Vᵀx, y, t) − x) / h_t with orthonormal V (D, d): ψ estimates α_t E[z | x_t, y].
Source: the score class of Yuan et al. 2023 (arXiv 2307.07055), with the scaling α_t taken into ψ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samplers.diffusion.labelers import initialise
from samplers.diffusion.noising import noise_variance, noised, signal

TIME_FREQUENCIES = 8
REWARD_RANGE = 6.0  # targets, in standard deviations, over which the reward features vary slowly


@dataclass(frozen=True, slots=True, kw_only=True)
class SubspaceSettings:
    """How a score is learned: latent size d, network, number of steps, batch, times, share of null targets."""

    n_latent: int
    width: int = 256
    n_steps: int = 4000
    batch: int = 512
    learning_rate: float = 2e-3
    longest: float = 10.0
    shortest: float = 0.01
    drop_target: float = 0.2


class SubspaceScore(nn.Module):
    """The encoder–decoder score; calling it gives ∇ log p_t (N, D), conditional on a target or, with None, not.

    ψ is α² u + α sqrt(h) f(u, y, t) with u = Vᵀx_t: the first term is exact for Σ = I without target, so the
    network f has to give numbers of order one at every time.
    """

    def __init__(self, n_ambient: int, settings: SubspaceSettings, source: torch.Generator) -> None:
        super().__init__()
        start = torch.randn(n_ambient, settings.n_latent, generator=source)
        self.basis = nn.Parameter(torch.linalg.qr(start).Q.contiguous())
        n_inputs = settings.n_latent + 2 * TIME_FREQUENCIES + 4
        width = settings.width
        with torch.device("meta"):  # draws no random numbers
            network = nn.Sequential(
                nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
                nn.Linear(width, settings.n_latent),
            )  # fmt: skip
        self.network = network.to_empty(device="cpu")
        self.null = nn.Parameter(torch.zeros(4))
        initialise(self.network, source)

    def _features(self, t: Tensor, target: Tensor | None, free: Tensor | None) -> Tensor:
        octaves = 2.0 ** torch.arange(TIME_FREQUENCIES, dtype=t.dtype, device=t.device) / 8
        phases = (noise_variance(t) / signal(t).square()).log().unsqueeze(1) * octaves / 4
        known = self.null.expand(len(t), 4)
        if target is not None:
            phase = target / REWARD_RANGE
            known = torch.stack([target, 0.1 * target.square(), phase.sin(), phase.cos()], dim=1)
            if free is not None:
                known = torch.where(free.unsqueeze(1), self.null, known)
        return torch.cat([phases.sin(), phases.cos(), known], dim=1)

    def denoised(self, x: Tensor, t: Tensor, target: Tensor | None, free: Tensor | None = None) -> Tensor:
        """α_t E[x | x_t, target] (N, D), on the subspace; `free` (N,) marks rows whose target is hidden."""
        encoded = x @ self.basis
        alpha, spread = signal(t).unsqueeze(1), noise_variance(t).sqrt().unsqueeze(1)
        change = self.network(torch.cat([encoded, self._features(t, target, free)], dim=1))
        return (alpha.square() * encoded + alpha * spread * change) @ self.basis.T

    def forward(self, x: Tensor, t: Tensor, target: Tensor | None) -> Tensor:
        """The score (N, D) at x (N, D), t (N,), target (N,) or None."""
        return (self.denoised(x, t, target) - x) / noise_variance(t).unsqueeze(1)

    @torch.no_grad()
    def make_orthonormal(self) -> None:
        """Put V back on the orthonormal frames by QR, with signs that keep it continuous."""
        q, r = torch.linalg.qr(self.basis)
        self.basis.copy_(q * torch.sign(torch.diagonal(r)))


def subspace_error(v: Tensor, a: Tensor) -> float:
    """‖V Vᵀ − A Aᵀ‖²_F for orthonormal V and A (D, d): between 0 and 2 min(d, D − d)."""
    return float(2 * a.shape[1] - 2 * (v.T @ a).square().sum())


def fit_score(
    x: Tensor,
    predict: Callable[[Tensor], Tensor],
    label_noise: float,
    settings: SubspaceSettings,
    source: torch.Generator,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> SubspaceScore:
    """Learn the score of points x (N, D) given pseudo-labels predict(x) + N(0, ν²), drawn afresh at every use.

    Minimises the h_t-weighted conditional score matching loss; the target is hidden from a share of the rows.
    """
    score = SubspaceScore(x.shape[1], settings, source)
    optimiser = torch.optim.Adam(score.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.n_steps, settings.learning_rate / 100)
    with torch.no_grad():
        labels = predict(x)
    spread = torch.log(torch.tensor(settings.longest / settings.shortest))
    for step in range(settings.n_steps):
        rows = torch.randint(len(x), (settings.batch,), generator=source)
        clean = x[rows]
        target = labels[rows] + label_noise * torch.randn(settings.batch, generator=source)
        even = (torch.rand((), generator=source) + torch.arange(settings.batch) / settings.batch) % 1.0
        t = settings.shortest * torch.exp(spread * even)
        free = torch.rand(settings.batch, generator=source) < settings.drop_target
        gap = score.denoised(noised(clean, t, source), t, target, free) - signal(t).unsqueeze(1) * clean
        loss = (gap.square().sum(dim=1) / noise_variance(t)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        score.make_orthonormal()
        schedule.step()
        on_step(step, float(loss.detach()))
    return score.requires_grad_(False)
