"""Pages of data sets: list, upload, mapping, receipt, downloads."""

from django.conf import settings
from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from designlab.datasets import curated as tables
from designlab.datasets import mapping as answers
from designlab.datasets import modelling, selectors, services
from designlab.datasets import progress as lines
from designlab.datasets.models import DataSet
from designlab.datasets.uploads import Capped, capped_at
from designlab.operations.selectors import worker_listening

WORDS = {
    DataSet.Status.UPLOADED: "Reading the file: encoding, separator, columns and the first structures.",
    DataSet.Status.IMPORTING: "Importing: every structure is read, standardised and compared with the others.",
}


def _page(request: HttpRequest, template: str, status: int = 200, **shown) -> HttpResponse:
    return render(request, f"datasets/{template}.html", {"section": "data"} | shown, status=status)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The team's files and data sets."""
    wanted = request.GET.get("q", "").strip()[:100]
    page = selectors.datasets_of(request.user, request.team, wanted=wanted, page=request.GET.get("page", "1"))
    return _page(request, "list", page=page, wanted=wanted)


@capped_at(lambda: settings.UPLOAD_MAX_BYTES)
def upload(request: HttpRequest, *, capped: Capped) -> HttpResponse:
    """Take a file in, unless the request is longer than the limit."""
    previous = selectors.previous_for(request.user, request.GET.get("version-of", ""))
    shown = {"limit": services.limit_words(), "name": request.POST.get("name", ""), "previous": previous}
    if request.method != "POST":
        return _page(request, "upload", **shown)
    file = request.FILES.get("file")
    if capped.too_large:
        wrong = services.too_large("The file", int(request.META.get("CONTENT_LENGTH") or 0))
        return _page(request, "upload", status=413, wrong=wrong, **shown)
    if file is None:
        return _page(request, "upload", status=422, wrong="No file was chosen: choose one, then upload.", **shown)
    try:
        told = {"name": shown["name"], "previous": previous}
        dataset = services.add_file(actor=request.user, team=request.team, file=file, **told)
    except services.DataSetRefused as refusal:
        return _page(request, "upload", status=422, wrong=str(refusal), **shown)
    return redirect("datasets:detail", dataset.pk)


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What a file is now: being read, asking, being imported, refused, or a data set with its receipt."""
    dataset = selectors.dataset_for(request.user, pk)
    if dataset.status in WORDS:
        return _page(request, "waiting", dataset=dataset, **_progress_of(dataset))
    if dataset.status == DataSet.Status.ASKING:
        return _mapping(request, dataset, dataset.mapping or dataset.inspection["mapping"], {})
    may_change = selectors.may_change(request.user, dataset)
    if dataset.status == DataSet.Status.REFUSED:
        return _page(request, "refused", dataset=dataset, may_change=may_change)
    shown = selectors.receipt_page(request.user, dataset, page=request.GET.get("page", "1"))
    return _page(request, "detail", dataset=dataset, may_change=may_change, **shown)


def _mapping(request: HttpRequest, dataset: DataSet, mapping: dict, problems: dict[str, str]) -> HttpResponse:
    found = dataset.inspection
    columns = selectors.columns_to_ask(found, mapping, problems)
    shown = {
        "dataset": dataset,
        "found": found,
        "mapping": mapping,
        "problems": problems,
        "columns": columns,
        "n_hidden": len(found["columns"]) - len(columns),
        "rows": selectors.rows_as_read(found, columns),
        "labels": selectors.label_previews(found, mapping),
        "drawings": selectors.first_drawings(found),
        "may_change": selectors.may_change(request.user, dataset),
        "roles": answers.ROLES,
        "censored": answers.CENSORED,
        "directions": answers.DIRECTIONS,
        "scales": answers.SCALES,
        "alphabets": answers.ALPHABETS,
        "numbers": answers.NUMBERS,
        "outcomes": answers.OUTCOMES,
    }
    return _page(request, "mapping", status=422 if problems else 200, **shown)


@require_POST
def start_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Import with the answers given; answers that do not fit come back with a sentence each."""
    dataset = selectors.dataset_for(request.user, pk)
    if dataset.status != DataSet.Status.ASKING:  # somebody was quicker; the page shows what became of it
        return redirect("datasets:detail", pk)
    try:
        mapping = answers.from_form(request.POST, dataset.inspection)
        services.import_with(actor=request.user, dataset_id=pk, mapping=mapping)
    except answers.AnswersRefused as refusal:
        return _mapping(request, dataset, refusal.mapping, refusal.problems)
    except services.DataSetRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("datasets:detail", pk)


@require_POST
def read_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the file once more: another sheet, or the other answer on whether its first line names the columns."""
    selectors.dataset_for(request.user, pk)
    header = request.POST.get("header")
    told = {"header": None if header is None else header == "yes"}
    if header is None:
        told["sheet"] = request.POST.get("sheet", "")
    try:
        services.read_again(actor=request.user, dataset_id=pk, **told)
    except services.DataSetRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("datasets:detail", pk)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an upload that was refused."""
    dataset = selectors.dataset_for(request.user, pk)
    try:
        services.delete_refused(actor=request.user, dataset_id=pk)
    except services.DataSetRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("datasets:detail", pk)
    messages.success(request, f"{dataset.original_name} is deleted.")
    return redirect("datasets:list")


@require_POST
def learn_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a model learned once more that could not be learned."""
    model = selectors.model_for(request.user, pk)
    try:
        modelling.learn_again(actor=request.user, model_id=pk)
    except services.DataSetRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("datasets:detail", model.dataset_id)


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The line that tells how far a file is; when its state has changed, the page is asked to load anew."""
    dataset = selectors.dataset_for(request.user, pk)
    if dataset.status != request.GET.get("was"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return _page(request, "progress", dataset=dataset, **_progress_of(dataset))


def _progress_of(dataset: DataSet) -> dict:
    working = "claimed" in getattr(dataset, services.CLAIMS[dataset.status])
    return {
        "words": WORDS[dataset.status],
        "line": lines.read(dataset.pk) if working else {},
        "working": working,
        "listening": True if working else worker_listening(),
    }


@require_GET
def rejected(request: HttpRequest, pk: int) -> HttpResponse:
    """Every rejected row with its line and reason."""
    return _stored(request, pk, "rejected")


@require_GET
def merged(request: HttpRequest, pk: int) -> HttpResponse:
    """Every row that was merged into another, and why."""
    return _stored(request, pk, "merged")


def _stored(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    dataset = selectors.dataset_for(request.user, pk)
    name = dataset.rejected if what == "rejected" else dataset.receipt.get("stored", {}).get(what, "")
    if dataset.status != DataSet.Status.READY or not name:
        raise Http404
    filename = f"{tables.plain_name(dataset.name)}-{what}.csv"
    return FileResponse(
        default_storage.open(name, "rb"), as_attachment=True, filename=filename, content_type="text/csv"
    )


@require_GET
def curated(request: HttpRequest, pk: int) -> HttpResponse:
    """The curated compounds as CSV, text cells safe for spreadsheets."""
    dataset = selectors.dataset_for(request.user, pk)
    if dataset.status != DataSet.Status.READY:
        raise Http404
    answer = StreamingHttpResponse(tables.csv_lines(dataset), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{tables.plain_name(dataset.name)}-curated.csv"'
    return answer
