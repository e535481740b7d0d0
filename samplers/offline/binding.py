"""Learned rewards for short pieces of double-stranded DNA. Both see the two strands as one and the same design."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samplers.diffusion.labelers import Ridge, chosen_penalty, fit_ridge
from samplers.offline.protocol import Labels, Proxy
from samplers.offline.tfbind8 import other_strand

SPACED = ((0, 1), (0, 1, 2), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3), (0, 1, 2, 4), (0, 1, 3, 4), (0, 2, 3, 4))
PENALTIES = (100.0, 1000.0, 10_000.0, 100_000.0)
CHUNK = 4096


def word_counts(designs: Tensor, spaced: Sequence[int]) -> Tensor:
    """How often each word occurs (N, 4^K), wherever it starts; `spaced` are the places of its K letters."""
    places = torch.tensor(spaced)
    powers = 4 ** torch.arange(len(spaced) - 1, -1, -1)
    words = torch.stack([
        (designs[:, at + places] * powers).sum(dim=1) for at in range(designs.shape[1] - int(places[-1]))
    ], dim=1)  # fmt: skip
    return torch.zeros(len(designs), 4 ** len(spaced)).scatter_add_(1, words, torch.ones(words.shape))


def pair_indicators(designs: Tensor) -> Tensor:
    """Which letters stand at each two places (N, 16 L (L − 1) / 2)."""
    letters = F.one_hot(designs, 4).float()
    first, second = torch.tensor(list(combinations(range(designs.shape[1]), 2))).T
    return (letters[:, first].unsqueeze(3) * letters[:, second].unsqueeze(2)).flatten(1)


def strand_features(designs: Tensor) -> Tensor:
    """Counts of plain and spaced words and pairs of places, summed over both strands (N, D)."""
    other = other_strand(designs)
    return torch.cat([
        *(word_counts(designs, one) + word_counts(other, one) for one in SPACED),
        pair_indicators(designs) + pair_indicators(other),
    ], dim=1)  # fmt: skip


class WordRidge:
    """Ridge regression on `strand_features`, standardised; the penalty is the best of a few by leave-one-out."""

    def __init__(self, labels: Labels, source: torch.Generator, n_for_penalty: int = 2048) -> None:
        features = strand_features(labels.designs)
        self.mean, self.spread = features.mean(dim=0), features.std(dim=0).clamp_min(1e-3)
        self.intercept = labels.scores.mean()
        x, y = ((features - self.mean) / self.spread).double(), labels.scores - self.intercept
        some = torch.randperm(len(y), generator=source)[:n_for_penalty]
        self.penalty = chosen_penalty(x[some], y[some], PENALTIES)
        self.ridge: Ridge = fit_ridge(x, y, self.penalty)

    def __call__(self, designs: Tensor) -> Tensor:
        """Scores (N,) float64 of designs (N, L)."""
        parts = [(strand_features(some) - self.mean) / self.spread for some in designs.split(CHUNK)]
        return self.intercept + torch.cat([self.ridge(part.double()) for part in parts])


class StrandNetwork(nn.Module):
    """Two convolutions over each strand, the best and the mean place of both strands, a perceptron."""

    def __init__(self, width: int, reach: int, source: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, width, reach, padding=reach - 1)
        self.second = nn.Conv1d(width, width, 3, padding=1)
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, 1))
        with torch.no_grad():
            for weight in self.parameters():
                inputs = weight[0].numel() if weight.dim() > 1 else 0
                drawn = (2 * torch.rand(weight.shape, generator=source) - 1) * inputs**-0.5 if inputs else 0.0
                weight.copy_(torch.as_tensor(drawn))

    def _seen(self, designs: Tensor) -> Tensor:
        letters = F.one_hot(designs, 4).float().transpose(1, 2)
        found = F.silu(self.second(F.silu(self.first(letters))))
        return torch.cat([found.amax(dim=2), found.mean(dim=2)], dim=1)

    def forward(self, designs: Tensor) -> Tensor:
        """Standardised scores (N,) of designs (N, L)."""
        return self.out(self._seen(designs) + self._seen(other_strand(designs))).squeeze(1)


class Networks:
    """The mean of several `StrandNetwork`s, each trained by squared loss from weights and batches of its own."""

    def __init__(
        self, labels: Labels, source: torch.Generator,
        *, n: int = 3, width: int = 48, reach: int = 5, n_steps: int = 400, batch: int = 256,
    ) -> None:  # fmt: skip
        self.mean, self.spread = labels.scores.mean(), labels.scores.std()
        wanted = ((labels.scores - self.mean) / self.spread).float()
        self.members = [StrandNetwork(width, reach, source) for _ in range(n)]
        for member in self.members:
            optimiser = torch.optim.AdamW(member.parameters(), lr=2e-3, weight_decay=1e-2)
            for step in range(n_steps):
                for group in optimiser.param_groups:
                    group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * (1 - step / n_steps)
                rows = torch.randint(len(wanted), (batch,), generator=source)
                loss = (member(labels.designs[rows]) - wanted[rows]).square().mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    @torch.no_grad()
    def __call__(self, designs: Tensor) -> Tensor:
        """Scores (N,) float64 of designs (N, L)."""
        parts = [sum(member(some) for member in self.members) / len(self.members) for some in designs.split(CHUNK)]
        return torch.cat([torch.as_tensor(part) for part in parts]).double() * self.spread + self.mean


def validation_proxy(labels: Labels, source: torch.Generator, n_steps: int = 400) -> Proxy:
    """A judge of another make than `WordRidge`: three networks."""
    return Networks(labels, source, n_steps=n_steps)
