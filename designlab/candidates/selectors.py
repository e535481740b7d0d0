"""What a person may see of candidates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import Http404

from designlab.accounts.models import User
from designlab.campaigns.models import Run
from designlab.candidates.columns import columns_of
from designlab.candidates.filters import Filter
from designlab.candidates.models import Assignment, Candidate, ReviewItem
from designlab.candidates.objectives import Objective, objectives_of
from designlab.engine.designs import Designs, designs_of

PAGE = 50


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

    @property
    def total(self) -> int:
        """All candidates of the run."""
        return self.run.n_candidates


class Matches:
    """The candidates that a filter lets through, in its order; rows are fetched when they are asked for."""

    def __init__(self, run: Run, ids: list[int]) -> None:
        self.run, self.ids = run, ids

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


def matching(run: Run, chosen: Filter) -> Matches:
    """The candidates of a run that the filter lets through, sorted. The run must have come from `run_for`."""
    columns = columns_of(run)
    return Matches(run, columns.id[chosen.apply(columns)].tolist())


def listing(user: User, run_pk: int, query: Mapping[str, str]) -> Listing:
    """The page of candidates that an address asks for."""
    run = run_for(user, run_pk)
    objectives = objectives_of(run)
    chosen = Filter.read(query, objectives)
    found = matching(run, chosen)
    page = Paginator(found.ids, PAGE).get_page(query.get("page"))
    start = (page.number - 1) * PAGE
    rows = _rows(run, objectives, found.rows(start, start + PAGE))
    return Listing(run, objectives, chosen, len(found), page.number, page.paginator.num_pages, rows)


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
    families = designs.families(candidates)
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
