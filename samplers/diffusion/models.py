"""What every model of the family answers, and where each one lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import torch
from torch import Tensor

from samplers.diffusion.config import DiffusionConfig
from samplers.kinds import is_sequence

Plain = dict[str, Any]

# Each module defines `measure(kind, config, structures) -> report`, the pre-flight report with its `sentences`;
# `prepare(kind, config, structures, source, device) -> (Model, report)`, whose first weights come from `source`; and
# `rebuild(kind, raw, config, device) -> Model`, the same from `Model.to_dict()`, weights aside.
MODULES = {
    "autoregressive": "samplers.diffusion.autoregressive.model",
    "latent": "samplers.diffusion.latent.model",
    "masked": "samplers.diffusion.masked.model",
}


class Space(Protocol):
    """Where designs are built: what the rest of the product asks of it."""

    @property
    def kind(self) -> str: ...

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n designs drawn without any learning."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """−log p of designs under the model without target, in nats (n,), infinite where it cannot build one.

    `kind` is "exact", "estimate" (unbiased for p) or "bound" (the mean of the true value lies below); `notes` say why
    a design cannot be built, else are empty.
    """

    nats: tuple[float, ...]
    kinds: tuple[str, ...]
    notes: tuple[str, ...]


class Model(Protocol):
    """One way to learn what the data are like, and what those of a reward are like.

    Rewards are standardised: 0 is the mean of the labels, 1 one standard deviation above.
    """

    name: str
    space: Space
    structures: Sequence[str]  # (M,) the examples that it can learn from, each in its standard writing

    def learn(self, rows: Tensor, reward: Tensor, free: Tensor, source: torch.Generator) -> dict[str, float]:
        """One step on examples (B,) with rewards (B,), hidden where `free` (B,); tells `nats` and what else it has."""

    def validate(self, rows: Tensor, source: torch.Generator) -> dict[str, float]:
        """Examples (B,) that were not learned from: `validation_nats` without target, and what else it has."""

    def draw(
        self, n: int, reward: float | None, guidance: float, source: torch.Generator, keep: Any = None
    ) -> list[str]:
        """n designs; reward None or guidance 0 draw without target. `keep` is what `fixed` gave."""

    def fixed(self, text: str) -> Any:
        """What `draw` keeps in every design, for the setting `scaffold`. Raises ConfigError where it cannot."""

    def likelihood(self, structures: Sequence[str], source: torch.Generator) -> Likelihood:
        """How likely designs are without target."""

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes in learning, and the examples; `restore` takes it back."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` was taken."""

    def to_dict(self) -> Plain:
        """What `rebuild` needs beside the tensors, as plain data."""


def chosen(config: DiffusionConfig, kind: str, device: str) -> tuple[str, str]:
    """The model to use, and why, in a sentence."""
    if config.model != "auto":
        return config.model, "Chosen in the settings."
    if is_sequence(kind) and config.scaffold:
        return "masked", "Kept letters steer what stands before them too, since places are filled in any order."
    if is_sequence(kind):
        return "autoregressive", "Learns fastest of the models here, and gives exact likelihoods."
    return "autoregressive", "Reaches the data fastest on molecules, fragment by fragment, and gives exact likelihoods."


def module(name: str) -> Any:
    """The module of a model."""
    return import_module(MODULES[name])
