"""Measured values of a campaign's candidates, and the data set that they make."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import File, Router, Schema, Status, UploadedFile
from pydantic import Field

from designlab.api.access import answers, designers_only, mine, one_of
from designlab.api.paging import Cursor, Limit, Page, page_of
from designlab.api.routes.campaigns import campaigns_of
from designlab.results import services
from designlab.results.models import Measurement

router = Router(tags=["results"])


class MeasurementOut(Schema):
    """One measured value."""

    id: int
    candidate: int
    name: str
    label: str
    relation: str
    value: float
    told_by: str
    told_at: datetime
    withdrawn_at: datetime | None


class ValuesIn(Schema):
    """Values of one label by the id of the candidate, as one would write them: 5.1, >10, <0.3."""

    label: str
    values: dict[int, Annotated[str, Field(max_length=60)]]


class TakenOut(Schema):
    """What became of told results."""

    values: int
    candidates: int
    blank: int


class NextData(Schema):
    """The data set that the campaign's data and results make; import it like any upload."""

    dataset: int
    name: str
    version: int


def _told(one: Measurement) -> dict[str, Any]:
    return {
        "id": one.pk, "candidate": one.candidate_id, "name": one.candidate.label, "label": one.label,
        "relation": one.relation, "value": one.value, "told_by": one.told_by.get_username(), "told_at": one.told_at,
        "withdrawn_at": one.withdrawn_at,
    }  # fmt: skip


def _taken(receipt: services.Receipt) -> dict[str, int]:
    return {"values": receipt.n_values, "candidates": receipt.n_candidates, "blank": receipt.n_blank}


@router.get("/campaigns/{pk}/results", response=answers(Page[MeasurementOut]))
def list_results(request: HttpRequest, pk: int, cursor: Cursor = "", limit: Limit = 100) -> Any:
    """Measured values, newest first; withdrawn ones among them."""
    campaign = one_of(campaigns_of(request), pk)
    rows = mine(request, Measurement).filter(candidate__run__campaign=campaign)
    return page_of(rows.select_related("candidate__run", "told_by"), _told, cursor, limit)


@router.post("/campaigns/{pk}/results", response=answers(TakenOut))
def tell_results(request: HttpRequest, pk: int, payload: ValuesIn) -> Any:
    """Tell measured values of one label."""
    designers_only(request)
    campaign = one_of(campaigns_of(request), pk)
    told = services.tell_results(actor=request.user, campaign_id=campaign.pk, label=payload.label, told=payload.values)
    return _taken(told)


@router.post("/campaigns/{pk}/result-files", response=answers(TakenOut))
def upload_results(request: HttpRequest, pk: int, file: File[UploadedFile]) -> Any:
    """Take a file of measured values, by candidate or by structure; all of it or nothing."""
    designers_only(request)
    campaign = one_of(campaigns_of(request), pk)
    return _taken(services.upload_results(actor=request.user, campaign_id=campaign.pk, file=file))


@router.post("/campaigns/{pk}/next-data", response=answers(NextData, 201))
def make_next_data(request: HttpRequest, pk: int) -> Any:
    """The campaign's labelled data with all results, uploaded as its next version."""
    designers_only(request)
    made = services.next_data(actor=request.user, campaign_id=one_of(campaigns_of(request), pk).pk)
    return Status(201, {"dataset": made.pk, "name": made.name, "version": made.version})


@router.post("/results/{pk}/withdraw", response=answers(MeasurementOut))
def withdraw_result(request: HttpRequest, pk: int) -> Any:
    """Set a wrong value aside; it stays on record."""
    designers_only(request)
    one = one_of(mine(request, Measurement), pk)
    return _told(services.withdraw(actor=request.user, measurement_id=one.pk))
