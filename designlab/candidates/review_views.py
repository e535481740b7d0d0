"""Pages of reviews: send, vote one at a time, result, decide, freeze, download."""

from collections.abc import Iterable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from designlab.accounts.models import Membership
from designlab.accounts.selectors import may_design, role_of
from designlab.candidates import remarks, review_exports, review_selectors, review_services, selection, selectors
from designlab.candidates.detail import facts
from designlab.candidates.forms import ReviewForm
from designlab.candidates.models import Mention, ReviewItem, Vote
from designlab.candidates.objectives import objectives_of
from designlab.candidates.refusals import ReviewRefused
from designlab.candidates.waiting import when_ready
from designlab.engine.designs import LARGE, designs_of

PREVIEWED = 12
ON_A_SHEET = 60  # cards of the grid on one page


@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """What waits for my votes, and all rounds of the team."""
    shown = {
        "section": "reviews",
        "waiting": review_selectors.waiting(request.user),
        "rounds": review_selectors.rounds(request.user, request.team),
        "mentions": remarks.waiting_mentions(request.user),
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
    """Keeps what was said; a vote of the grid changes the value alone, and its card is sent back."""
    said, grid = request.POST, request.POST.get("from") == "grid"
    page = "candidates:grid" if grid else "candidates:vote"
    try:
        if said.get("undo"):
            back = review_services.undo_vote(actor=request.user, round_pk=pk)
            to = f"#place-{back.place}" if grid else f"?item={back.place}"
            return redirect(reverse(page, args=[pk]) + to)
        review_services.cast_vote(
            actor=request.user, round_pk=pk, item_pk=_whole(said.get("item", "")), value=_whole(said.get("value", "")),
            reasons=None if grid else said.getlist("reason"), comment=None if grid else said.get("comment", ""),
            marks=None if grid else [int(raw) for raw in said.getlist("mark") if raw.isdecimal() and len(raw) < 9],
            again=bool(said.get("again")),
        )  # fmt: skip
    except ReviewRefused as refusal:
        messages.error(request, str(refusal))
    else:
        if grid and request.headers.get("HX-Request"):
            return _card(request, pk, _whole(said.get("item", "")), bool(said.get("again")))
    return redirect(page, pk)


def _whole(raw: str) -> int:
    return int(raw) if raw.isdecimal() and len(raw) < 19 else 0


def _turn(turn: review_selectors.Turn) -> dict:
    designs = designs_of(turn.round.campaign.kind)
    shown = {
        "section": "reviews",
        "turn": turn,
        "hand": turn.hand,
        "round": turn.round,
        "reasons": review_services.REASONS[designs.drawn],
        "answers": Vote.Value.choices,
        "designs": designs,
    }
    if turn.card is None:
        return shown
    candidate = turn.card.item.candidate
    objectives = objectives_of(candidate.run) if turn.card.open else []
    mine = turn.card.own.marks if turn.card.own else []
    theirs: dict[int, list[str]] = {}
    for one in turn.card.others:
        for index in one.marks:
            theirs.setdefault(index, []).append(str(one.user))
    return shown | {
        "card": turn.card,
        "picture": designs.picture(candidate.smiles, LARGE),
        "atoms": [
            (atom, atom.index in mine, theirs.get(atom.index)) for atom in designs.atoms(candidate.smiles, LARGE)
        ],
        "facts": facts(designs, candidate.smiles)[:4],
        "cells": selectors.cells(candidate, objectives),
    }


@require_safe
def grid(request: HttpRequest, pk: int) -> HttpResponse:
    """All molecules of a round beside each other, to be judged in any order."""
    this = review_selectors.round_for(request.user, pk)
    hand = review_selectors.hand(request.user, pk)
    if hand is None or this.frozen_at is not None:
        return redirect("candidates:review", pk)
    page = Paginator(hand.sheet, ON_A_SHEET).get_page(request.GET.get("page"))
    return render(request, "candidates/vote_grid.html", _grid(hand, page) | {"page": page})


def _grid(hand: review_selectors.Hand, shown: Iterable[review_selectors.Card]) -> dict:
    designs = designs_of(hand.round.campaign.kind)
    cards = review_selectors.with_candidates(list(shown))
    letters = [] if designs.drawn else cards
    pictures = {card.item.pk: designs.picture(card.item.candidate.smiles) for card in letters}
    return {
        "section": "reviews", "hand": hand, "round": hand.round, "designs": designs, "answers": Vote.Value.choices,
        "pictures": pictures,
    }  # fmt: skip


def _card(request: HttpRequest, pk: int, item_pk: int, again: bool) -> HttpResponse:
    """One card of the grid as it is now, and how far the reviewer is."""
    hand = review_selectors.hand(request.user, pk)
    assert hand is not None  # a vote was just kept
    card = next(one for one in hand.cards if one.item.pk == item_pk and one.showing.again is again)
    return render(request, "candidates/_vote_answer.html", _grid(hand, [card]) | {"card": card})


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
        "may_say": role_of(request.user, this.campaign.team) not in {"", Membership.Role.VIEWER},
        "history": review_selectors.history(request.user, this),
    }
    if not shown["hidden"]:
        shown |= _result(this)
    return render(request, "candidates/review.html", shown)


def _result(this) -> dict:
    judged = review_selectors.judged(this)
    drawn = designs_of(this.campaign.kind).marked
    heads = {"yes": "Agreed yes", "argued": "Argued or unsure", "no": "Agreed no", "waiting": "Not judged yet"}
    columns = []
    for key, words in heads.items():
        ranked = sorted((one for one in judged if one.column == key), key=lambda one: one.rank)
        members = [(one, drawn(one.item.candidate.smiles, one.marks)) for one in ranked]
        if members or key != "waiting":
            single = sum(len(one.votes) == 1 for one in ranked)
            columns.append({"key": key, "words": words, "members": members, "single": single})
    return {
        "columns": columns,
        "run": judged[0].item.candidate.run if judged else None,
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
def remark(request: HttpRequest, pk: int) -> HttpResponse:
    """Say something of one molecule."""
    review_selectors.round_for(request.user, pk)
    item = _whole(request.POST.get("item", ""))
    try:
        remarks.say(actor=request.user, round_pk=pk, item_pk=item, text=request.POST.get("text", ""))
    except ReviewRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(f"{reverse('candidates:review', args=[pk])}#item-{item}")


@require_POST
def seen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one mention off my list."""
    if not Mention.objects.visible_to(request.user).filter(pk=pk, user=request.user).exists():
        raise Http404
    remarks.mark_seen(actor=request.user, mention_pk=pk)
    return redirect("candidates:reviews")


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
