"""Pages of reviews: send, vote one at a time, result, decide, freeze, download."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from designlab.accounts.selectors import may_design
from designlab.candidates import review_exports, review_selectors, review_services, selection, selectors
from designlab.candidates.detail import facts
from designlab.candidates.forms import ReviewForm
from designlab.candidates.models import ReviewItem, Vote
from designlab.candidates.objectives import objectives_of
from designlab.candidates.review_services import ReviewRefused
from designlab.candidates.waiting import when_ready
from designlab.engine.designs import LARGE, designs_of

PREVIEWED = 12


@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """What waits for my votes, and all rounds of the team."""
    shown = {
        "section": "reviews",
        "waiting": review_selectors.waiting(request.user),
        "rounds": review_selectors.rounds(request.user, request.team),
    }
    return render(request, "candidates/reviews.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@when_ready
def new(request: HttpRequest, pk: int) -> HttpResponse:
    """The form that sends chosen candidates to colleagues; a GET carries the choice, a POST sends it."""
    run = selectors.run_for(request.user, pk)
    team = run.campaign.team
    if not may_design(request.user, team):
        messages.error(request, "Only owners and designers of the team can send molecules to review.")
        return redirect("candidates:list", run.pk)
    form = ReviewForm(request.POST or None, team=team)
    if request.method == "POST":
        if form.is_valid():
            try:
                made = review_services.create_round(actor=request.user, run=run, **form.cleaned_data)
            except ReviewRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"Sent {made.items.count()} molecules to review.")
                return redirect("candidates:review", made.pk)
        ids = [int(part) for part in request.POST.get("candidates", "").split(",") if part.isdecimal()]
    else:
        shown = selectors.read_filter(run, request.GET)
        try:
            ids = selection.chosen(run, shown, request.GET)
        except selection.SelectionRefused as refusal:
            messages.error(request, str(refusal))
            return redirect(f"{reverse('candidates:list', args=[run.pk])}?{shown.query()}")
    return render(request, "candidates/review_new.html", _sending(run, form, ids))


def _sending(run, form: ReviewForm, ids: list[int]) -> dict:
    chosen = selection.candidates_in_order(run, ids[: selection.MOST])
    return {
        "section": "reviews",
        "run": run,
        "form": form,
        "n": len(chosen),
        "candidates": ",".join(str(candidate.pk) for candidate in chosen),
        "preview": [(one, designs_of(run.kind).picture(one.smiles)) for one in chosen[:PREVIEWED]],
        "designs": designs_of(run.kind),
        "reviewers": form.fields["reviewers"].queryset,
        "ticked": form.data.getlist("reviewers") if form.is_bound else [],
    }


@require_http_methods(["GET", "HEAD", "POST"])
def vote(request: HttpRequest, pk: int) -> HttpResponse:
    """One molecule at a time. A POST keeps the vote, or takes the newest one back, and goes on."""
    this = review_selectors.round_for(request.user, pk)
    if request.method == "POST":
        return _voted(request, this.pk)
    turn = review_selectors.turn(request.user, pk, request.GET.get("item", ""))
    if turn is None or this.frozen_at is not None:
        return redirect("candidates:review", pk)
    return render(request, "candidates/vote.html", _turn(turn))


def _voted(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        if request.POST.get("undo"):
            item = review_services.undo_vote(actor=request.user, round_pk=pk)
            return redirect(f"{reverse('candidates:vote', args=[pk])}?item={item.position}")
        review_services.cast_vote(
            actor=request.user,
            round_pk=pk,
            item_pk=_whole(request.POST.get("item", "")),
            value=_whole(request.POST.get("value", "")),
            reasons=request.POST.getlist("reason"),
            comment=request.POST.get("comment", ""),
        )
    except ReviewRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("candidates:vote", pk)


def _whole(raw: str) -> int:
    return int(raw) if raw.isdecimal() and len(raw) < 19 else 0


def _turn(turn: review_selectors.Turn) -> dict:
    designs = designs_of(turn.round.campaign.kind)
    shown = {
        "section": "reviews",
        "turn": turn,
        "reasons": review_services.REASONS[designs.drawn],
        "answers": Vote.Value.choices,
        "designs": designs,
    }
    if turn.item is None:
        return shown
    candidate = turn.item.candidate
    objectives = objectives_of(candidate.run) if turn.shows_predictions else []
    return shown | {
        "picture": designs.picture(candidate.smiles, LARGE),
        "facts": facts(designs, candidate.smiles)[:4],
        "cells": selectors.cells(candidate, objectives),
        "formula_title": f"{designs.one.capitalize()} {turn.position} of {turn.n_items}",
    }


@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The result of a round: agreed yes, argued, agreed no; who voted; what was decided."""
    this = review_selectors.round_for(request.user, pk)
    shown = {
        "section": "reviews",
        "round": this,
        "designs": designs_of(this.campaign.kind),
        "assignments": this.assignments.select_related("user").order_by("user__username"),
        "mine": this.assignments.filter(user=request.user).first(),
        "n_items": this.items.count(),
        "hidden": review_selectors.hides_from(request.user, this),
        "may_decide": review_selectors.may_decide(request.user, this),
    }
    if not shown["hidden"]:
        shown |= _result(this)
    return render(request, "candidates/review.html", shown)


def _result(this) -> dict:
    judged = review_selectors.judged(this)
    picture = designs_of(this.campaign.kind).picture
    heads = {"yes": "Agreed yes", "argued": "Argued or unsure", "no": "Agreed no", "waiting": "Not judged yet"}
    columns = []
    for key, words in heads.items():
        members = [(one, picture(one.item.candidate.smiles)) for one in judged if one.column == key]
        if members or key != "waiting":
            columns.append({"key": key, "words": words, "members": members})
    return {
        "columns": columns,
        "agreement": review_selectors.agreement(judged),
        "decisions": [choice for choice in ReviewItem.Decision.choices if choice[0] != ReviewItem.Decision.OPEN],
        "n_open": sum(one.item.decision == ReviewItem.Decision.OPEN for one in judged),
        "n_make": sum(one.item.decision == ReviewItem.Decision.MAKE for one in judged),
    }


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Make, hold back or drop some molecules of a round."""
    review_selectors.round_for(request.user, pk)
    items = [_whole(raw) for raw in request.POST.getlist("item")]
    try:
        review_services.decide(actor=request.user, round_pk=pk, items=items, decision=request.POST.get("decision", ""))
    except ReviewRefused as refusal:
        messages.error(request, str(refusal))
    place = f"#item-{items[0]}" if len(items) == 1 else ""
    return redirect(reverse("candidates:review", args=[pk]) + place)


@require_POST
def freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a round for good."""
    review_selectors.round_for(request.user, pk)
    try:
        review_services.freeze(actor=request.user, round_pk=pk)
    except ReviewRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Frozen. Votes and decisions stay as they are now.")
    return redirect("candidates:review", pk)


@require_safe
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Decisions, votes and comments as CSV."""
    this = review_selectors.round_for(request.user, pk)
    if review_selectors.hides_from(request.user, this):
        messages.error(request, "This round is blinded: finish your own votes first, then the file is open to you.")
        return redirect("candidates:review", pk)
    answer = StreamingHttpResponse(review_exports.as_csv(this), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(this.title)[:60] or "review"}-votes.csv"'
    return answer
