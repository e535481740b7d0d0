"""Changes to reviews: send, vote, take back, decide, freeze. A frozen round refuses every one of them."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from designlab.accounts.models import Membership, User
from designlab.campaigns.models import Campaign, Run
from designlab.candidates import calibration, remarks
from designlab.candidates.models import Assignment, Candidate, ReviewItem, ReviewRound, Showing, Vote
from designlab.candidates.refusals import ReviewRefused
from designlab.candidates.selection import MOST, candidates_in_order
from designlab.common.models import record
from designlab.engine.designs import designs_of

# Reasons to tick, for designs that are not drawn (sequences) and for those that are.
REASONS = {
    False: ("hard to make", "low complexity", "off target", "aggregates", "unstable", "seen before", "nice idea"),
    True: (
        "hard to make",
        "metabolic soft spot",
        "too lipophilic",
        "reactive",
        "unstable",
        "seen before",
        "nice idea",
    ),
}
EVERY_REASON = tuple(dict.fromkeys(REASONS[True] + REASONS[False]))
LONGEST_COMMENT = 2_000


@transaction.atomic
def create_round(
    *,
    actor: User,
    run: Run,
    candidates: Sequence[int],
    title: str,
    question: str,
    reviewers: Sequence[User],
    due: date | None,
    blinded: bool,
    each: int | None = None,
    repeats: int = 0,
) -> ReviewRound:
    """Send candidates of one run to colleagues: each molecule to `each` of them, all when it is None.

    `repeats` per cent of what somebody judges comes to them a second time.
    """
    _may_design(actor, run.campaign)
    chosen = candidates_in_order(run, list(dict.fromkeys(candidates))[: MOST + 1])
    if not 1 <= len(chosen) <= MOST:
        raise ReviewRefused(f"A round holds 1 to {MOST} molecules, not {len(chosen)}.")
    _check_reviewers(run.campaign, reviewers)
    each = len(reviewers) if each is None else each
    _check_calibration(each, repeats, len(reviewers))
    if due is not None and due < timezone.localdate():
        raise ReviewRefused("The due date lies in the past.")
    made = ReviewRound.objects.create(
        campaign=run.campaign, title=title, question=question, due=due, blinded=blinded, created_by=actor
    )
    items = [ReviewItem(round=made, candidate=one, position=i) for i, one in enumerate(chosen, start=1)]
    items = ReviewItem.objects.bulk_create(items)
    _deal(made, items, reviewers, each, repeats)
    names = sorted(user.username for user in reviewers)
    more = {"each": each, "repeats": repeats} if each < len(reviewers) or repeats else {}
    _record(actor, made, "sent to review", n_candidates=len(items), reviewers=names, blinded=blinded, **more)
    return made


def _check_calibration(each: int, repeats: int, n_reviewers: int) -> None:
    if not 1 <= each <= n_reviewers:
        raise ReviewRefused(f"Each molecule can be seen by 1 to {n_reviewers} of the chosen reviewers, not {each}.")
    if not 0 <= repeats <= calibration.MOST_REPEATED:
        raise ReviewRefused(f"Between 0 and {calibration.MOST_REPEATED} per cent can be shown twice, not {repeats}.")


def _deal(this: ReviewRound, items: Sequence[ReviewItem], reviewers: Sequence[User], each: int, repeats: int) -> None:
    """Lay every reviewer's molecules out in the order of the round, and behind them those that come again."""
    people = sorted(reviewers, key=lambda user: user.pk)
    seen_by = calibration.dealt(len(items), len(people), each, seed=this.pk)
    for at, user in enumerate(people):
        mine = [item for item, who in zip(items, seen_by, strict=True) if at in who]
        if not mine:
            continue  # more reviewers than there are votes to give
        assignment = Assignment.objects.create(round=this, user=user)
        second = calibration.repeated(range(len(mine)), repeats, seed=this.pk * 1_000 + at)
        laid = [(item, False) for item in mine] + [(mine[i], True) for i in second]
        Showing.objects.bulk_create(
            Showing(assignment=assignment, item=item, place=place, again=again)
            for place, (item, again) in enumerate(laid, start=1)
        )


def _check_reviewers(campaign: Campaign, reviewers: Sequence[User]) -> None:
    if not reviewers:
        raise ReviewRefused("Choose at least one reviewer.")
    able = Membership.objects.filter(team=campaign.team, user__in=reviewers).exclude(role=Membership.Role.VIEWER)
    if able.count() != len({user.pk for user in reviewers}):
        raise ReviewRefused("Reviewers must belong to the team, and not as viewers.")


@transaction.atomic
def cast_vote(
    *,
    actor: User,
    round_pk: int,
    item_pk: int,
    value: int,
    reasons: Sequence[str] | None = (),
    comment: str | None = "",
    marks: Sequence[int] | None = (),
    again: bool = False,
) -> Vote:
    """Vote on one molecule, or change one's vote; reasons, comment and marks that are None stay as they were.

    `marks` are atoms, by their indices in the candidate's SMILES. `again` is the vote on a repeat.
    """
    this, assignment = _mine(actor, round_pk)
    item = _asked(assignment, item_pk, again)
    given: dict[str, object] = {"value": value}
    if value not in Vote.Value.values:
        raise ReviewRefused("Choose one of the five answers.")
    if reasons is not None:
        given["reasons"] = [tag for tag in EVERY_REASON if tag in reasons]
    if comment is not None:
        if len(comment) > LONGEST_COMMENT:
            raise ReviewRefused(f"The comment has {len(comment):,} characters; at most {LONGEST_COMMENT:,} are kept.")
        given["comment"] = comment.strip()
    if marks is not None:
        given["marks"] = _marks(item.candidate, marks)
    vote, _ = Vote.objects.update_or_create(item=item, user=actor, again=again, defaults=given)
    remarks.tell(by=actor, team=this.campaign.team, said=vote, text=vote.comment)
    _settle(assignment)
    # What the vote was stays out of the record: it must not be read there before others have voted.
    _record(actor, this, "voted", item=item.position, **({"again": True} if again else {}))
    return vote


def _asked(assignment: Assignment, item_pk: int, again: bool) -> ReviewItem:
    """The item, when this reviewer was asked about it, and for a repeat has voted on it before."""
    found = (
        assignment.showings.filter(item=item_pk, again=again).select_related("item__candidate__run__campaign").first()
    )
    if found is None:
        inside = ReviewItem.objects.filter(round=assignment.round, pk=item_pk).exists()
        raise ReviewRefused(
            "This molecule was given to other reviewers." if inside else "This molecule is not part of the round."
        )
    if again and not Vote.objects.filter(item=item_pk, user=assignment.user, again=False).exists():
        raise ReviewRefused("This molecule comes a second time only after you have judged it once.")
    return found.item


def _marks(candidate: Candidate, marks: Sequence[int]) -> list[int]:
    chosen = sorted(set(marks))
    if chosen and not 0 <= chosen[0] <= chosen[-1] < len(designs_of(candidate.run.kind).atoms(candidate.smiles)):
        raise ReviewRefused("A mark lies beside the molecule; load the page again and mark the atoms once more.")
    return chosen


@transaction.atomic
def undo_vote(*, actor: User, round_pk: int) -> Showing:
    """Take one's newest vote back; the molecule waits again, at the place that is returned."""
    this, assignment = _mine(actor, round_pk)
    vote = Vote.objects.filter(item__round=this, user=actor).select_related("item").order_by("-at", "-id").first()
    if vote is None:
        raise ReviewRefused("There is no vote to take back.")
    showing = assignment.showings.select_related("item").get(item=vote.item, again=vote.again)
    vote.delete()
    _settle(assignment)
    _record(actor, this, "took back vote", item=showing.item.position)
    return showing


def _settle(assignment: Assignment) -> None:
    """Finished when everything that was shown has a vote, open again when one was taken back."""
    given = Vote.objects.filter(item=OuterRef("item"), user=assignment.user_id, again=OuterRef("again"))
    left = assignment.showings.filter(~Exists(given)).exists()
    if left == (assignment.finished_at is not None):
        assignment.finished_at = None if left else timezone.now()
        assignment.save(update_fields=["finished_at"])


@transaction.atomic
def decide(*, actor: User, round_pk: int, items: Sequence[int], decision: str) -> int:
    """Make, hold back or drop some molecules of a round; returns how many."""
    this = _open_round(round_pk)
    _may_design(actor, this.campaign)
    if decision not in ReviewItem.Decision.values:
        raise ReviewRefused("Choose make, hold back or drop.")
    rows = ReviewItem.objects.filter(round=this, pk__in=items)
    positions = list(rows.values_list("position", flat=True))
    if not positions:
        raise ReviewRefused("No molecule of this round was named.")
    rows.update(decision=decision)
    _record(actor, this, "decided", items=positions, decision=decision)
    return len(positions)


@transaction.atomic
def freeze(*, actor: User, round_pk: int) -> ReviewRound:
    """Close a round for good, under a digest of everything in it."""
    this = _open_round(round_pk)
    _may_design(actor, this.campaign)
    this.frozen_at, this.frozen_by = timezone.now(), actor
    this.digest = digest(this)
    this.save(update_fields=["frozen_at", "frozen_by", "digest"])
    _record(actor, this, "froze review", digest=this.digest)
    return this


def digest(this: ReviewRound) -> str:
    """SHA-256 of the round's whole content: question, molecules, votes, decisions, who froze it and when."""
    items = this.items.select_related("candidate__run").prefetch_related("votes__user", "remarks__user")
    content = {
        "title": this.title,
        "question": this.question,
        "blinded": this.blinded,
        "frozen_by": this.frozen_by.username if this.frozen_by else "",
        "frozen_at": this.frozen_at.isoformat() if this.frozen_at else "",
        "reviewers": sorted(this.assignments.values_list("user__username", flat=True)),
        "items": [_content(item) for item in items.order_by("position")],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(item: ReviewItem) -> dict:
    """What the digest says of one item; what was never used in a round has no part in it, as in earlier versions."""
    first, second = ([v for v in item.votes.all() if v.again is again] for again in (False, True))
    candidate: Candidate = item.candidate
    named = {"id": candidate.label, "smiles": candidate.smiles, "log_reward": candidate.log_reward}
    told = {**named, "position": item.position, "decision": item.decision}
    told["votes"] = sorted((v.user.username, v.value, v.reasons, v.comment) for v in first)
    more = {
        "repeats": sorted((v.user.username, v.value, v.reasons, v.comment) for v in second),
        "marks": sorted((v.user.username, v.again, v.marks) for v in [*first, *second] if v.marks),
        "remarks": [(one.user.username, one.at.isoformat(), one.text) for one in item.remarks.all()],
    }
    return told | {name: value for name, value in more.items() if value}


def _open_round(pk: int) -> ReviewRound:
    """The round, locked against other changes. Raises ReviewRefused when it is frozen."""
    this = ReviewRound.objects.select_for_update(of=("self",)).select_related("campaign__team").get(pk=pk)
    if this.frozen_at is not None:
        raise ReviewRefused(f"“{this.title}” is frozen since {this.frozen_at:%d %b %Y}; nothing in it can change.")
    return this


def _mine(actor: User, round_pk: int) -> tuple[ReviewRound, Assignment]:
    this = _open_round(round_pk)
    assignment = Assignment.objects.filter(round=this, user=actor).select_related("round").first()
    if assignment is None:
        raise ReviewRefused("Only the reviewers of this round can vote in it.")
    return this, assignment


def _may_design(actor: User, campaign: Campaign) -> None:
    if not Campaign.objects.changeable_by(actor).filter(pk=campaign.pk).exists():
        raise ReviewRefused("Only owners and designers of the team can send, decide and freeze.")


def _record(actor: User, this: ReviewRound, verb: str, **details) -> None:
    record(team=this.campaign.team, user=actor, verb=verb, subject=this.title, round=this.pk, **details)
