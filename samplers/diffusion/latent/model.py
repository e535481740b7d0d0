"""The latent model: an autoregressive autoencoder, and Part I's conditional diffusion on its codes.

Codes are scaled to mean 0 and variance 1 and blurred while reading them out is learned, so that codes near one another
mean designs near one another and a code that is drawn, not encoded, still means a design.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from samplers.diffusion.autoregressive.sampling import draw_rows
from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.descent import Descent
from samplers.diffusion.draws import own_normals
from samplers.diffusion.labelers import initialise
from samplers.diffusion.latent.bound import nats_bound
from samplers.diffusion.models import Likelihood, Plain
from samplers.diffusion.noising import noise_variance, noised, signal, time_grid
from samplers.diffusion.reverse import reverse_sde
from samplers.diffusion.subspace import SubspaceScore, SubspaceSettings
from samplers.environments.design import DesignEnvironment
from samplers.errors import ConfigError
from samplers.gflownet.kinds import empty_policy, from_data, from_dict
from samplers.gflownet.policy import EMBEDDING, Policy
from samplers.tensors import below

LONGEST, SHORTEST = 10.0, 0.01  # times between which codes are noised
NOISED = 4  # noised codes for each example of a step: the diffusion costs far less than reading a code out
DRAWN_AT_ONCE = 256
MOMENTUM = 0.1  # how fast the means and spreads of codes are followed; slower ones lag behind the encoder


class Autoencoder(nn.Module):
    """Encoder: a recurrent reader of a design's path, to L numbers. Decoder: a policy told the code at every step."""

    def __init__(self, environment: DesignEnvironment, hidden_size: int, n_latent: int) -> None:
        super().__init__()
        self.policy: Policy = empty_policy(environment, hidden_size)
        self.policy.log_z.requires_grad_(False)
        with torch.device("meta"):  # draws no random numbers
            reader = nn.GRU(EMBEDDING, hidden_size, batch_first=True)
            code = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.SiLU(), nn.Linear(hidden_size, n_latent))
            tell = nn.Linear(n_latent, hidden_size)
        self.reader: nn.GRU = reader.to_empty(device="cpu")
        self.code, self.tell = code.to_empty(device="cpu"), tell.to_empty(device="cpu")
        self.scale = nn.BatchNorm1d(n_latent, affine=False, momentum=MOMENTUM)

    def initialise(self, environment: DesignEnvironment, source: torch.Generator) -> Autoencoder:
        """Draw all weights from `source`."""
        self.policy.initialise(environment, source)
        for part in (self.reader, self.code, self.tell):
            initialise(part, source)
        with torch.no_grad():
            bound = int(self.reader.hidden_size) ** -0.5
            for weight in self.reader.parameters():
                weight.copy_((torch.rand(weight.shape, generator=source) * 2 - 1) * bound)
        return self

    def encode(self, environment: DesignEnvironment, rows: Tensor) -> Tensor:
        """Codes (N, L) of paths (N, F), of mean 0 and variance 1 over the batch, or over the data in evaluation."""
        n_steps = (rows >= 0).sum(dim=1)
        vectors = self.policy.embedded(environment, rows[:, : int(n_steps.max())].clamp_min(0))
        read = self.reader(vectors)[0]
        codes: Tensor = self.scale(self.code(read[torch.arange(len(rows), device=rows.device), n_steps - 1]))
        return codes

    def surprise(self, environment: DesignEnvironment, rows: Tensor, codes: Tensor) -> Tensor:
        """−log p (N,) of paths given codes (N, L)."""
        return -self.policy.log_likelihood(environment, rows, self.tell(codes))


class Latent:
    """Learns both parts at once: every step is one of the autoencoder and one of the diffusion on its codes."""

    name = "latent"

    def __init__(
        self, environment: DesignEnvironment, own: Tensor, structures: Sequence[str], config: DiffusionConfig,
        network: Autoencoder, score: SubspaceScore,
    ) -> None:  # fmt: skip
        """`own` (M, F) is a path to each of the `structures`."""
        self.space = self.environment = environment
        self.own, self.structures, self.config = own, structures, config
        settings = {"learning_rate": config.learning_rate, "horizon": config.learning_steps}
        self.coding = Descent(network, **settings)  # type: ignore[arg-type]
        self.diffusing = Descent(score, learning_rate=config.learning_rate / 3, horizon=config.learning_steps)

    @property
    def device(self) -> torch.device:
        """Where the numbers are."""
        return self.environment.device

    def learn(self, rows: Tensor, reward: Tensor, free: Tensor, source: torch.Generator) -> dict[str, float]:
        """One step of each part; `nats` is the mean −log p of a path given its blurred code."""
        paths, network = self.own[rows], self.coding.network
        codes = network.encode(self.environment, paths)
        blur = torch.randn(codes.shape, generator=source).to(codes)
        nats = self.coding.step(
            network.surprise(self.environment, paths, codes + self.config.latent_noise * blur).mean()
        )
        loss = self._score_loss(codes.detach(), reward.to(self.device), free.to(self.device), source)
        score_loss = self.diffusing.step(loss)
        self.diffusing.network.make_orthonormal()
        return {"nats": nats, "score_loss": score_loss}

    def _score_loss(self, codes: Tensor, reward: Tensor, free: Tensor, source: torch.Generator) -> Tensor:
        """The h_t-weighted conditional score matching loss on codes (B, L), several times for each."""
        clean, target, hidden = codes.repeat(NOISED, 1), reward.repeat(NOISED), free.repeat(NOISED)
        n = len(clean)
        even = (torch.rand((), generator=source) + torch.arange(n) / n) % 1.0
        order = torch.randperm(n, generator=source)  # else an example would always meet the same part of the times
        t = (SHORTEST * torch.exp(math.log(LONGEST / SHORTEST) * even[order])).to(self.device)
        aim = signal(t).unsqueeze(1) * clean
        gap = self.diffusing.network.denoised(noised(clean, t, source), t, target, hidden) - aim
        return (gap.square().sum(dim=1) / noise_variance(t)).mean()

    @torch.no_grad()
    def validate(self, rows: Tensor, source: torch.Generator) -> dict[str, float]:
        """Of examples never learned from: the bound on −log p, −log p given the code, and the share read out right."""
        paths, network = self.own[rows], self.coding.average
        codes = network.encode(self.environment, paths)
        back = draw_rows(
            network.policy, self.environment, len(rows), [(1.0, network.tell(codes))], source, greedy=True
        )  # fmt: skip
        pairs = zip(self.environment.structures(back), rows.tolist(), strict=True)
        right = [text == self.structures[i] for (text, _), i in pairs]
        return {
            "validation_nats": float(self._bound(paths, source).mean()),
            "reconstruction_nats": float(network.surprise(self.environment, paths, codes).mean()),
            "reconstructed": sum(right) / len(right),
        }

    def _score(self) -> SubspaceScore:
        """The averaged score, its V orthonormal."""
        score = copy.deepcopy(self.diffusing.average)
        score.make_orthonormal()
        return score

    def _times(self) -> Tensor:
        return time_grid(self.config.sampling_steps, start=LONGEST, stop=SHORTEST, dtype=torch.float32).to(self.device)

    @torch.no_grad()
    def draw(
        self, n: int, reward: float | None, guidance: float, source: torch.Generator, keep: Any = None
    ) -> list[str]:
        """n designs: codes from the guided reverse process, each read out."""
        network, score, times = self.coding.average, self._score(), self._times()
        n_latent, found = self.config.latent_size, list[str]()
        while len(found) < n:
            size = min(DRAWN_AT_ONCE, n - len(found))
            noise = own_normals(size, (len(times), n_latent), source).transpose(0, 1).to(self.device)
            target = torch.full((size,), 0.0 if reward is None else reward, device=self.device)
            weight = 0.0 if reward is None else guidance
            codes = reverse_sde(score, target, times, n_latent, noise, guidance=weight)
            rows = draw_rows(
                network.policy, self.environment, size, [(1.0, network.tell(codes))], source,
                greedy=self.config.decoding == "greedy",
            )  # fmt: skip
            found += [text for text, _ in self.environment.structures(rows)]
        return found

    def fixed(self, text: str) -> Any:
        """Nothing can be kept: a code stands for a design as a whole. Raises ConfigError."""
        raise ConfigError(
            "scaffold", "cannot be kept by the latent model, whose code stands for a whole design. Choose the model "
            "autoregressive, or leave this empty",
        )  # fmt: skip

    @torch.no_grad()
    def likelihood(self, structures: Sequence[str], source: torch.Generator) -> Likelihood:
        """Estimates of an upper bound on −log p, from one path and one blurred code of each design."""
        nats, kinds, notes = [], [], []
        for text in structures:
            paths = self.environment.spelled(text)
            possible = len(paths.rows) > 0
            nats.append(float(self._bound(paths.rows, source)[0]) if possible else math.inf)
            kinds.append("bound" if possible else "impossible")
            notes.append("" if possible else paths.reason)
        return Likelihood(tuple(nats), tuple(kinds), tuple(notes))

    def _bound(self, paths: Tensor, source: torch.Generator) -> Tensor:
        """E_q[−log p(path | u) − log p(u) + log q(u)] (N,) with u the blurred code of a path, from one draw each."""
        network, blur = self.coding.average, max(self.config.latent_noise, math.sqrt(SHORTEST))
        codes = network.encode(self.environment, paths)
        u = codes + blur * torch.randn(codes.shape, generator=source).to(codes)
        read = network.surprise(self.environment, paths, u).double()
        entropy = 0.5 * codes.shape[1] * math.log(2 * math.pi * math.e * blur**2)
        return read + nats_bound(self._score(), u, self._times(), source).to(read) - entropy

    def tensors(self) -> dict[str, Tensor]:
        """The weights of both parts and the paths to the examples."""
        found = {f"coding.{name}": value for name, value in self.coding.tensors().items()}
        return (
            found | {f"diffusing.{name}": value for name, value in self.diffusing.tensors().items()} | {"own": self.own}
        )

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""
        self.own = tensors["own"].to(self.device)
        self.coding.restore(below(tensors, "coding."))
        self.diffusing.restore(below(tensors, "diffusing."))

    def to_dict(self) -> Plain:
        """The tables of the environment and the examples."""
        return {"environment": self.environment.to_dict(), "structures": list(self.structures)}


def measure(kind: str, config: DiffusionConfig, structures: Sequence[str]) -> Plain:
    """The pre-flight report alone."""
    return from_data(kind, config, structures)[2]


def _score(config: DiffusionConfig, source: torch.Generator) -> SubspaceScore:
    settings = SubspaceSettings(n_latent=config.latent_size, width=config.score_width)
    return SubspaceScore(config.latent_size, settings, source)


def prepare(
    kind: str, config: DiffusionConfig, structures: Sequence[str], source: torch.Generator, device: str
) -> tuple[Latent, Plain]:
    """A new model and the pre-flight report. Raises VocabularyError where nothing could be built from the data."""
    environment, own, report = from_data(kind, config, structures, device)
    network = Autoencoder(environment, config.hidden_size, config.latent_size).initialise(environment, source)
    examples = [text for text, _ in environment.structures(own)]
    score = _score(config, source).to(environment.device)
    return Latent(environment, own, examples, config, network.to(environment.device), score), report


def rebuild(kind: str, raw: Plain, config: DiffusionConfig, device: str) -> Latent:
    """The model of a checkpoint, its weights and examples yet to be restored."""
    environment = from_dict(kind, raw["environment"], config, device)
    network = Autoencoder(environment, config.hidden_size, config.latent_size).to(environment.device)
    own = torch.zeros(0, environment.max_steps, dtype=torch.long, device=environment.device)
    score = _score(config, torch.Generator()).to(environment.device)
    return Latent(environment, own, raw["structures"], config, network, score)
