"""Candidates of a run: filtered, sorted and downloaded exactly as the page does it."""

from typing import Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from ninja import Router, Schema

from designlab.api.access import answers, mine, one_of
from designlab.api.paging import Cursor, Limit, Page, page_in_order
from designlab.api.problems import Problem, Unprocessable
from designlab.api.routes.campaigns import runs_of
from designlab.campaigns.models import Run
from designlab.candidates import exports, selectors
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import Matches
from designlab.engine.designs import designs_of

router = Router(tags=["candidates"])
FILTERS = {
    "parameters": [
        {
            "in": "query",
            "name": name,
            "schema": {"type": "string", "maxLength": 200},
            "required": False,
            "description": words,
        }
        for name, words in (
            ("sort", "`reward`, `evaluation`, `similarity` or an objective's key; with a minus for the highest first."),
            ("reward_min", "Reward not below this."),
            ("new", "Any text: only what is not in the data."),
            ("front", "Any text: only the Pareto front."),
            ("holds", "SMARTS of a substructure."),
            ("like", "A structure to be similar to."),
            ("like_min", "Similarity not below this, from 0 to 1."),
        )
    ]
}


FILES = {
    "responses": {
        200: {
            "content": {
                kind.partition(";")[0]: {"schema": {"type": "string"}}
                for kind, _ in sorted(exports.KINDS.values(), key=str)
            }
        }
    }
}


class CandidateOut(Schema):
    """One candidate with every objective's value, uncertainty and desirability."""

    id: int
    run: int
    label: str
    structure: str
    scaffold: str
    reward: float
    log_reward: float
    values: dict[str, float | None]
    uncertainty: dict[str, float | None]
    desirability: dict[str, float | None]
    judged: dict[str, float | None]
    is_known: bool
    source: str
    step: int
    evaluation: int


def _told(one: Candidate) -> dict[str, Any]:
    return {
        "id": one.pk, "run": one.run_id, "label": one.label, "structure": one.smiles, "scaffold": one.scaffold,
        "reward": one.reward, "log_reward": one.log_reward, "values": one.values, "uncertainty": one.uncertainty,
        "desirability": one.desirability, "judged": one.judged, "is_known": one.is_known, "source": one.source,
        "step": one.step, "evaluation": one.evaluation,
    }  # fmt: skip


def _matching(request: HttpRequest, run: Run) -> Matches:
    chosen = selectors.read_filter(run, request.GET)
    for field, words in chosen.refused.items():
        raise Unprocessable(f"{field}: {words}", field)
    return selectors.matching(run, chosen)


@router.get("/runs/{pk}/candidates", response=answers(Page[CandidateOut]) | {503: Problem}, openapi_extra=FILTERS)
def list_candidates(request: HttpRequest, pk: int, cursor: Cursor = "", limit: Limit = 100) -> Any:
    """The candidates of a run, best first; the filters are those of the page, by the names in its address."""
    run = one_of(runs_of(request), pk)
    found = _matching(request, run)
    return page_in_order(found.ids, found.rows, _told, cursor, limit)


@router.get("/runs/{pk}/candidates.{kind}", response=answers(None) | {503: Problem}, openapi_extra=FILTERS | FILES)
def download_candidates(request: HttpRequest, pk: int, kind: str) -> Any:
    """The same list as a file, of every kind that the page offers."""
    run = one_of(runs_of(request), pk)
    if kind not in dict(designs_of(run.kind).downloads):
        raise Http404
    content_type, write = exports.KINDS[kind]
    answer = StreamingHttpResponse(write(_matching(request, run), run, objectives_of(run)), content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{exports.file_name(run, kind)}"'
    return answer


@router.get("/candidates/{pk}", response=answers(CandidateOut))
def get_candidate(request: HttpRequest, pk: int) -> Any:
    """One candidate."""
    return _told(one_of(mine(request, Candidate).select_related("run"), pk))
