"""Learning from failures: a search, its rounds and wells, and the verdicts of the laboratory."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import File, Router, Schema, Status, UploadedFile

from designlab.api.access import answers, designers_only, mine, one_of
from designlab.api.paging import Cursor, Limit, Page, page_of
from designlab.api.routes.campaigns import campaigns_of
from designlab.datasets.models import DataSet
from designlab.rounds import services
from designlab.rounds.models import Round, Search

router = Router(tags=["learning from failures"])


class FailedIn(Schema):
    """Which structures of a data set failed: all of them, or by a label."""

    data: int
    rule: Literal["all", "class", "below", "above"] = "all"
    label: str = ""
    value: float | None = None


class SearchIn(Schema):
    """A new search: what designs should be like, and what failed already."""

    name: str
    like: int
    failed: FailedIn | None = None
    campaign: int | None = None
    rounds: dict[str, Any] = {}
    prior: dict[str, Any] = {}
    seed: int = 1


class SearchOut(Schema):
    """A search and where it stands."""

    id: int
    name: str
    kind: str
    status: str
    message: str
    finished: str
    campaign: int | None
    like: int
    failed: int | None
    budget: int
    charged: int
    spec: dict[str, Any]
    created_at: datetime


class WellOut(Schema):
    """One candidate on a plate, and its verdict once there is one."""

    id: int
    label: str
    place: str
    structure: str
    arm: str
    verdict: str
    near_failure: float | None


class RoundOut(Schema):
    """One round with its wells."""

    id: int
    search: int
    number: int
    status: str
    undone: bool
    figures: dict[str, Any]
    report: dict[str, Any]
    wells: list[WellOut]


class VerdictsIn(Schema):
    """Verdicts by the id of the well."""

    verdicts: dict[int, Literal["pass", "fail", "not made", "inconclusive", "not tested"]]


class ReceiptOut(Schema):
    """What became of told verdicts."""

    new: int
    same: int
    blank: int
    hits: list[str]
    goes_on: bool


def _search(found: Search) -> dict[str, Any]:
    return {
        "id": found.pk, "name": found.name, "kind": found.kind, "status": found.status, "message": found.message,
        "finished": found.finished, "campaign": found.campaign_id, "like": found.like_id, "failed": found.failed_id,
        "budget": found.budget, "charged": found.n_charged, "spec": found.spec, "created_at": found.created_at,
    }  # fmt: skip


def _round(found: Round) -> dict[str, Any]:
    wells = found.wells.select_related("round").order_by("position")
    told = [
        {"id": well.pk, "label": well.label, "place": well.place, "structure": well.smiles, "arm": well.arm,
         "verdict": well.verdict, "near_failure": well.near_failure}
        for well in wells
    ]  # fmt: skip
    return {
        "id": found.pk, "search": found.search_id, "number": found.number, "status": found.status,
        "undone": found.undone, "figures": found.figures, "report": found.report, "wells": told,
    }  # fmt: skip


def _receipt(told: services.Receipt) -> dict[str, Any]:
    return {"new": told.n_new, "same": told.n_same, "blank": told.n_blank, "hits": list(told.hits),
            "goes_on": told.goes_on}  # fmt: skip


@router.get("/searches", response=answers(Page[SearchOut]))
def list_searches(request: HttpRequest, cursor: Cursor = "", limit: Limit = 50) -> Any:
    """The team's searches, newest first."""
    return page_of(mine(request, Search), _search, cursor, limit)


@router.post("/searches", response=answers(SearchOut, 201))
def start_search(request: HttpRequest, payload: SearchIn) -> Any:
    """Begin to learn from failures; a worker first learns what the structures are like."""
    designers_only(request)
    data, failed = mine(request, DataSet), None
    if payload.failed is not None:
        told = payload.failed
        failed = services.Failed(one_of(data, told.data), told.rule, told.label, told.value)
    made = services.start_search(
        actor=request.user, team=request.team, name=payload.name, like=one_of(data, payload.like),
        rounds=payload.rounds, prior=payload.prior, seed=payload.seed, failed=failed,
        campaign=None if payload.campaign is None else one_of(campaigns_of(request), payload.campaign),
    )  # fmt: skip
    return Status(201, _search(made))


@router.get("/searches/{pk}", response=answers(SearchOut))
def get_search(request: HttpRequest, pk: int) -> Any:
    """One search."""
    return _search(one_of(mine(request, Search), pk))


@router.get("/searches/{pk}/rounds", response=answers(list[RoundOut]))
def list_rounds(request: HttpRequest, pk: int) -> Any:
    """The rounds of a search with their wells, in order; number 0 learned from what was uploaded."""
    return [_round(one) for one in one_of(mine(request, Search), pk).rounds.order_by("index")]


def _asked(request: HttpRequest, pk: int, action: Any) -> Any:
    designers_only(request)
    found = one_of(mine(request, Search), pk)
    action(actor=request.user, search_id=found.pk)
    found.refresh_from_db()
    return _search(found)


@router.post("/searches/{pk}/propose", response=answers(SearchOut))
def propose_round(request: HttpRequest, pk: int) -> Any:
    """Ask for the next round; its wells are charged when they are proposed."""
    return _asked(request, pk, services.ask_for_round)


@router.post("/searches/{pk}/learn", response=answers(SearchOut))
def learn_round(request: HttpRequest, pk: int) -> Any:
    """Learn from the verdicts that are in, and draw the next round."""
    return _asked(request, pk, services.go_on)


@router.post("/searches/{pk}/end", response=answers(SearchOut))
def end_search(request: HttpRequest, pk: int) -> Any:
    """End a search."""
    return _asked(request, pk, services.end)


@router.post("/searches/{pk}/verdicts", response=answers(ReceiptOut))
def tell_verdicts(request: HttpRequest, pk: int, payload: VerdictsIn) -> Any:
    """Tell verdicts, late and in any order; the same verdict told twice counts once."""
    designers_only(request)
    found = one_of(mine(request, Search), pk)
    return _receipt(services.tell_verdicts(actor=request.user, search_id=found.pk, told=payload.verdicts))


@router.post("/searches/{pk}/verdict-files", response=answers(ReceiptOut))
def upload_verdicts(request: HttpRequest, pk: int, file: File[UploadedFile]) -> Any:
    """Take a plate list with its verdicts, by well or by structure; all of it or nothing."""
    designers_only(request)
    found = one_of(mine(request, Search), pk)
    return _receipt(services.upload_verdicts(actor=request.user, search_id=found.pk, file=file))


@router.post("/rounds/{pk}/sent", response=answers(RoundOut))
def mark_sent(request: HttpRequest, pk: int) -> Any:
    """Note that a plate went to the laboratory."""
    designers_only(request)
    found = one_of(mine(request, Round), pk)
    services.mark_sent(actor=request.user, round_id=found.pk)
    found.refresh_from_db()
    return _round(found)
