"""What a person may see of candidates."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from django.core.paginator import Paginator
from django.http import Http404

from designlab.accounts.models import User
from designlab.campaigns.models import Run
from designlab.candidates import grouping
from designlab.candidates.columns import columns_of
from designlab.candidates.filters import SIMILARITY, Filter
from designlab.candidates.models import Assignment, Candidate, ReviewItem
from designlab.candidates.objectives import Objective, objectives_of
from designlab.candidates.searching import Found, Motif, narrowed, readers_of, with_motifs
from designlab.choosing import marks
from designlab.choosing.models import Shortlisted
from designlab.engine.designs import Designs, designs_of

PAGE = 50
SEARCH_S = 0.8  # of a page's time that a search by structure may take; the rest of it follows


def n_reviews_waiting(user: User) -> int:
    """How many open rounds wait for this person's votes."""
    mine = Assignment.objects.filter(user=user, round__campaign__team__memberships__user=user)
    return mine.filter(finished_at=None, round__frozen_at=None).count()


def run_for(user: User, pk: int) -> Run:
    """The run with this id when the user may see it; otherwise it is not found."""
    run = Run.objects.visible_to(user).select_related("campaign__team", "campaign__labelled").filter(pk=pk).first()
    if run is None:
        raise Http404
    return run


def candidate_for(user: User, pk: int) -> Candidate:
    """The candidate with this id when the user may see it; otherwise it is not found."""
    related = ("run__campaign__team", "run__campaign__labelled")
    candidate = Candidate.objects.visible_to(user).select_related(*related).filter(pk=pk).first()
    if candidate is None:
        raise Http404
    return candidate


@dataclass(frozen=True)
class Cell:
    """One objective of one candidate."""

    objective: Objective
    value: float | None
    uncertainty: float | None
    desirability: float | None
    judged: float | None = None  # what the second judge says of it

    @property
    def percent(self) -> int:
        """The desirability as the length of a bar."""
        return round(100 * (self.desirability or 0))


@dataclass(frozen=True)
class Row:
    """One candidate as a table shows it."""

    candidate: Candidate
    drawing: str
    cells: list[Cell]
    nearest: str
    similarity: float
    family: str
    reviewed: list[ReviewItem]
    nearness: tuple[str, str]
    kept: Shortlisted | None = None  # who put it on the shortlist
    alike: float | None = None  # similarity to the molecule that the list was searched for


def nearness(similarity: float, designs: Designs) -> tuple[str, str]:
    """Where a design lies relative to the data, by its similarity to the nearest: a word and the class that colours it.

    The limits are those printed on the page.
    """
    near, edge = designs.near
    if similarity >= near:
        return "near", ""
    return ("at the edge", "edge") if similarity >= edge else ("far off", "outside")


@dataclass(frozen=True)
class Listing:
    """One page of the candidates of a run."""

    run: Run
    objectives: list[Objective]
    filter: Filter
    n: int
    page: int
    n_pages: int
    rows: list[Row]
    found: Found | None = None  # how far a search by structure came

    @property
    def total(self) -> int:
        """All candidates of the run."""
        return self.run.n_candidates


class Matches:
    """The candidates that a filter lets through, in its order; rows are fetched when they are asked for.

    A search by structure that had to end early says so in `found`; the ids are then the first ones of the list.
    """

    def __init__(
        self,
        run: Run,
        ids: list[int],
        found: Found | None = None,
        told: Mapping[int, Mapping[str, object]] | None = None,
    ) -> None:
        self.run, self.ids, self.found = run, ids, found
        self.told = told or {}  # what a download says of each beside its figures; the same names for all

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, start: int = 0, stop: int | None = None) -> list[Candidate]:
        """The candidates from one place in the order to before another."""
        ids = self.ids[start:stop]
        found = Candidate.objects.filter(run=self.run).in_bulk(ids)
        for candidate in found.values():
            candidate.run = self.run
        return [found[pk] for pk in ids]

    def chunks(self, length: int, most: int | None = None) -> Iterator[list[Candidate]]:
        """All of them, or the first so many, a piece at a time."""
        end = len(self.ids) if most is None else min(most, len(self.ids))
        for start in range(0, end, length):
            yield self.rows(start, min(start + length, end))


def read_filter(run: Run, query: Mapping[str, str]) -> Filter:
    """The filter that an address asks for."""
    return Filter.read(
        query, objectives_of(run), readers_of(run.kind), [*marks.readers_of(run), *grouping.readers_of(run)]
    )


def matching(run: Run, chosen: Filter, *, limit_s: float = math.inf) -> Matches:
    """The candidates of a run that the filter lets through, sorted. The run must have come from `run_for`.

    `limit_s` ends a search by structure early. Without it the list is whole; raises NotReady when it cannot be yet.
    """
    columns = columns_of(run)
    places, told = chosen.apply(columns), marks.told_of(chosen.conditions)
    if not chosen.searches:
        return Matches(run, columns.id[places].tolist(), told=told)
    order = chosen.order
    motifs = [one for one in chosen.searches if isinstance(one, Motif)]
    found = with_motifs(run, motifs, places) if motifs else narrowed(
        run, chosen.searches, places, by_similarity=order.key == SIMILARITY, descending=order.descending,
        limit_s=limit_s,
    )  # fmt: skip
    return Matches(run, columns.id[found.places].tolist(), found, told)


def listing(user: User, run_pk: int, query: Mapping[str, str]) -> Listing:
    """The page of candidates that an address asks for."""
    run = run_for(user, run_pk)
    objectives = objectives_of(run)
    chosen = read_filter(run, query)
    matches = matching(run, chosen, limit_s=SEARCH_S)
    page = Paginator(matches.ids, PAGE).get_page(query.get("page"))
    start = (page.number - 1) * PAGE
    rows = _rows(run, objectives, matches.rows(start, start + PAGE))
    found = matches.found
    if found is not None and found.alike is not None:
        alike = found.alike[start : start + PAGE].tolist()
        rows = [replace(row, alike=value) for row, value in zip(rows, alike, strict=True)]
    return Listing(run, objectives, chosen, len(matches), page.number, page.paginator.num_pages, rows, found)


def cells(candidate: Candidate, objectives: list[Objective]) -> list[Cell]:
    """The objectives of a candidate, in the order of the reward."""
    return [
        Cell(
            objective,
            candidate.values.get(objective.name),
            candidate.uncertainty.get(objective.name) or None,
            candidate.desirability.get(objective.name),
            candidate.judged.get(objective.label),
        )
        for objective in objectives
    ]


def _rows(run: Run, objectives: list[Objective], candidates: list[Candidate]) -> list[Row]:
    reviewed: dict[int, list[ReviewItem]] = {}
    for item in ReviewItem.objects.filter(candidate__in=candidates).select_related("round").order_by("-round_id"):
        reviewed.setdefault(item.candidate_id, []).append(item)
    designs = designs_of(run.kind)
    families, kept = designs.families(candidates), marks.shortlisted_among(candidates)
    rows = []
    for candidate, near, family in zip(candidates, nearest_known(run, candidates), families, strict=True):
        rows.append(
            Row(
                candidate,
                designs.picture(candidate.smiles),
                cells(candidate, objectives),
                *near,
                family,
                reviewed.get(candidate.pk, []),
                nearness(near[1], designs),
                kept.get(candidate.pk),
            )
        )
    return rows


def data_of(run: Run) -> tuple[str, str]:
    """The table of the campaign's labelled data and its digest."""
    data = run.campaign.labelled
    return data.table, data.table_sha256


def nearest_known(run: Run, candidates: list[Candidate]) -> list[tuple[str, float]]:
    """For each candidate the nearest labelled design of the campaign and the similarity to it."""
    if not run.campaign.labelled.table:
        return [("", 0.0)] * len(candidates)
    return designs_of(run.kind).nearest_known(candidates, data_of(run))
