"""The generator families the library knows, and the plain records they all answer with. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Protocol

from samplers.config import Settings
from samplers.errors import ConfigError
from samplers.kinds import KINDS, check_kind


class DataForTraining(Protocol):
    """A campaign's structures, canonical SMILES or sequences: of which kind, all of them, and those with labels."""

    @property
    def kind(self) -> str: ...

    @property
    def structures(self) -> Sequence[str]: ...

    @property
    def known(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """One structure a generator offers: `log_p` of the path it was drawn by, `log_reward` None if unscored."""

    structure: str
    log_p: float
    log_reward: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """log p of structures under a generator, minus infinity for what it cannot build; and what each number is.

    `kinds` are "exact", "estimate", "bound" (the true log p is expected to lie above) or "impossible"; `notes` say why
    something is impossible, else are empty.
    """

    log_p: tuple[float, ...]
    kinds: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One line of the registry: modules are named, and imported only when asked for."""

    name: str
    label: str
    help: str
    module: str
    config: tuple[str, str]
    kinds: tuple[str, ...]  # of design, see samplers.kinds


_REGISTERED = (
    Family(
        name="gflownet",
        label="GFlowNet",
        help="Assembles molecules from fragments of your own, or sequences letter by letter, each design as often as "
        "its reward deserves.",
        module="samplers.gflownet.family",
        config=("samplers.gflownet.config", "GFlowNetConfig"),
        kinds=KINDS,
    ),
    Family(
        name="diffusion",
        label="Diffusion",
        help="Learns what your structures are like, and draws new ones that have a value you ask for.",
        module="samplers.diffusion.family",
        config=("samplers.diffusion.config", "DiffusionConfig"),
        kinds=KINDS,
    ),
    Family(
        name="energy",
        label="Energy model",
        help="Learns from your data alone what structures are like and what they are worth, weighs the two as you say, "
        "and shows from where on it would overpromise.",
        module="samplers.energy.family",
        config=("samplers.energy.config", "EnergyConfig"),
        kinds=KINDS,
    ),
)
FAMILIES = {family.name: family for family in _REGISTERED}


def _registered(name: str) -> Family:
    if name not in FAMILIES:
        raise ConfigError("generator", f"must be one of {', '.join(sorted(FAMILIES))}, got {name!r}")
    return FAMILIES[name]


def describe(kind: str = "") -> list[dict[str, str]]:
    """The families on offer, for one kind of design if named: name, label, help. Raises ConfigError for another."""
    offered = [family for family in _REGISTERED if not kind or check_kind(kind) in family.kinds]
    return [{"name": family.name, "label": family.label, "help": family.help} for family in offered]


def config_class(name: str) -> type[Settings]:
    """A family's settings; loads neither torch nor RDKit. Raises ConfigError for an unknown family."""
    module, attribute = _registered(name).config
    return getattr(import_module(module), attribute)


def family(name: str) -> ModuleType:
    """A family's module: Config, measure, prepare, advance, propose, score, save, load, random_assembly.

    Raises ConfigError for an unknown family.
    """
    return import_module(_registered(name).module)
