"""Groups of a list as pages show them: scaffold families and clusters, how many, how good, and who stands for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.core.paginator import Paginator
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.columns import Columns, columns_of
from designlab.candidates.filters import Filter
from designlab.candidates.grouping import NO_RING, Groups, groups_of
from designlab.candidates.models import Candidate
from designlab.candidates.selectors import matching
from designlab.engine.designs import designs_of

PAGE = 24
BEST = 100
ORDERS = {"size": "largest first", "best": "best reward first", "median": "best median reward first"}
Places = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Groups of candidates, equally long columns: number of the group, members, rewards, where the best one stands."""

    code: NDArray[np.int32]
    n: NDArray[np.int64]
    best: Numbers
    median: Numbers
    best_place: Places

    def order(self, by: str) -> Places:
        """The rows in one of `ORDERS`; equal ones by their best reward, then as they were found."""
        first = {"size": self.n, "best": self.best, "median": self.median}[by]
        return np.lexsort((self.best_place, -self.best, -first))


@dataclass(frozen=True)
class Row:
    """One group on a page: the drawing that stands for it, and the address of its list."""

    drawing: str
    text: str  # the scaffold, empty for none; of a cluster the name of who leads it
    n: int
    best: float
    median: float
    candidate: Candidate  # the best of it
    query: str


@dataclass(frozen=True)
class Shown:
    """One page of groups, and what all of them come to."""

    rows: list[Row]
    by: str
    page: int
    n_pages: int
    n_groups: int
    n_single: int
    n_of_best: int  # groups that the best of the list belong to
    n_best: int  # how many those best are
    n_grouped: int  # candidates of the run
    n_listed: int  # of the list, those that are grouped


def tabled(places: Places, codes: NDArray[np.int32], reward: Numbers) -> Table:
    """Groups of the candidates at these places; codes and reward stand in the order of the places."""
    order = np.lexsort((-reward, codes))
    sorted_codes, sorted_reward = codes[order], reward[order]
    starts = np.flatnonzero(np.r_[True, sorted_codes[1:] != sorted_codes[:-1]]) if len(order) else order
    n = np.diff(np.r_[starts, len(order)])
    median = (sorted_reward[starts + (n - 1) // 2] + sorted_reward[starts + n // 2]) / 2
    return Table(sorted_codes[starts], n, sorted_reward[starts], median, places[order[starts]])


def shown(run: Run, chosen: Filter, query: Mapping[str, str], *, clusters: bool) -> Shown:
    """A page of the scaffold families, or of the clusters, of what the filter shows. Raises NotReady for a search."""
    columns, groups = columns_of(run), groups_of(run)
    places = _places(columns, matching(run, chosen).ids)
    places = places[places < len(groups)]
    codes = (groups.leader if clusters else groups.family)[places]
    table = tabled(places, codes, columns.reward[places])
    by = query.get("by", "") if query.get("by") in ORDERS else "size"
    page = Paginator(table.order(by).tolist(), PAGE).get_page(query.get("page"))
    best = codes[np.argsort(-columns.reward[places], kind="stable")[:BEST]]
    return Shown(
        _rows(run, chosen, table, groups, page.object_list, clusters=clusters), by, page.number,
        page.paginator.num_pages, len(table.n), int((table.n == 1).sum()), len(np.unique(best)), len(best), len(groups),
        len(places),
    )  # fmt: skip


def _places(columns: Columns, ids: list[int]) -> Places:
    order = np.argsort(columns.id, kind="stable")
    return order[np.searchsorted(columns.id, np.array(ids, np.int64), sorter=order)]


def _rows(
    run: Run, chosen: Filter, table: Table, groups: Groups, which: list[int], *, clusters: bool
) -> list[Row]:  # fmt: skip
    columns, designs = columns_of(run), designs_of(run.kind)
    ids = columns.id[table.best_place[which]].tolist()
    candidates = Candidate.objects.filter(run=run).in_bulk(ids)
    rows = []
    for at, pk in zip(which, ids, strict=True):
        candidate, code = candidates[pk], int(table.code[at])
        candidate.run = run
        if clusters:
            leader = Candidate(run=run, evaluation=int(columns.evaluation[code]))
            text, asked = leader.label, {"cluster": leader.evaluation}
        else:
            text = groups.scaffolds[code]
            asked = {"scaffold": text or NO_RING}
        drawing = designs.picture(candidate.smiles if clusters or not text else text)
        n, best, median = int(table.n[at]), float(table.best[at]), float(table.median[at])
        rows.append(Row(drawing, text, n, best, median, candidate, chosen.query(**asked)))
    return rows
