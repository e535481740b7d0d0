"""A run of learning from failures, as it stands between two rounds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from samplers.banel.filters import Filter, Region
from samplers.banel.ledger import FAIL, PASS, Entry, Ledger
from samplers.banel.models import Model
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.errors import ConfigError
from samplers.rng import generator


@dataclass(frozen=True, slots=True)
class Veto:
    """What the stored filters said about a hit: numbers of the rounds whose filter would have rejected it."""

    key: str
    rejected_by: tuple[int, ...]
    margins: tuple[float, ...]  # score minus threshold of those, below zero


@dataclass(slots=True, kw_only=True)
class Round:
    """One finished round. Numbers that were not measured are absent."""

    number: int
    nre: int
    n_failures: int
    n_hits: int
    learned: list[int]  # indices of the ledger entries that this round learned from
    numbers: dict[str, float] = field(default_factory=dict)
    histogram: dict[str, list[float]] = field(default_factory=dict)
    vetoes: list[Veto] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rejected_a_hit: bool = False  # this round's filter, found out in a later round
    undone: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The round as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Round:
        """The round that `to_dict` wrote."""
        vetoes = [Veto(one["key"], tuple(one["rejected_by"]), tuple(one["margins"])) for one in raw["vetoes"]]
        return cls(**{**raw, "vetoes": vetoes})


@dataclass(slots=True, kw_only=True)
class State:
    """Everything of a run; `filters[i]` was made in round `filter_rounds[i]`, from failure model `failure_models[i]`.

    `priors[i]` is the generator whose likelihood stands in the ratio of filter i; both are None where a classifier of
    failures from elsewhere is the filter. `before[t]` is the generator as it was before round t learned, so that rounds
    can be undone. `spared` are rows of hits from elsewhere, which no filter rejects. `first_number` is what people call
    the first round: 0 where it learned from failures that were not this run's.
    """

    settings: BanelSettings
    space: Space
    seed: int
    first: Model
    now: Model
    ledger: Ledger
    filters: list[Filter] = field(default_factory=list)
    filter_rounds: list[int] = field(default_factory=list)
    failure_models: list[Model | None] = field(default_factory=list)
    priors: list[Model | None] = field(default_factory=list)
    before: dict[int, Model] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    finished: str = ""
    spared: list[tuple[int, ...]] = field(default_factory=list)
    first_number: int = 1

    @property
    def number(self) -> int:
        """The round under way, from 0. Numbers are never used twice, undone rounds included."""
        return len(self.rounds)

    def source(self, purpose: str) -> torch.Generator:
        """The random generator of one purpose of the round under way: a round drawn again is drawn the same."""
        return generator(self.seed, f"{purpose}/{self.number}")

    def region(self) -> Region:
        """All filters."""
        return Region(list(self.filters))

    def _unlearned(self, verdict: str) -> list[Entry]:
        learned = {index for one in self.rounds if not one.undone for index in one.learned}
        return [entry for entry in self.ledger.first_with(verdict) if entry.index not in learned]

    @property
    def new_failures(self) -> list[Entry]:
        """Failures that no round has learned from yet, late answers included."""
        return self._unlearned(FAIL)

    @property
    def new_hits(self) -> list[Entry]:
        """Hits that no round has seen yet."""
        return self._unlearned(PASS)


def start(
    settings: BanelSettings, space: Space, prior: Model, *, seed: int, ledger: Ledger | None = None
) -> State:  # fmt: skip
    """A new run from a pre-trained generator, which is left as it is.

    A ledger given must have the settings' budget; raises ValueError otherwise. Raises ConfigError when candidates
    should be picked far apart and the space has no features to measure by.
    """
    if settings.diversity > 1 and space.features is None:
        raise ConfigError("diversity", "needs features to measure distances by, and this space has none; set it to 1")
    ledger = Ledger(settings.budget) if ledger is None else ledger
    if ledger.budget != settings.budget:
        raise ValueError(f"the ledger allows {ledger.budget} evaluations, the settings {settings.budget}")
    return State(
        settings=settings, space=space, seed=seed, first=prior.copy(), now=prior.copy(), ledger=ledger
    )  # fmt: skip
