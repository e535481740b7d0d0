"""Rejection regions: what passes a filter, what passes all of them, and draws from what is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from samplers.banel.models import Model
from samplers.banel.scores import Score
from samplers.errors import ConfigError, DesignError

TIE = 1e-9  # scores of tables this close to a threshold count as equal to it, and pass
NETWORK_TIE = 1e-5  # the same for networks in single precision, whose scores depend on the batch by rounding


class EmptyRegionError(DesignError):
    """No candidate passes the filters."""


EMPTY = (
    "Nothing that the generator can draw passes the filters: the acceptance region is empty. "
    "Lower the filter factor or undo a round."
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows pass whose score is at least the threshold of their length bin.

    `thresholds` (K,) for lengths below `edges[0]`, below `edges[1]`, ..., and the rest; one threshold without edges.
    """

    score: Score
    thresholds: tuple[float, ...]
    edges: tuple[int, ...] = ()
    tie: float = TIE

    def bins(self, rows: Tensor) -> Tensor:
        """(N,) which threshold holds for each row."""
        return length_bins(rows, self.edges)

    def margins(self, rows: Tensor) -> Tensor:
        """(N,) float64 score minus threshold."""
        return self.score(rows) - torch.tensor(self.thresholds, dtype=torch.float64)[self.bins(rows)]

    def passes(self, rows: Tensor) -> Tensor:
        """(N,) true where the filter lets a row pass."""
        return self.margins(rows) >= -self.tie

    def relaxed(self, row: Tensor, margin: float) -> Filter:
        """The filter with the threshold of this row's bin lowered until row (1, L) passes by a margin."""
        at = int(self.bins(row))
        lowered = min(self.thresholds[at], float(self.score(row)) - margin)
        return replace(self, thresholds=(*self.thresholds[:at], lowered, *self.thresholds[at + 1 :]))


def length_bins(rows: Tensor, edges: Sequence[int]) -> Tensor:
    """(N,) 0 for rows shorter than the first edge, 1 for those shorter than the second, and so on."""
    return torch.bucketize((rows >= 0).sum(dim=1), torch.tensor(tuple(edges), dtype=torch.long), right=True)


def length_edges(rows: Tensor, n_bins: int) -> tuple[int, ...]:
    """Edges that cut the lengths of rows into at most n_bins parts of about equal numbers."""
    lengths = (rows >= 0).sum(dim=1).double()
    cuts = torch.quantile(lengths, torch.arange(1, n_bins, dtype=torch.float64) / n_bins).ceil().long()
    return tuple(sorted({int(cut) for cut in cuts} - {int(lengths.min())}))


@dataclass(frozen=True, slots=True)
class Kept:
    """The share of rows with the largest scores: their positions and the thresholds that keep them."""

    positions: Tensor
    thresholds: tuple[float, ...]


def keep_largest(scores: Tensor, bins: Tensor, n_bins: int, filter_factor: float, source: torch.Generator) -> Kept:
    """In each bin the n / f rows with the largest scores, ties broken at random: exactly round(n / f) of each.

    Raises ConfigError for a factor below one.
    """
    if filter_factor < 1:
        raise ConfigError("filter_factor", f"must be at least 1, got {filter_factor:g}")
    positions, thresholds = [], []
    chance = torch.rand(len(scores), generator=source)
    for which in range(n_bins):
        mine = (bins == which).nonzero().squeeze(1)
        n = round(len(mine) / filter_factor)
        order = chance[mine].argsort()
        order = order[scores[mine][order].argsort(descending=True, stable=True)][:n]
        positions.append(mine[order])
        # A bin without anyone to judge by lets pass whoever comes.
        thresholds.append(float(scores[mine[order[-1]]]) if n else -math.inf)
    return Kept(torch.cat(positions), tuple(thresholds))


@dataclass(slots=True)
class Region:
    """The rows that pass every filter. Adding a filter never enlarges it; the order of filters says nothing."""

    filters: list[Filter] = field(default_factory=list)

    def first_rejecting(self, rows: Tensor) -> Tensor:
        """(N,) number of the first filter that rejects a row, -1 where none does."""
        found = torch.full((len(rows),), -1, dtype=torch.long)
        for number, one in enumerate(self.filters):
            left = (found < 0).nonzero().squeeze(1)
            if not len(left):
                break
            found[left[~one.passes(rows[left])]] = number
        return found

    def accepts(self, rows: Tensor) -> Tensor:
        """(N,) true where all filters let a row pass."""
        return self.first_rejecting(rows) < 0

    def weights(self, rows: Tensor, softness: float) -> Tensor:
        """(N,) float64 product over filters of σ((score − threshold) / softness); 0 or 1 at softness 0."""
        if softness == 0:
            return self.accepts(rows).double()
        weight = torch.ones(len(rows), dtype=torch.float64)
        for one in self.filters:
            weight *= torch.sigmoid(one.margins(rows) / softness)
        return weight


@dataclass(slots=True)
class Funnel:
    """What became of proposals: how many each filter was the first to reject, and what else kept some out."""

    proposed: int = 0
    invalid: int = 0
    known: int = 0
    unlikely: int = 0  # thinned out by their chance to be made
    rejected: dict[int, int] = field(default_factory=dict)
    passed: int = 0

    def numbers(self) -> dict[str, float]:
        """The funnel as plain numbers."""
        rejected = float(sum(self.rejected.values()))
        return {
            "proposed": float(self.proposed), "rejected": rejected, "invalid": float(self.invalid),
            "known": float(self.known), "unlikely": float(self.unlikely), "sent": float(self.passed),
        }  # fmt: skip

    @property
    def acceptance(self) -> float:
        """Share of the proposals that passed the filters, repeats and invalid ones included; NaN without any."""
        rejected = sum(self.rejected.values())
        return (self.proposed - rejected) / self.proposed if self.proposed else math.nan


def draw_accepted(
    model: Model,
    region: Region,
    n: int,
    source: torch.Generator,
    *,
    softness: float = 0.0,
    wanted: Callable[[Tensor], Tensor] | None = None,
    funnel: Funnel | None = None,
    at_once: int = 1024,
    patience: int = 2_000_000,
) -> Tensor:
    """(n, L) draws of a model from a region, by rejection; `wanted` sees those that pass and says which count.

    Raises EmptyRegionError when `patience` proposals did not give enough.
    """
    funnel = Funnel() if funnel is None else funnel
    found: list[Tensor] = []
    n_found = n_proposed = 0
    while n_found < n:
        if n_proposed >= patience:
            raise EmptyRegionError(EMPTY)
        rows = model.draw(at_once, source)
        n_proposed += len(rows)
        funnel.proposed += len(rows)
        if region.filters:
            rows = _passing(rows, region, softness, source, funnel)
        if wanted is not None and len(rows):
            rows = rows[wanted(rows)]
        rows = rows[: n - n_found]
        at_once = at_once if len(rows) else min(2 * at_once, 4096)
        found.append(rows)
        n_found += len(rows)
    funnel.passed += n_found
    return torch.cat(found) if found else model.draw(1, source)[:0]


def _passing(rows: Tensor, region: Region, softness: float, source: torch.Generator, funnel: Funnel) -> Tensor:
    if softness:
        passes = torch.rand(len(rows), generator=source, dtype=torch.float64) < region.weights(rows, softness)
        funnel.rejected[-1] = funnel.rejected.get(-1, 0) + int((~passes).sum())
        return rows[passes]
    rejecting = region.first_rejecting(rows)
    for number in rejecting[rejecting >= 0].unique().tolist():
        funnel.rejected[number] = funnel.rejected.get(number, 0) + int((rejecting == number).sum())
    return rows[rejecting < 0]


@dataclass(frozen=True, slots=True)
class Update:
    """One exact update of a listed distribution: accepted mass, success before and after, surviving success.

    success_after = success_before * surviving / accepted.
    """

    accepted: float
    success_before: float
    success_after: float
    surviving: float


def exact_update(p: Tensor, accepted: Tensor, success: Tensor) -> Update:
    """What conditioning probabilities (X,) on a mask (X,) does to the mass of a success mask (X,).

    Raises EmptyRegionError where nothing is accepted.
    """
    alpha, before = float(p[accepted].sum()), float(p[success].sum())
    if alpha <= 0:
        raise EmptyRegionError(EMPTY)
    both = float(p[accepted & success].sum())
    return Update(alpha, before, both / alpha, both / before if before else math.nan)
