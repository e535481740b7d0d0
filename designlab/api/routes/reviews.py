"""Review rounds: sent, voted in, decided and frozen. What a blinded round hides on the page it hides here."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from designlab.accounts.models import User
from designlab.api.access import answers, designers_only, mine, one_of
from designlab.api.paging import Cursor, Limit, Page, page_of
from designlab.api.problems import Unprocessable
from designlab.api.routes.campaigns import runs_of
from designlab.candidates import review_services as services
from designlab.candidates.blinding import Sight, sight
from designlab.candidates.models import ReviewItem, ReviewRound, Vote
from designlab.candidates.review_selectors import hides_from

router = Router(tags=["reviews"])
Ids = Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=500)]


class ReviewIn(Schema):
    """Candidates of a run for colleagues; each is seen by all of them, or by `each`, some of them twice."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    candidates: Ids
    reviewers: list[str]
    question: Annotated[str, Field(max_length=2_000)] = ""
    due: date | None = None
    blinded: bool = False
    each: Annotated[int, Field(ge=1, le=500)] | None = None
    repeats: Annotated[int, Field(ge=0, le=100)] = 0


class VoteOut(Schema):
    """What one reviewer said of one molecule."""

    user: str
    value: int
    reasons: list[str]
    comment: str
    marks: list[int]
    again: bool
    at: datetime


class ItemOut(Schema):
    """A molecule of a round. Until it is open to the person who asks, it has only their own votes and no decision."""

    id: int
    candidate: int
    label: str
    structure: str
    position: int
    open: bool
    asked: bool
    decision: str | None
    votes: list[VoteOut]


class ReviewOut(Schema):
    """A round and who was asked."""

    id: int
    campaign: int
    title: str
    question: str
    blinded: bool
    due: date | None
    created_by: str
    created_at: datetime
    frozen_at: datetime | None
    digest: str
    reviewers: dict[str, bool]


class WholeReview(ReviewOut):
    """A round with its molecules."""

    items: list[ItemOut]


class VoteIn(Schema):
    """A vote on one molecule, from 1 (drop) to 5 (make it); marks are atoms by their indices in its SMILES."""

    item: Annotated[int, Field(ge=1, lt=2**63)]
    value: Annotated[int, Field(ge=1, le=5)]
    reasons: list[str] = []
    comment: Annotated[str, Field(max_length=2_000)] = ""
    marks: list[Annotated[int, Field(ge=0, le=10_000)]] = []
    again: bool = False


class DecisionIn(Schema):
    """What becomes of some molecules of a round."""

    items: Ids
    decision: Literal["open", "make", "hold", "drop"]


def _told(this: ReviewRound) -> dict[str, Any]:
    asked = {one.user.username: one.finished_at is not None for one in this.assignments.all()}
    return {
        "id": this.pk, "campaign": this.campaign_id, "title": this.title, "question": this.question,
        "blinded": this.blinded, "due": this.due, "created_by": this.created_by.username,
        "created_at": this.created_at, "frozen_at": this.frozen_at, "digest": this.digest, "reviewers": asked,
    }  # fmt: skip


def _item(item: ReviewItem, user: User, seen: Sight, *, asked: bool, decided: bool) -> dict[str, Any]:
    is_open = seen.shows(item.pk)
    votes = [vote for vote in item.votes.all() if is_open or vote.user_id == user.pk]
    return {
        "id": item.pk, "candidate": item.candidate_id, "label": item.candidate.label,
        "structure": item.candidate.smiles, "position": item.position, "open": is_open, "asked": asked,
        "decision": item.decision if decided else None, "votes": [_vote(vote) for vote in votes],
    }  # fmt: skip


def _vote(vote: Vote) -> dict[str, Any]:
    return {"user": vote.user.username, "value": vote.value, "reasons": vote.reasons, "comment": vote.comment,
            "marks": vote.marks, "again": vote.again, "at": vote.at}  # fmt: skip


def _whole(request: HttpRequest, this: ReviewRound) -> dict[str, Any]:
    seen, decided = sight(request.user, this), not hides_from(request.user, this)
    assignment = this.assignments.filter(user=request.user).first()
    asked = set(assignment.showings.values_list("item_id", flat=True)) if assignment else set()
    rows = this.items.select_related("candidate__run").prefetch_related("votes__user").order_by("position")
    items = [_item(row, request.user, seen, asked=row.pk in asked, decided=decided) for row in rows]
    return _told(this) | {"items": items}


def rounds_of(request: HttpRequest) -> Any:
    """The token's review rounds with who was asked."""
    rows = mine(request, ReviewRound).select_related("campaign__team", "created_by", "frozen_by")
    return rows.prefetch_related("assignments__user")


@router.get("/reviews", response=answers(Page[ReviewOut]))
def list_reviews(request: HttpRequest, cursor: Cursor = "", limit: Limit = 50) -> Any:
    """The team's review rounds, newest first."""
    return page_of(rounds_of(request), _told, cursor, limit)


@router.post("/runs/{pk}/reviews", response=answers(WholeReview, 201))
def send_to_review(request: HttpRequest, pk: int, payload: ReviewIn) -> Any:
    """Send candidates of a run to colleagues."""
    designers_only(request)
    run = one_of(runs_of(request), pk)
    people = list(User.objects.filter(username__in=payload.reviewers, memberships__team=request.team))
    missing = sorted(set(payload.reviewers) - {user.username for user in people})
    if missing:
        raise Unprocessable(f"There is nobody called {', '.join(missing)[:200]} in this team.", "reviewers")
    made = services.create_round(
        actor=request.user, run=run, candidates=payload.candidates, title=payload.title, question=payload.question,
        reviewers=people, due=payload.due, blinded=payload.blinded, each=payload.each, repeats=payload.repeats,
    )  # fmt: skip
    return Status(201, _whole(request, one_of(rounds_of(request), made.pk)))


@router.get("/reviews/{pk}", response=answers(WholeReview))
def get_review(request: HttpRequest, pk: int) -> Any:
    """One round with its molecules, and the votes that are open to the person who asks."""
    return _whole(request, one_of(rounds_of(request), pk))


@router.post("/reviews/{pk}/votes", response=answers(VoteOut))
def vote(request: HttpRequest, pk: int, payload: VoteIn) -> Any:
    """Vote on a molecule that one was asked about, or change one's vote."""
    this = one_of(rounds_of(request), pk)
    cast = services.cast_vote(
        actor=request.user, round_pk=this.pk, item_pk=payload.item, value=payload.value, reasons=payload.reasons,
        comment=payload.comment, marks=payload.marks, again=payload.again,
    )  # fmt: skip
    return _vote(cast)


@router.post("/reviews/{pk}/decisions", response=answers(WholeReview))
def decide(request: HttpRequest, pk: int, payload: DecisionIn) -> Any:
    """Make, hold back or drop some molecules of a round."""
    designers_only(request)
    this = one_of(rounds_of(request), pk)
    services.decide(actor=request.user, round_pk=this.pk, items=payload.items, decision=payload.decision)
    return _whole(request, one_of(rounds_of(request), pk))


@router.post("/reviews/{pk}/freeze", response=answers(WholeReview))
def freeze(request: HttpRequest, pk: int) -> Any:
    """Close a round for good, under a digest of everything in it."""
    designers_only(request)
    services.freeze(actor=request.user, round_pk=one_of(rounds_of(request), pk).pk)
    return _whole(request, one_of(rounds_of(request), pk))
