"""What an experiment is, and where each one lives. Loads no torch, so that a list of names is at hand at once."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from samplers.config import Settings
from samplers.errors import ConfigError
from samplers.experiments.checkpoint import Checkpoint

# Where each experiment lives; its module defines EXPERIMENT.
MODULES: dict[str, str] = {
    "grid": "samplers.experiments.grid",
    "qm9": "samplers.experiments.qm9",
    "seh": "samplers.experiments.seh",
    "tfbind8": "samplers.experiments.tfbind8",
    "tfbind8-diffusion": "samplers.experiments.tfbind8_diffusion",
    "rna": "samplers.experiments.rna",
    "subspace": "samplers.experiments.subspace",
    "set": "samplers.experiments.set_generation",
    "bits": "samplers.experiments.bit_sequences",
    "gmm25": "samplers.experiments.gmm25",
    "manywell": "samplers.experiments.manywell",
    "frag-seh": "samplers.experiments.frag_seh",
    "swissroll": "samplers.experiments.swissroll",
    "langevin": "samplers.experiments.langevin",
    "molecules-diffusion": "samplers.experiments.molecules_diffusion",
    "molecules-measured": "samplers.experiments.molecules_measured",
    "lipophilicity-energy": "samplers.experiments.lipophilicity_energy",
    "banel-toy": "samplers.experiments.banel_toy",
    "banel-fragments": "samplers.experiments.banel_fragments",
    "tfbind8-offline": "samplers.experiments.tfbind8_offline",
    "banel-digits": "samplers.experiments.banel_digits",
    "banel-selfies": "samplers.experiments.banel_selfies",
    "banel-retrospective": "samplers.experiments.banel_retrospective",
}

Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one row found: metrics by name, rewards asked for, and curves as equally long lists by name."""

    metrics: dict[str, float]
    reward_calls: int
    curve: dict[str, list[float]] = field(default_factory=dict)


class Run(Protocol):
    """Train one method with one seed. `progress(step, steps, numbers)` and `checkpoint` are the runner's."""

    def __call__(
        self,
        method: str,
        seed: int,
        settings: Any,
        *,
        device: str,
        data: Path | None,
        progress: Progress,
        checkpoint: Checkpoint,
    ) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment.

    `settings` holds the defaults of each size by its name ("default" where there is one size); each has `steps`, and
    no name has a comma in it, since commas separate names on the command line.
    `methods` run unless others are asked for; `further` run when asked for. `files` are read from the data folder.
    `only` names the methods of a size that has fewer than the others. `published` has the form of a summary,
    {setting: {method: {metric: value}}}, beside "source". `compare` makes what only all rows together can say: when
    each method reaches a level of a curve that the best of them defines, {curve: steps_to_levels(rows, curve, ...)}.
    `picture` turns the file's content into the text of an SVG.
    """

    name: str
    sentence: str
    settings: Mapping[str, Settings]
    methods: tuple[str, ...]
    run: Run
    further: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    published: Mapping[str, Any] = field(default_factory=dict)
    compare: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None
    picture: Callable[[Mapping[str, Any]], str] | None = None

    def has(self, setting: str, method: str) -> bool:
        """Whether a size has a method."""
        return method in self.only.get(setting, (*self.methods, *self.further))

    def method(self, asked: str) -> str:
        """The id of a method, whatever the order of its parts. Raises ConfigError for one that is not here."""
        for known in (*self.methods, *self.further):
            if sorted(known.split("+")) == sorted(asked.split("+")):
                return known
        names = ", ".join((*self.methods, *self.further))
        raise ConfigError("methods", f"{asked!r} is not a method of the experiment {self.name}; it has {names}")

    def size(self, asked: str) -> str:
        """The name of a size. Raises ConfigError for one that is not here."""
        if asked not in self.settings:
            names = ", ".join(self.settings)
            raise ConfigError("size", f"{asked!r} is not a size of the experiment {self.name}; it has {names}")
        return asked


def names() -> tuple[str, ...]:
    """The experiments there are."""
    return tuple(MODULES)


def find(name: str) -> Experiment:
    """The experiment of this name. Raises ConfigError for another name."""
    if name not in MODULES:
        raise ConfigError("experiment", f"{name!r} is not an experiment; there are {', '.join(MODULES) or 'none'}")
    found = importlib.import_module(MODULES[name]).EXPERIMENT
    if not isinstance(found, Experiment):
        raise TypeError(f"{MODULES[name]}.EXPERIMENT is not an Experiment")
    return found
