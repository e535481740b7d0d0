"""The page on which runs of a campaign stand side by side."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from designlab.campaigns import compare as selectors
from designlab.campaigns.models import Campaign
from designlab.common.intervals import NAMED
from designlab.engine.designs import designs_of


@require_GET
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Which way works better here: any runs at equal evaluations, by method."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user).select_related("labelled"), pk=pk)
    runs = selectors.runs_of(request.user, campaign)
    chosen = selectors.chosen_of(runs, request.GET.getlist("run"))
    shown = {
        "campaign": campaign,
        "designs": designs_of(campaign.kind),
        "runs": runs,
        "chosen": {run.pk for run in chosen},
        "waiting": [run for run in chosen if not run.n_candidates],
        "most": selectors.MOST,
        "named": NAMED,
        "section": "campaigns",
    }
    if chosen:
        rule, refused = selectors.rule_of(chosen, request.GET)
        shown |= {"rule": rule, "refused": refused, "compared": selectors.compare(chosen, rule)}
    return render(request, "campaigns/compare.html", shown)
