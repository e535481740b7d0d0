"""What a person may see of reviews. While a blinded round waits for somebody's votes, it hides from them the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from designlab.accounts.models import Membership, Team, User
from designlab.candidates.agreement import HIGH, MODERATE, Alpha, Reason, Reviewer, alpha_of, reasons_of, reviewers_of
from designlab.candidates.models import Assignment, Candidate, ReviewItem, ReviewRound, Vote

SECONDS_EACH = 12  # expected for one vote, before this person's own pace is known


def round_for(user: User, pk: int) -> ReviewRound:
    """The round with this id when the user may see it; otherwise it is not found."""
    related = ("campaign__team", "created_by", "frozen_by")
    found = ReviewRound.objects.visible_to(user).select_related(*related).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def rounds(user: User, team: Team | None) -> QuerySet[ReviewRound]:
    """Rounds of the team, newest first, with how many molecules they hold and how far this person is."""
    mine = Count("items", filter=Q(items__votes__user=user), distinct=True)
    rows = ReviewRound.objects.visible_to(user).filter(campaign__team=team).select_related("campaign", "created_by")
    return rows.annotate(n_items=Count("items", distinct=True), n_mine=mine).prefetch_related("assignments__user")


def waiting(user: User) -> list[Assignment]:
    """Open rounds of every team that wait for this person's votes, the most urgent first."""
    rows = Assignment.objects.filter(user=user, finished_at=None, round__frozen_at=None)
    seen = rows.filter(round__in=ReviewRound.objects.visible_to(user)).select_related("round__campaign__team")
    counted = seen.annotate(
        n_items=Count("round__items", distinct=True),
        n_mine=Count("round__items", filter=Q(round__items__votes__user=user), distinct=True),
    )
    return sorted(counted, key=lambda one: (one.round.due is None, one.round.due or one.round.created_at.date()))


def able_reviewers(team: Team) -> QuerySet[User]:
    """Everyone in the team who can be asked to vote."""
    roles = [role for role in Membership.Role.values if role != Membership.Role.VIEWER]
    return User.objects.filter(memberships__team=team, memberships__role__in=roles).order_by("username").distinct()


def may_decide(user: User, this: ReviewRound) -> bool:
    """Whether the user decides on the molecules of the round."""
    return ReviewRound.objects.changeable_by(user).filter(pk=this.pk).exists()


def hides_from(user: User, this: ReviewRound) -> bool:
    """Whether others' votes and all predictions of the round are still hidden from this person."""
    if not this.blinded or this.frozen_at is not None:
        return False
    return Assignment.objects.filter(round=this, user=user, finished_at=None).exists()


def items_of(user: User, candidate: Candidate) -> list[ReviewItem]:
    """The rounds a candidate is in, with the votes that this person may see already."""
    rows = candidate.review_items.select_related("round").prefetch_related("votes__user").order_by("-round_id")
    shown = []
    for item in rows:
        item.hidden = hides_from(user, item.round)
        item.shown_votes = [v for v in item.votes.all() if not item.hidden or v.user_id == user.pk]
        shown.append(item)
    return shown


@dataclass(frozen=True)
class Turn:
    """What a reviewer sees next."""

    round: ReviewRound
    item: ReviewItem | None  # None: all done
    n_done: int
    n_items: int
    own: Vote | None
    others: list[Vote]
    next_candidate: int | None
    shows_predictions: bool
    seconds_taken: float

    @property
    def position(self) -> int:
        """The molecule's place in the round, from 1."""
        return self.item.position if self.item else self.n_items

    @property
    def seconds_left(self) -> float:
        """Expected time for what is left, at this person's own pace once it is known."""
        each = self.seconds_taken / (self.n_done - 1) if self.n_done > 2 else SECONDS_EACH
        return min(max(each, 3), 90) * (self.n_items - self.n_done)


def turn(user: User, pk: int, wanted: str = "") -> Turn | None:
    """The molecule this reviewer judges now: the wanted position, else the first without a vote. None: not asked."""
    this = round_for(user, pk)
    if not this.assignments.filter(user=user).exists():
        return None
    items = list(this.items.select_related("candidate__run").order_by("position"))
    own = {vote.item_id: vote for vote in Vote.objects.filter(item__round=this, user=user)}
    open_items = [item for item in items if item.pk not in own]
    item = next((one for one in items if str(one.position) == wanted), None) or next(iter(open_items), None)
    after = [one for one in open_items if item and one.pk != item.pk]
    following = next((one for one in after if one.position > item.position), next(iter(after), None)) if item else None
    mine = own.get(item.pk) if item else None
    reveals = not this.blinded or mine is not None
    others = Vote.objects.filter(item=item).exclude(user=user).select_related("user") if item and reveals else []
    times = sorted(vote.at for vote in own.values())
    return Turn(
        round=this,
        item=item,
        n_done=len(own),
        n_items=len(items),
        own=mine,
        others=list(others),
        next_candidate=following.candidate_id if following else None,
        shows_predictions=reveals,
        seconds_taken=(times[-1] - times[0]).total_seconds() if times else 0.0,
    )


@dataclass(frozen=True)
class Judged:
    """One molecule with what was said of it."""

    item: ReviewItem
    votes: list[Vote]

    @property
    def mean(self) -> float | None:
        """Mean vote, from 1 to 5."""
        return fmean(vote.value for vote in self.votes) if self.votes else None

    @property
    def spread(self) -> str:
        """Lowest to highest vote."""
        values = [vote.value for vote in self.votes]
        return "" if not values else f"{min(values)}" if min(values) == max(values) else f"{min(values)}–{max(values)}"

    @property
    def column(self) -> str:
        """yes or no when every vote points the same way, else argued; waiting without a vote."""
        sides = {side(vote.value) for vote in self.votes}
        return "waiting" if not sides else sides.pop() if len(sides) == 1 and sides != {"unsure"} else "argued"


def side(value: int) -> str:
    """To which side a vote falls: 4 and 5 are yes, 1 and 2 are no."""
    return "yes" if value >= 4 else "no" if value <= 2 else "unsure"


@dataclass(frozen=True)
class Agreement:
    """How far the reviewers of a round agree: beyond chance, in plain pairs, each of them, and on each reason."""

    alpha: Alpha
    n_pairs: int
    n_agreed: int  # pairs of votes on one molecule that fall to the same side
    reviewers: list[Reviewer]
    reasons: list[Reason]

    @property
    def words(self) -> str:
        """What the figure means for the decision."""
        if not self.n_pairs:
            return "No molecule has two votes yet, so nothing can be said of agreement."
        if self.alpha.value is None:
            return "All votes are the same, so agreement cannot be told from habit."
        # High only where the interval does not reach down to what should be talked about: few votes say little.
        if self.alpha.value >= HIGH and (self.alpha.low or 0) >= MODERATE:
            return "high: the votes can be taken as they are."
        if self.alpha.value >= MODERATE:
            return "moderate: treat single votes with care."
        return "low: talk before you decide."


def agreement(judged: Sequence[Judged]) -> Agreement:
    """Over all molecules with two votes or more; yes, unsure and no are the sides."""
    pairs = [side(a.value) == side(b.value) for one in judged for a, b in combinations(one.votes, 2)]
    votes = [{vote.user.username: vote.value for vote in one.votes} for one in judged]
    reasons = [{vote.user.username: vote.reasons for vote in one.votes} for one in judged]
    return Agreement(alpha_of(votes), len(pairs), sum(pairs), reviewers_of(votes), reasons_of(reasons))


def judged(this: ReviewRound) -> list[Judged]:
    """All molecules of a round with their votes, in the order of the round."""
    items = this.items.select_related("candidate__run").prefetch_related("votes__user").order_by("position")
    return [Judged(item, sorted(item.votes.all(), key=lambda vote: vote.user.username)) for item in items]
