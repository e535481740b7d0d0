"""Pages of results: told by file or typed, compared with what was predicted, withdrawn, learned from."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from designlab.accounts.selectors import may_design
from designlab.campaigns.models import Campaign
from designlab.candidates.exports import csv_lines
from designlab.charts.results import predicted_and_measured
from designlab.datasets.child import LAB_BYTES
from designlab.datasets.uploads import Capped, capped_at
from designlab.engine.designs import designs_of
from designlab.results import going_on, selectors, services
from designlab.results.files import ResultsRefused

MOST_PROBLEMS = 20  # shown of a refused file
MOST_TYPED = 60  # fields for values on the page


@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The results of a campaign."""
    return _page(request, selectors.campaign_for(request.user, pk))


def _page(request: HttpRequest, campaign: Campaign, status: int = 200, **more: Any) -> HttpResponse:
    labels = selectors.labels_of(campaign)
    wanted = request.GET.get("label", "")
    label = wanted if wanted in labels else (labels[0] if labels else "")
    told = selectors.shown(campaign)
    found = [
        {"shown": one, "figure": predicted_and_measured(one), "hits": [one.is_hit(row) for row in one.rows]}
        for one in told
    ]
    open_ones = selectors.to_be_told(campaign, label)
    context = {
        "section": "campaigns",
        "campaign": campaign,
        "designs": designs_of(campaign.kind),
        "labels": labels,
        "label": label,
        "unit": selectors.unit_of(campaign, label),
        "found": found,
        "open": [(one, designs_of(campaign.kind).picture(one.smiles)) for one in open_ones[:MOST_TYPED]],
        "n_more_open": max(0, len(open_ones) - MOST_TYPED),
        "may_steer": may_design(request.user, campaign.team),
        "next": campaign.labelled.next.first(),
        "going_on": campaign.next_rounds.select_related("data", "made", "asked_by").first(),
        "all_failed": selectors.all_failed(told),
        **more,
    }
    return render(request, "results/page.html", context, status=status)


@require_POST
@capped_at(lambda: LAB_BYTES)
def upload(request: HttpRequest, pk: int, *, capped: Capped) -> HttpResponse:
    """Take a file of results, or refuse it with a sentence for each row."""
    campaign = selectors.campaign_for(request.user, pk)
    file = request.FILES.get("file")
    if capped.too_large:
        return _page(request, campaign, 413, refused="The file is too large; a list of results has at most 5 MB.")
    if file is None:
        return _page(request, campaign, 422, refused="No file was chosen: choose one, then upload.")
    try:
        receipt = services.upload_results(actor=request.user, campaign_id=pk, file=file)
    except ResultsRefused as refusal:
        problems = refusal.problems[:MOST_PROBLEMS]
        told = {"refused": str(refusal), "problems": problems, "n_more": len(refusal.problems) - len(problems)}
        return _page(request, campaign, 422, refused_name=file.name, **told)
    _thank(request, receipt)
    return redirect("results:page", pk)


@require_POST
def tell(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the values typed on the page; empty fields stay open."""
    selectors.campaign_for(request.user, pk)
    told = {
        int(name.removeprefix("value-")): text
        for name, text in request.POST.items()
        if name.startswith("value-") and name.removeprefix("value-").isdecimal() and len(name) < 25
    }
    try:
        label = request.POST.get("label", "")
        _thank(request, services.tell_results(actor=request.user, campaign_id=pk, label=label, told=told))
    except ResultsRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("results:page", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Set one value aside."""
    found = selectors.measurement_for(request.user, pk)
    try:
        services.withdraw(actor=request.user, measurement_id=pk)
        messages.success(request, f"Set aside: {found}. It stays on record and counts for nothing.")
    except ResultsRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("results:page", found.candidate.run.campaign_id)


@require_POST
def learn(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the next version of the campaign's data, results included."""
    selectors.campaign_for(request.user, pk)
    try:
        made = services.next_data(actor=request.user, campaign_id=pk)
    except ResultsRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("results:page", pk)
    messages.success(request, "The data with your results are a new version: look at it, import it, use it.")
    return redirect("datasets:detail", made.pk)


@require_POST
def next_round(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the next round: new data, models learned again, a campaign with the same settings."""
    selectors.campaign_for(request.user, pk)
    try:
        going_on.start(actor=request.user, campaign_id=pk)
    except ResultsRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("results:page", pk)


@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """Every value that stands, beside its prediction, as CSV."""
    campaign = selectors.campaign_for(request.user, pk)
    header = ["id", designs_of(campaign.kind).column, "label", "relation", "value", "unit", "predicted", "uncertainty",
              "second judge", "told by", "told at", "file"]  # fmt: skip
    lines = [
        [row.candidate.label, row.candidate.smiles, one.label, value.relation.replace("=", ""), value.value, one.unit,
         row.predicted, row.uncertainty, row.judged, value.told_by.username, value.told_at.isoformat(),
         value.file.name if value.file else None]
        for one in selectors.shown(campaign) for row in one.rows for value in row.values
    ]  # fmt: skip
    answer = StreamingHttpResponse(csv_lines([header, *lines]), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(campaign.name)[:60] or "campaign"}-results.csv"'
    return answer


def _thank(request: HttpRequest, receipt: services.Receipt) -> None:
    many = "candidate" if receipt.n_candidates == 1 else "candidates"
    blank = f" {receipt.n_blank:,} empty cells stay open." if receipt.n_blank else ""
    values = "1 value" if receipt.n_values == 1 else f"{receipt.n_values:,} values"
    messages.success(request, f"Kept {values} of {receipt.n_candidates:,} {many}.{blank}")
