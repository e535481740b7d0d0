"""The masked model of the family: places of a design filled in any order, so that what is kept steers all the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.descent import Descent
from samplers.diffusion.masked.likelihood import sampled_bound
from samplers.diffusion.masked.network import Denoiser, Size
from samplers.diffusion.masked.sampling import SamplingPlan, sample
from samplers.diffusion.masked.tokens import Letters, Tokens
from samplers.diffusion.masked.training import denoising_loss
from samplers.diffusion.models import Likelihood, Plain
from samplers.environments.sequences import SequenceEnvironment, environment_for
from samplers.kinds import is_sequence

DRAWN_AT_ONCE = 256
ROUNDS = 20  # of drawing for designs that are what they must be, before as many as were found have to do
MASKS = 16  # of each design for the bound on its likelihood
VALIDATION_MASKS = 4
REFERENCE_WIDTH = 128  # wider networks take smaller steps, in proportion


class Kept(Protocol):
    """What every design contains."""

    def rows(self, n: int, source: torch.Generator) -> Tensor:
        """(n, L) the tokens that stand fixed, −1 where none does."""

    @property
    def allowed(self) -> Tensor:
        """(L, V) which tokens may be drawn at a place."""

    def holds(self, structure: str) -> bool:
        """Whether a design contains it."""


class Letterwise:
    """Letters at fixed places of a sequence; a place may leave a choice."""

    def __init__(self, tokens: Letters, text: str) -> None:
        from samplers.diffusion.autoregressive.keeping import Places

        self.allowed = tokens.allowed.cpu() & Places(tokens.environment, text).allowed.cpu()
        sure = self.allowed.sum(dim=1) == 1
        self._row = torch.where(sure, self.allowed.long().argmax(dim=1), -1)

    def rows(self, n: int, source: torch.Generator) -> Tensor:
        """The same for all designs."""
        return self._row.repeat(n, 1)

    def holds(self, structure: str) -> bool:
        """Always: no other letter can be drawn."""
        return True


def heads_of(width: int) -> int:
    """Attention heads for a width: as many as leave each 32 numbers or more."""
    return next(n for n in (12, 8, 6, 4, 2, 1) if n == 1 or (width % n == 0 and width // n >= 32))


class Masked:
    """A denoiser of token rows, its examples, and what it draws."""

    name = "masked"

    def __init__(
        self, tokens: Tokens, own: Tensor, structures: Sequence[str], config: DiffusionConfig, denoiser: Denoiser
    ) -> None:
        """`own` (M, L) are the rows of the `structures`, on the CPU."""
        self.space = self.tokens = tokens
        self.own, self.structures, self.config = own, structures, config
        rate = config.learning_rate * min(1.0, REFERENCE_WIDTH / config.hidden_size)
        self.descent = Descent(denoiser.train(), learning_rate=rate, horizon=config.learning_steps)

    @property
    def average(self) -> Denoiser:
        """The denoiser with averaged weights."""
        found = self.descent.average
        assert isinstance(found, Denoiser)
        return found

    @property
    def device(self) -> torch.device:
        """Where the network is; examples and random numbers stay on the CPU."""
        return self.average.head.weight.device

    def learn(self, rows: Tensor, reward: Tensor, free: Tensor, source: torch.Generator) -> dict[str, float]:
        """One step; `nats` is an estimate of the bound on −log p given the targets."""
        network = self.descent.network
        assert isinstance(network, Denoiser)
        return {"nats": self.descent.step(denoising_loss(network, self.own[rows], reward, free, source))}

    @torch.no_grad()
    def validate(self, rows: Tensor, source: torch.Generator) -> dict[str, float]:
        """The bound on the mean −log p of examples, without target."""
        return {"validation_nats": float(self._bound(self.own[rows], VALIDATION_MASKS, source).mean())}

    def _bound(self, rows: Tensor, n_masks: int, source: torch.Generator) -> Tensor:
        return sampled_bound(self.average, rows.to(self.device), self.average.mask, n_masks, source)

    def draw(
        self, n: int, reward: float | None, guidance: float, source: torch.Generator, keep: Kept | None = None
    ) -> list[str]:
        """n designs, or fewer where most of what is drawn is too large or has lost what must be kept."""
        found: list[str] = []
        for _ in range(ROUNDS * math.ceil(n / DRAWN_AT_ONCE)):
            size = min(DRAWN_AT_ONCE, n - len(found))
            if not size:
                break
            drawn = self.tokens.decode(self._rows(size, reward, guidance, source, keep))
            found += [text for text in drawn if not self._wrong(text, keep)]
        return found

    def _wrong(self, text: str, keep: Kept | None) -> bool:
        return not text or self.tokens.too_large(text) or (keep is not None and not keep.holds(text))

    def _rows(
        self, n: int, reward: float | None, guidance: float, source: torch.Generator, keep: Kept | None
    ) -> Tensor:
        config, length = self.config, self.tokens.length
        plan = SamplingPlan(
            n_steps=min(config.sampling_steps, length), guidance=0.0 if reward is None else guidance,
            remask_rounds=config.remask_rounds, polish=config.polish,
        )  # fmt: skip
        fixed = torch.full((n, length), -1) if keep is None else keep.rows(n, source)
        allowed = self.tokens.allowed if keep is None else keep.allowed
        wanted = None if reward is None else torch.full((n,), float(reward), device=self.device)
        rows = sample(self.average, fixed.to(self.device), wanted, plan, source, allowed.to(self.device))
        return rows.cpu()

    def fixed(self, text: str) -> Kept:
        """What keeps letters at their places, or a scaffold. Raises ConfigError where it cannot be expressed."""
        if isinstance(self.tokens, Letters):
            return Letterwise(self.tokens, text)
        from samplers.diffusion.masked.scaffolds import Scaffold

        return Scaffold(self.tokens, text)

    @torch.no_grad()
    def likelihood(self, structures: Sequence[str], source: torch.Generator) -> Likelihood:
        """Bounds from 16 masks a design."""
        reasons = [self.tokens.reason(text) for text in structures]
        written = [text for text, reason in zip(structures, reasons, strict=True) if not reason]
        rows = self.tokens.encode(written)
        bounds = iter(
            [value for part in rows.split(DRAWN_AT_ONCE) for value in self._bound(part, MASKS, source).tolist()]
        )
        return Likelihood(
            tuple(math.inf if reason else next(bounds) for reason in reasons),
            tuple("impossible" if reason else "bound" for reason in reasons), tuple(reasons),
        )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        """The weights and the rows of the examples."""
        return self.descent.tensors() | {"own": self.own}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""
        self.own = tensors["own"].cpu()
        self.descent.restore(tensors)

    def to_dict(self) -> Plain:
        """The tables of the tokens and the examples."""
        return {"tokens": self.tokens.to_dict(), "structures": list(self.structures)}


def tokens_from(
    kind: str, config: DiffusionConfig, structures: Sequence[str]
) -> tuple[Tokens, list[str], Tensor, Plain]:
    """Tokens, the structures that they can write, their rows, and the pre-flight report.

    Raises VocabularyError when nothing can be written.
    """
    if is_sequence(kind):
        environment, inside, report = environment_for(
            kind, structures, min_length=config.min_length, max_length=config.max_length
        )
        letters = Letters(environment)
        return letters, inside, letters.encode(inside), {"kind": kind} | report
    from samplers.diffusion.masked.molecules import SelfiesTokens

    tokens, inside, rows, reasons = SelfiesTokens.from_data(
        structures, n_merges=config.n_merges, max_heavy_atoms=config.max_heavy_atoms
    )
    return tokens, inside, rows, {"kind": kind} | _report(tokens, len(inside), reasons)


def _report(tokens: Tokens, n_inside: int, reasons: Counter[str]) -> Plain:
    n_total = n_inside + sum(reasons.values())
    rest = "; ".join(f"{count}: {reason}" for reason, count in sorted(reasons.items(), key=lambda row: -row[1]))
    share = f"{n_inside} of {n_total} of your molecules ({100 * n_inside / max(n_total, 1):.0f} %) could be written."
    return {
        "n_actions": tokens.n_tokens,
        "expressible": {"n_total": n_total, "n_expressible": n_inside, "reasons": dict(reasons)},
        "sentences": [
            f"{tokens.n_tokens} SELFIES tokens, frequent neighbours merged; at most {tokens.length} in a molecule.",
            f"{share} Not: {rest}." if rest else share,
            "Any row of tokens is a molecule, so that valid designs are no sign of learning.",
        ],
    }  # fmt: skip


def network_for(tokens: Tokens, config: DiffusionConfig) -> Denoiser:
    """A denoiser without weights of its own yet; without dropout, so that nothing is drawn but from our generators."""
    size = Size(config.n_blocks, config.hidden_size, heads_of(config.hidden_size))
    with torch.device("meta"):
        network = Denoiser(tokens.n_tokens, tokens.length, size)
    return network.to_empty(device="cpu")


def measure(kind: str, config: DiffusionConfig, structures: Sequence[str]) -> Plain:
    """The pre-flight report alone."""
    return tokens_from(kind, config, structures)[3]


def prepare(
    kind: str, config: DiffusionConfig, structures: Sequence[str], source: torch.Generator, device: str
) -> tuple[Masked, Plain]:
    """A new model and the pre-flight report. Raises VocabularyError where nothing could be written."""
    tokens, inside, rows, report = tokens_from(kind, config, structures)
    return Masked(tokens, rows, inside, config, network_for(tokens, config).initialise(source).to(device)), report


def rebuild(kind: str, raw: Plain, config: DiffusionConfig, device: str) -> Masked:
    """The model of a checkpoint, its weights and examples yet to be restored."""
    tokens: Tokens
    if is_sequence(kind):
        tokens = Letters(SequenceEnvironment.from_dict(kind, raw["tokens"]))
    else:
        from samplers.diffusion.masked.molecules import SelfiesTokens

        tokens = SelfiesTokens(**raw["tokens"])
    own = torch.zeros(0, tokens.length, dtype=torch.long)
    return Masked(tokens, own, raw["structures"], config, network_for(tokens, config).to(device))
