"""Data sets: upload, answer what the file leaves open, read the receipt, have a label learned."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import File, Form, Router, Schema, Status, UploadedFile

from designlab.api.access import answers, designers_only, mine, one_of
from designlab.api.paging import Cursor, Limit, Page, page_of
from designlab.api.problems import Unprocessable
from designlab.datasets import modelling, services
from designlab.datasets.models import DataSet, PropertyModel

router = Router(tags=["data"])


class DataOut(Schema):
    """A data set and what became of its file."""

    id: int
    name: str
    version: int
    previous: int | None
    kind: str
    status: str
    message: str
    file: str
    size: int
    sha256: str
    structures: int
    labels: list[dict[str, Any]]
    receipt: dict[str, Any]
    question: dict[str, Any]
    created_at: datetime


class UploadIn(Schema):
    """What goes with an uploaded file."""

    name: str = ""
    previous: int | None = None


class ImportIn(Schema):
    """Which columns to take; what is left out is as the file itself suggests. `mapping` answers every question."""

    structure: str | None = None
    labels: list[str] | None = None
    mapping: dict[str, Any] | None = None


class ModelIn(Schema):
    """Which label to learn."""

    label: str
    seed: int = 0


class ModelOut(Schema):
    """A learned model of a label, and what it reports of itself and of its second judge."""

    id: int
    label: str
    seed: int
    status: str
    message: str
    report: dict[str, Any]
    judge: dict[str, Any]


def _told(data: DataSet) -> dict[str, Any]:
    asking, imported = data.status == DataSet.Status.ASKING, data.status == DataSet.Status.READY
    return {
        "id": data.pk, "name": data.name, "version": data.version, "previous": data.previous_id, "kind": data.kind,
        "status": data.status, "message": data.message, "file": data.original_name, "size": data.size,
        "sha256": data.original_sha256, "structures": data.n_structures, "labels": data.labels,
        "receipt": data.receipt if imported else {},
        "question": services.suggested_mapping(data) if asking else {}, "created_at": data.created_at,
    }  # fmt: skip


def model_told(model: PropertyModel) -> dict[str, Any]:
    """A learned model as the interface tells it."""
    return {
        "id": model.pk, "label": model.label, "seed": model.seed, "status": model.status, "message": model.message,
        "report": model.report, "judge": model.judge_report,
    }  # fmt: skip


@router.get("", response=answers(Page[DataOut]))
def list_datasets(request: HttpRequest, cursor: Cursor = "", limit: Limit = 50) -> Any:
    """The team's data sets, newest first."""
    return page_of(mine(request, DataSet), _told, cursor, limit)


@router.post("", response=answers(DataOut, 201))
def upload_dataset(request: HttpRequest, form: Form[UploadIn], file: File[UploadedFile]) -> Any:
    """Upload a file; a worker looks into it, and the data set then asks which columns to take."""
    designers_only(request)
    previous = one_of(mine(request, DataSet), form.previous) if form.previous is not None else None
    made = services.add_file(actor=request.user, team=request.team, file=file, name=form.name, previous=previous)
    return Status(201, _told(made))


@router.get("/{pk}", response=answers(DataOut))
def get_dataset(request: HttpRequest, pk: int) -> Any:
    """One data set; `question` holds what the file suggests while it waits for an answer."""
    return _told(one_of(mine(request, DataSet), pk))


@router.post("/{pk}/import", response=answers(DataOut))
def import_dataset(request: HttpRequest, pk: int, payload: ImportIn) -> Any:
    """Answer which columns to take; a worker imports the file."""
    designers_only(request)
    data = one_of(mine(request, DataSet), pk)
    if data.status != DataSet.Status.ASKING:
        raise Unprocessable(f"{data} is {data.get_status_display()}; only a file that waits for answers is imported.")
    mapping = payload.mapping
    if mapping is None:
        mapping = services.suggested_mapping(data, structure=payload.structure, labels=payload.labels)
    services.import_with(actor=request.user, dataset_id=pk, mapping=mapping)
    data.refresh_from_db()
    return _told(data)


@router.delete("/{pk}", response=answers(None, 204))
def delete_dataset(request: HttpRequest, pk: int) -> Any:
    """Delete an upload that was refused."""
    designers_only(request)
    services.delete_refused(actor=request.user, dataset_id=one_of(mine(request, DataSet), pk).pk)
    return Status(204, None)


@router.get("/{pk}/models", response=answers(list[ModelOut]))
def list_models(request: HttpRequest, pk: int) -> Any:
    """The learned models of a data set's labels."""
    return [model_told(model) for model in one_of(mine(request, DataSet), pk).models.order_by("id")]


@router.post("/{pk}/models", response=answers(ModelOut, 201))
def learn_model(request: HttpRequest, pk: int, payload: ModelIn) -> Any:
    """Have a label learned; asked for again, it is the same model."""
    designers_only(request)
    data = one_of(mine(request, DataSet), pk)
    if payload.label not in {row["name"] for row in data.labels} or data.status != DataSet.Status.READY:
        offered = ", ".join(repr(row["name"]) for row in data.labels) or "none"
        raise Unprocessable(f"{data} has no label {payload.label[:80]!r}; it has: {offered}.", "label")
    if not 0 <= payload.seed < 2**31:
        raise Unprocessable(f"must lie between 0 and {2**31 - 1:,}.", "seed")
    model = modelling.ask_for_model(actor=request.user, dataset=data, label=payload.label, seed=payload.seed)
    return Status(201, model_told(model))
