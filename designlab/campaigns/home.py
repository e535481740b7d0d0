"""The first page: what needs me?"""

from datetime import timedelta

from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from designlab.accounts.models import User
from designlab.campaigns.models import Campaign, Run
from designlab.candidates.models import Assignment
from designlab.common.templatetags.figures import count, reward, span
from designlab.datasets.models import DataSet

RECENT = timedelta(days=7)
N_SHOWN = 8


def home(request: HttpRequest) -> HttpResponse:
    """My reviews due, runs in progress and just finished, data in preparation, campaigns by last activity."""
    team = request.team
    shown = {
        "reviews": reviews_of(request.user),
        "runs": [(run, outcome(run)) for run in runs_of(request.user, team)],
        "searches": searches_of(request.user, team),
        "files": files_of(request.user, team),
        "campaigns": [(campaign, best_of(campaign)) for campaign in campaigns_of(request.user, team)],
        "has_data": DataSet.objects.visible_to(request.user).filter(team=team).exists(),
    }
    return render(request, "campaigns/home.html", shown)


def reviews_of(user: User):
    """Open rounds that wait for this person's votes, the most urgent first, with how far they are."""
    mine = Assignment.objects.filter(user=user, finished_at=None, round__frozen_at=None)
    judged = Count("round__items__votes", filter=Q(round__items__votes__user=user), distinct=True)
    counted = mine.annotate(n_items=Count("showings", distinct=True), n_judged=judged)
    return counted.select_related("round__campaign").order_by(F("round__due").asc(nulls_last=True), "id")


def runs_of(user: User, team):
    """Runs in progress, then those that ended in the last week, newest first."""
    now = timezone.now()
    shown = Q(status__in=[*Run.ACTIVE, Run.Status.PAUSED]) | Q(ended_at__gte=now - RECENT)
    runs = Run.objects.visible_to(user).filter(shown, campaign__team=team)
    return runs.select_related("campaign").order_by(F("ended_at").desc(nulls_first=True), "-id")[:N_SHOWN]


def searches_of(user: User, team):
    """Searches among failures that need somebody."""
    from designlab.rounds.selectors import waiting

    return waiting(user, team)


def files_of(user: User, team):
    """Uploads that are not data sets yet: being read, waiting for answers, being imported."""
    unfinished = [DataSet.Status.UPLOADED, DataSet.Status.ASKING, DataSet.Status.IMPORTING]
    return DataSet.objects.visible_to(user).filter(team=team, status__in=unfinished)[:N_SHOWN]


def campaigns_of(user: User, team):
    """Campaigns by last activity, with their runs."""
    mine = Campaign.objects.visible_to(user).filter(team=team).select_related("labelled")
    return mine.prefetch_related("runs").order_by("-touched_at")[:N_SHOWN]


def best_of(campaign: Campaign) -> float | None:
    """The best reward of all runs of a campaign, from their summaries: no candidate is touched for it."""
    rewards = [run.summary.get("best_reward") for run in campaign.runs.all()]
    return max((r for r in rewards if r is not None), default=None)


def outcome(run: Run) -> str:
    """One line on what a run has reached, in numbers that are known for sure."""
    if run.status == Run.Status.FAILED:
        return run.message or "It failed; its page says why."
    if not run.n_evaluations:
        return (
            "It has not begun yet."
            if run.is_active or run.status == Run.Status.PAUSED
            else "It ended before its first slice."
        )
    of = f" of {count(run.budget_evaluations)}" if run.budget_evaluations else ""
    parts = [f"{count(run.n_candidates)} candidates", f"{count(run.n_evaluations)}{of} evaluations"]
    best = run.summary.get("best_reward")
    if best is not None:
        parts.append(f"best reward {reward(best)}")
    if run.has_ended:
        parts.append(f"trained {span(run.trained_s)}")
    return ", ".join(parts)
