"""What a round sends: filtered candidates, an insured share of unfiltered ones, replicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from samplers.banel.filters import Funnel, Region, draw_accepted
from samplers.banel.ledger import FILTERED, PRIOR, REPLICATE, Candidate, Entry
from samplers.banel.making import Makeable, makeable
from samplers.banel.models import Model
from samplers.banel.space import far_apart
from samplers.banel.state import State

PATIENCE = 400_000  # proposals for one batch, before the region counts as empty


@dataclass(frozen=True, slots=True)
class Arms:
    """How many wells of a batch are for what."""

    filtered: int
    prior: int
    replicates: int


def arms(n: int, insurance: float, replicates: int) -> Arms:
    """Divide n wells: at least the insured share of them unfiltered, replicates from what is left, then the rest.

    There are never more replicates than candidates to test again.
    """
    prior = min(n, math.ceil(insurance * n - 1e-9))
    again = min(replicates, n - prior, n // 2)
    return Arms(n - prior - again, prior, again)


class _Fresh:
    """Says which drawn rows are candidates of their own: valid, and neither tested nor drawn before.

    With `made` a row is let through with its chance to be made, each time it is drawn.
    """

    def __init__(self, state: State, taken: set[str], funnel: Funnel, made: Makeable | None = None) -> None:
        self.state, self.taken, self.funnel, self.made = state, taken, funnel, made
        self.coins = state.source("makeable")

    def __call__(self, rows: Tensor) -> Tensor:
        space, dedup = self.state.space, self.state.settings.dedup
        wanted, keys = [], space.keys(rows)
        likely = self._likely(rows, [key is not None for key in keys])
        for text, key, may in zip(space.language.texts(rows), keys, likely, strict=True):
            name = text if key is None else key
            valid = key is not None or space.tests_invalid
            known = dedup and (name in self.taken or name in self.state.ledger or name in space.known)
            self.funnel.invalid += not valid
            self.funnel.known += valid and known
            self.funnel.unlikely += valid and not known and not may
            wanted.append(valid and not known and may)
            if wanted[-1]:
                self.taken.add(name)
        return torch.tensor(wanted, dtype=torch.bool)

    def _likely(self, rows: Tensor, valid: list[bool]) -> list[bool]:
        if self.made is None or not any(valid):
            return [True] * len(rows)
        chance = torch.ones(len(rows), dtype=torch.float64)
        chance[torch.tensor(valid)] = self.made.chance(rows[torch.tensor(valid)])
        return (torch.rand(len(rows), generator=self.coins, dtype=torch.float64) < chance).tolist()


def proposer(state: State) -> tuple[Model, Region]:
    """Which generator draws the filtered part, and the region it is held to."""
    if state.settings.version == "accumulated":
        return state.first, state.region()
    newest = state.filters[-1:] if state.settings.filter_batch else []
    return state.now, Region(newest)


def propose(state: State) -> list[Entry]:
    """Charge the next batch, or give the one that was charged already: a round is asked for once.

    Nothing is drawn past the budget. Raises EmptyRegionError when the filters leave too little to draw from.
    """
    made = state.ledger.of_round(state.number)
    if made:
        return made
    wells = arms(min(state.settings.batch, state.ledger.n_left), state.settings.insurance, state.settings.replicates)
    funnel = Funnel()
    chosen = draw_batch(state, wells, funnel)
    return state.ledger.request(state.number, chosen, funnel.numbers())


def draw_batch(state: State, wells: Arms, funnel: Funnel) -> list[Candidate]:
    """The candidates of one batch, the insured ones first, so that a batch cut short keeps them."""
    settings, space, taken = state.settings, state.space, set[str]()
    prior = draw_accepted(
        state.first, Region(), wells.prior, state.source("insurance"), wanted=_Fresh(state, taken, Funnel()),
        at_once=_at_once(wells.prior), patience=PATIENCE,
    )  # fmt: skip
    model, region = proposer(state)
    n_drawn = math.ceil(wells.filtered * settings.diversity)
    rows = draw_accepted(
        model, region, n_drawn, state.source("draw"), softness=settings.softness,
        wanted=_Fresh(state, taken, funnel, makeable(state)), funnel=funnel, at_once=_at_once(n_drawn),
        patience=PATIENCE,
    )  # fmt: skip
    if len(rows) > wells.filtered and space.features is not None:
        rows = rows[far_apart(space.features(rows), wells.filtered, state.source("pick"))]
    chosen = space.candidates(prior, PRIOR) + space.candidates(rows[: wells.filtered], FILTERED)
    return chosen + _again(chosen, wells.replicates, state.source("replicates"))


def _at_once(n: int) -> int:
    """Proposals drawn together: identities cost more than draws, so not many more than are needed."""
    return min(max(2 * n, 32), 1024)


def _again(chosen: Sequence[Candidate], n: int, source: torch.Generator) -> list[Candidate]:
    picked = torch.randperm(len(chosen), generator=source)[:n].tolist()
    return [Candidate(chosen[at].key, chosen[at].text, chosen[at].row, REPLICATE) for at in picked]
