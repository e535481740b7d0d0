"""The list of campaigns and the page of one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from designlab.accounts.selectors import may_design
from designlab.campaigns import page_selectors as pages
from designlab.campaigns.models import Campaign
from designlab.engine import rewards as reward_engine


@require_GET
def campaign_list(request: HttpRequest) -> HttpResponse:
    """The team's campaigns by last activity."""
    shown = {
        "campaigns": pages.campaigns_of(request.user, request.team),
        "has_data": pages.labelled_sets(request.user, request.team).exists(),
        "may_design": may_design(request.user, request.team),
        "section": "campaigns",
    }
    return render(request, "campaigns/list.html", shown)


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One campaign: its goal in sentences, its data, its runs with what came of them."""
    rows = Campaign.objects.visible_to(request.user).select_related("team", "labelled", "unlabelled", "created_by")
    campaign = get_object_or_404(rows, pk=pk)
    shown = {
        "campaign": campaign,
        "sentences": reward_engine.describe_reward(campaign.reward),
        "models": pages.models_for(campaign.reward, campaign.labelled),
        "runs": pages.runs_of(campaign),
        "may_steer": pages.may_steer(request.user, campaign),
        "section": "campaigns",
    }
    return render(request, "campaigns/detail.html", shown)
