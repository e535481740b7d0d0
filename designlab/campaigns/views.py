"""The list of campaigns and the page of one."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from designlab.accounts.selectors import may_design
from designlab.campaigns import page_selectors as pages
from designlab.campaigns.budgets import oracle_label, oracles_of, set_campaign_budgets
from designlab.campaigns.forms import SharedBudgetForm
from designlab.campaigns.models import Campaign, InvalidTransition
from designlab.campaigns.saved_selectors import is_as_saved
from designlab.engine import rewards as reward_engine
from designlab.engine.designs import designs_of
from designlab.engine.errors import SettingRefused

ONLY_DESIGNERS = "Only owners and designers of the team can set budgets."


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
    rows = Campaign.objects.visible_to(request.user).select_related(
        "team", "labelled", "unlabelled", "created_by", "made_from__saved"
    )
    campaign = get_object_or_404(rows, pk=pk)
    runs = pages.runs_of(campaign)
    shown = {
        "campaign": campaign,
        "designs": designs_of(campaign.kind),
        "sentences": reward_engine.describe_reward(campaign.reward),
        "models": pages.models_for(campaign.reward, campaign.labelled),
        "as_saved": campaign.made_from and is_as_saved(campaign.reward, campaign.made_from),
        "runs": runs,
        "comparable": sum(run.n_candidates > 0 for run in runs) > 1,
        "may_steer": pages.may_steer(request.user, campaign),
        "budgets": pages.shared_budgets(campaign),
        "section": "campaigns",
    }
    return render(request, "campaigns/detail.html", shown)


@require_POST
def set_budgets(request: HttpRequest, pk: int) -> HttpResponse:
    """Set what the runs of a campaign may call together; an empty field takes a limit away."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user).select_related("team"), pk=pk)
    if not pages.may_steer(request.user, campaign):
        raise PermissionDenied(ONLY_DESIGNERS)
    form = SharedBudgetForm(request.POST, oracles=oracles_of(campaign.reward))
    if not form.is_valid():
        for words in form.refusals():
            messages.error(request, words)
        return redirect("campaigns:detail", pk=pk)
    try:
        set_campaign_budgets(actor=request.user, campaign=campaign, limits=form.limits())
    except SettingRefused as refusal:
        messages.error(request, f"{oracle_label(refusal.field)}: {refusal.problem}")
    except InvalidTransition as refusal:
        messages.error(request, str(refusal))
    return redirect("campaigns:detail", pk=pk)
