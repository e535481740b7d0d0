"""Chains on laws that are known: a correlated Gaussian, a mixture, and all strings of a small alphabet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from samplers.config import Settings, setting
from samplers.energy.chains import Chains, LogDensity, constant, langevin, metropolis_langevin, step_size_of
from samplers.energy.token_chains import gibbs_with_gradients
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.metrics.mixing import effective_sample_size, split_r_hat
from samplers.rng import generator

PRECISIONS = (1.0, 4.0, 16.0)  # of the Gaussian, along axes that are turned
CENTRES = ((-1.0, -0.6), (1.0, -0.6), (0.0, 1.0))
WEIGHTS = (0.5, 0.3, 0.2)
SPREAD = 0.5
CELLS, REACH = 24, 3.0  # of the histogram that the mixture is compared on
N_TOKENS, LENGTH = 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LawSettings(Settings):
    """One law and its chains; a step is one step of every chain."""

    law: str = setting("gaussian", label="Law", help="What is drawn from.", choices=("gaussian", "mixture", "tokens"))
    steps: int = setting(2000, label="Steps", help="Of every chain, warm-up included.", low=8, high=10_000_000)
    n_chains: int = setting(512, label="Chains", help="Run at once.", low=2, high=10_000_000)
    noise_scale: float = setting(0.3, label="ε", help="Noise scale; the step size is ε²/2.", low=1e-6, high=100)
    keep_every: int = setting(4, label="Keep", help="Steps between states that count.", low=1, high=100_000)
    warm_up: float = setting(0.25, label="Warm-up", help="Share of the steps left out.", low=0.0, high=0.95)


def axes() -> Tensor:
    """(3, 3) the turned axes of the Gaussian, the same for every seed."""
    return torch.linalg.qr(torch.randn(3, 3, generator=generator(0, "axes"), dtype=torch.float64)).Q


def gaussian(x: Tensor) -> Tensor:
    """(N,) log-density of the Gaussian at x (N, 3)."""
    return -0.5 * ((x @ axes()).square() * torch.tensor(PRECISIONS, dtype=torch.float64)).sum(dim=1)


def mixture(x: Tensor) -> Tensor:
    """(N,) log-density of the mixture at x (N, 2)."""
    centres = torch.tensor(CENTRES, dtype=torch.float64)
    squared = (x.unsqueeze(1) - centres).square().sum(dim=2) / (2 * SPREAD**2)
    return torch.logsumexp(torch.tensor(WEIGHTS, dtype=torch.float64).log() - squared, dim=1)


def table(seed: int) -> Tensor:
    """(V, …, V) random log-weights of all strings."""
    return torch.randn((N_TOKENS,) * LENGTH, generator=generator(seed, "table"), dtype=torch.float64)


def discretised_variances(noise_scale: float) -> Tensor:
    """(3,) stationary variances of unadjusted chains on the Gaussian: 1 / (λ (1 − ε²λ/4)); needs ε²λ < 4."""
    precisions = torch.tensor(PRECISIONS, dtype=torch.float64)
    return 1 / (precisions * (1 - noise_scale**2 * precisions / 4))


def _kept(chains: Chains, settings: LawSettings) -> Tensor:
    """(kept, N, ...) states after the warm-up."""
    return chains.kept[int(settings.warm_up * len(chains.kept)) :]


def _mixing(statistics: Tensor) -> dict[str, float]:
    """The worst split R-hat and effective sample size over statistics (kept, N, D), in their units and squared."""
    both = torch.cat([statistics, statistics.square()], dim=2)
    columns = [both[..., k].T for k in range(both.shape[2])]
    return {
        "r_hat": max(split_r_hat(column) for column in columns),
        "ess": min(effective_sample_size(column) for column in columns),
        "draws": float(columns[0].numel()),
    }  # fmt: skip


def _walk(log_density: LogDensity, n_dims: int, method: str, seed: int, settings: LawSettings) -> Chains:
    source = generator(seed, "walk")
    start = 2 * torch.randn(settings.n_chains, n_dims, generator=source, dtype=torch.float64)
    walk: Callable[..., Chains] = metropolis_langevin if method == "adjusted" else langevin
    steps = constant(step_size_of(settings.noise_scale), settings.steps)
    return walk(log_density, start, steps, source, keep_every=settings.keep_every)


def on_gaussian(method: str, seed: int, settings: LawSettings) -> dict[str, float]:
    """Relative errors of the variances along the Gaussian's axes, to the law's and to the discretised chain's."""
    chains = _walk(gaussian, 3, method, seed, settings)
    turned = _kept(chains, settings) @ axes()
    covariance = torch.cov(turned.flatten(0, 1).T)
    exact = 1 / torch.tensor(PRECISIONS, dtype=torch.float64)
    correlation = covariance / torch.outer(exact, exact).sqrt()
    found = {
        "variance_error": float((covariance.diagonal() / exact - 1).abs().max()),
        "covariance_error": float((correlation - correlation.diagonal().diag()).abs().max()),
        "acceptance": chains.acceptance, **_mixing(turned),
    }  # fmt: skip
    if method == "unadjusted":
        expected = discretised_variances(settings.noise_scale)
        found["variance_error_expected"] = float((expected / exact - 1).abs().max())
        found["discretised_error"] = float((covariance.diagonal() / expected - 1).abs().max())
    return found


def on_mixture(method: str, seed: int, settings: LawSettings) -> dict[str, float]:
    """Total variation on a histogram, beside that of as many exact draws as the effective ones."""
    chains = _walk(mixture, 2, method, seed, settings)
    kept = _kept(chains, settings)
    mixing = _mixing(kept)
    edge = torch.linspace(-REACH, REACH, CELLS * 10 + 1, dtype=torch.float64)
    middle = (edge[1:] + edge[:-1]) / 2
    fine = mixture(torch.cartesian_prod(middle, middle)).softmax(dim=0)
    exact = fine.view(CELLS, 10, CELLS, 10).sum(dim=(1, 3)).flatten()
    frequency = _histogram(kept.flatten(0, 1))
    drawn = torch.multinomial(exact, max(int(mixing["ess"]), 1), replacement=True, generator=generator(seed, "exact"))
    noise = torch.bincount(drawn, minlength=len(exact)).double() / len(drawn)
    return {
        "total_variation": _variation(frequency, exact), "total_variation_of_exact": _variation(noise, exact),
        "acceptance": chains.acceptance, **mixing,
    }  # fmt: skip


def _histogram(points: Tensor) -> Tensor:
    """Frequencies (cells²,) of points (n, 2); what lies outside goes to the border."""
    at = ((points + REACH) / (2 * REACH) * CELLS).long().clamp(0, CELLS - 1)
    return torch.bincount(at[:, 0] * CELLS + at[:, 1], minlength=CELLS**2).double() / len(points)


def _variation(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().sum() / 2)


def on_tokens(method: str, seed: int, settings: LawSettings) -> dict[str, float]:
    """Total variation over all strings, beside that of as many exact draws as the effective ones."""
    energies, source = table(seed), generator(seed, "walk")

    def log_density(one_hot: Tensor) -> Tensor:
        return torch.einsum("abcde,na,nb,nc,nd,ne->n", energies, *one_hot.unbind(dim=1))

    start = torch.randint(N_TOKENS, (settings.n_chains, LENGTH), generator=source)
    chains = gibbs_with_gradients(
        log_density, start, N_TOKENS, settings.steps, source, keep_every=settings.keep_every, dtype=torch.float64
    )
    kept = _kept(chains, settings)
    place = (kept * N_TOKENS ** torch.arange(LENGTH)).sum(dim=2).flatten()
    exact = energies.permute(*reversed(range(LENGTH))).flatten().softmax(dim=0)
    frequency = torch.bincount(place, minlength=len(exact)).double() / len(place)
    warm = int(settings.warm_up * len(chains.kept_values))
    mixing = _mixing(chains.kept_values[warm:].unsqueeze(2))
    drawn = torch.multinomial(exact, max(int(mixing["ess"]), 1), replacement=True, generator=generator(seed, "exact"))
    noise = torch.bincount(drawn, minlength=len(exact)).double() / len(drawn)
    return {
        "total_variation": _variation(frequency, exact), "total_variation_of_exact": _variation(noise, exact),
        "acceptance": chains.acceptance, **mixing,
    }  # fmt: skip


LAWS = {"gaussian": on_gaussian, "mixture": on_mixture, "tokens": on_tokens}


def run(
    method: str, seed: int, settings: LawSettings, *,
    device: str, data: Path | None, progress: Progress, checkpoint: Checkpoint,
) -> Outcome:  # fmt: skip
    """One law with one seed. It takes seconds, so an interrupted row begins again."""
    found = LAWS[settings.law](method, seed, settings)
    progress(settings.steps, settings.steps, {})
    return Outcome(found, settings.steps * settings.n_chains)


EXPERIMENT = Experiment(
    name="langevin",
    sentence="Langevin and token chains against a Gaussian, a mixture and all strings of a small alphabet.",
    settings={
        "gaussian": LawSettings(steps=12_000, noise_scale=0.3, keep_every=8),
        "mixture": LawSettings(law="mixture", steps=12_000, noise_scale=0.4, keep_every=8),
        "tokens": LawSettings(law="tokens", steps=2000, keep_every=4),
    },
    methods=("unadjusted", "adjusted", "gibbs-gradients"),
    only={
        "gaussian": ("unadjusted", "adjusted"), "mixture": ("unadjusted", "adjusted"), "tokens": ("gibbs-gradients",)
    },
    run=run,
)  # fmt: skip
