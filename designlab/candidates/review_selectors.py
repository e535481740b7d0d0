"""What a person may see of reviews. While a blinded round waits for somebody's votes, it hides from them the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from statistics import fmean, pstdev

from django.db.models import Count, Q, QuerySet, prefetch_related_objects
from django.http import Http404

from designlab.accounts.models import Membership, Team, User
from designlab.candidates.agreement import HIGH, MODERATE, Alpha, Reason, Reviewer, alpha_of, reasons_of, reviewers_of
from designlab.candidates.blinding import sight
from designlab.candidates.calibration import Steadiness, steadiness
from designlab.candidates.models import Assignment, Candidate, ReviewItem, ReviewRound, Showing, Vote
from designlab.common.models import AuditEvent

HISTORY = 200  # events of a round that are listed
SECONDS_EACH = 12  # expected for one vote, before this person's own pace is known


def round_for(user: User, pk: int) -> ReviewRound:
    """The round with this id when the user may see it; otherwise it is not found."""
    related = ("campaign__team", "created_by", "frozen_by")
    found = ReviewRound.objects.visible_to(user).select_related(*related).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def rounds(user: User, team: Team | None) -> QuerySet[ReviewRound]:
    """Rounds of the team, newest first, with how many molecules they hold."""
    rows = ReviewRound.objects.visible_to(user).filter(campaign__team=team).select_related("campaign", "created_by")
    return rows.annotate(n_items=Count("items", distinct=True)).prefetch_related("assignments__user")


def waiting(user: User) -> list[Assignment]:
    """Open rounds of every team that wait for this person's votes, the most urgent first."""
    rows = Assignment.objects.filter(user=user, finished_at=None, round__frozen_at=None)
    seen = rows.filter(round__in=ReviewRound.objects.visible_to(user)).select_related("round__campaign__team")
    counted = seen.annotate(
        n_items=Count("showings", distinct=True),
        n_mine=Count("round__items__votes", filter=Q(round__items__votes__user=user), distinct=True),
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
    """Whether anything of the round is still hidden from this person, so that its result is not shown."""
    return not sight(user, this).whole


def items_of(user: User, candidate: Candidate) -> list[ReviewItem]:
    """The rounds a candidate is in, with the votes and remarks that this person may see already."""
    rows = candidate.review_items.select_related("round").prefetch_related("votes__user", "remarks__user")
    shown = []
    for item in rows.order_by("-round_id"):
        item.hidden = not sight(user, item.round).shows(item.pk)
        first = [vote for vote in item.votes.all() if not vote.again]
        item.shown_votes = [vote for vote in first if not item.hidden or vote.user_id == user.pk]
        item.shown_remarks = [] if item.hidden else list(item.remarks.all())
        shown.append(item)
    return shown


@dataclass(frozen=True)
class Card:
    """One molecule before one reviewer: what they said of it, and what they may see of others."""

    showing: Showing
    own: Vote | None
    open: bool  # whether predictions and others' words are shown
    others: list[Vote]

    @property
    def item(self) -> ReviewItem:
        """The item that is shown."""
        return self.showing.item


@dataclass(frozen=True)
class Hand:
    """Everything that a round gives to one reviewer, in their order."""

    round: ReviewRound
    cards: list[Card]
    last_at: datetime | None
    first_at: datetime | None

    @property
    def n_items(self) -> int:
        """How many judgements are asked for, repeats included."""
        return len(self.cards)

    @property
    def n_done(self) -> int:
        """How many of them are given."""
        return sum(card.own is not None for card in self.cards)

    @property
    def waiting(self) -> list[Card]:
        """Those without a vote."""
        return [card for card in self.cards if card.own is None]

    @property
    def seconds_taken(self) -> float:
        """From the first to the last vote."""
        return (self.last_at - self.first_at).total_seconds() if self.last_at and self.first_at else 0.0

    @property
    def seconds_left(self) -> float:
        """Expected time for what is left, at this person's own pace once it is known."""
        each = self.seconds_taken / (self.n_done - 1) if self.n_done > 2 else SECONDS_EACH
        return min(max(each, 3), 90) * (self.n_items - self.n_done)

    @property
    def repeats(self) -> list[tuple[int, int]]:
        """First and second vote on every molecule that was judged twice."""
        first = {card.item.pk: card.own.value for card in self.cards if card.own and not card.showing.again}
        return [(first[card.item.pk], card.own.value) for card in self.cards if card.own and card.showing.again]

    @property
    def n_same_side(self) -> int:
        """On how many of those both votes fall to the same side."""
        return sum(side(a) == side(b) for a, b in self.repeats)

    @property
    def sheet(self) -> list[Card]:
        """What a grid may show at once: first looks, and only when all are judged the repeats without them."""
        first = [card for card in self.cards if not card.showing.again]
        second = [card for card in self.cards if card.showing.again]
        return second if second and all(card.own for card in first) and not all(card.own for card in second) else first


def hand(user: User, pk: int) -> Hand | None:
    """What this reviewer judges in a round; None when they were not asked."""
    this = round_for(user, pk)
    mine = Assignment.objects.filter(round=this, user=user).first()
    if mine is None:
        return None
    rows = mine.showings.select_related("item").order_by("place")  # candidates are read for the cards that are shown
    votes = list(Vote.objects.filter(item__round=this, user=user).prefetch_related("mentions__user"))
    own = {(vote.item_id, vote.again): vote for vote in votes}
    others: dict[int, list[Vote]] = {}
    theirs = Vote.objects.filter(item__round=this, again=False).exclude(user=user).select_related("user")
    for vote in theirs.order_by("user__username"):
        others.setdefault(vote.item_id, []).append(vote)
    seen = sight(user, this)
    cards = []
    for showing in rows:
        is_open = seen.shows(showing.item_id)
        said = others.get(showing.item_id, []) if is_open else []
        cards.append(Card(showing, own.get((showing.item_id, showing.again)), is_open, said))
    times = sorted(vote.at for vote in votes)
    return Hand(this, cards, times[-1] if times else None, times[0] if times else None)


def with_candidates(cards: Sequence[Card]) -> list[Card]:
    """The same cards, their candidates and runs read at once."""
    prefetch_related_objects([card.item for card in cards], "candidate__run__campaign")
    return list(cards)


@dataclass(frozen=True)
class Turn:
    """What a reviewer sees next."""

    hand: Hand
    card: Card | None  # None: all done
    next_candidate: int | None

    @property
    def round(self) -> ReviewRound:
        """The round of all of it."""
        return self.hand.round

    @property
    def position(self) -> int:
        """The molecule's place among what this reviewer sees, from 1."""
        return self.card.showing.place if self.card else self.hand.n_items


def turn(user: User, pk: int, wanted: str = "") -> Turn | None:
    """The molecule this reviewer judges now: the wanted place, else the first without a vote. None: not asked."""
    mine = hand(user, pk)
    if mine is None:
        return None
    waiting = mine.waiting
    card = next((one for one in mine.cards if str(one.showing.place) == wanted), None) or next(iter(waiting), None)
    after = [one for one in waiting if card and one is not card]
    following = (
        next((one for one in after if one.showing.place > card.showing.place), next(iter(after), None))
        if card
        else None
    )
    return Turn(mine, card, following.item.candidate_id if following else None)


@dataclass(frozen=True)
class Judged:
    """One molecule with what was said of it."""

    item: ReviewItem
    votes: list[Vote]
    again: list[Vote] = field(default_factory=list)  # on repeats; they say how steady a reviewer is, and no more

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
    def deviation(self) -> float:
        """How far the votes lie apart: their standard deviation, 0 for one vote."""
        return pstdev(vote.value for vote in self.votes) if self.votes else 0.0

    @property
    def marks(self) -> list[int]:
        """Atoms that anybody marked, by their indices in the SMILES."""
        return sorted({atom for vote in self.votes for atom in vote.marks})

    @property
    def rank(self) -> tuple:
        """Where it stands in its list: the surest first among agreed ones, the most argued first among those."""
        if self.column == "argued":
            return (-self.deviation, -len(self.votes), self.item.position)
        return (-len(self.votes), -abs((self.mean or 3) - 3), self.deviation, self.item.position)

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
    steady: list[Steadiness]

    @property
    def n_steady(self) -> tuple[int, int]:
        """On how many repeats a reviewer's second vote fell to the side of the first, of how many."""
        return sum(one.n_side for one in self.steady), sum(one.n for one in self.steady)

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
    return Agreement(
        alpha_of(votes), len(pairs), sum(pairs), reviewers_of(votes), reasons_of(reasons), steady_of(judged)
    )


def steady_of(judged: Sequence[Judged]) -> list[Steadiness]:
    """How the second votes of each reviewer compare with their first ones."""
    pairs: dict[str, list[tuple[int, int]]] = {}
    for one in judged:
        first = {vote.user.username: vote.value for vote in one.votes}
        for vote in one.again:
            if vote.user.username in first:
                pairs.setdefault(vote.user.username, []).append((first[vote.user.username], vote.value))
    return steadiness(pairs, side)


def judged(this: ReviewRound) -> list[Judged]:
    """All molecules of a round with their votes, in the order of the round."""
    items = this.items.select_related("candidate__run").prefetch_related("votes__user", "remarks__user")
    found = []
    for item in items.order_by("position"):
        votes = sorted(item.votes.all(), key=lambda vote: vote.user.username)
        found.append(Judged(item, [v for v in votes if not v.again], [v for v in votes if v.again]))
    return found


def history(user: User, this: ReviewRound) -> list[AuditEvent]:
    """Who did what in the round, newest first; others' votes only once they are shown to this person."""
    rows = AuditEvent.objects.filter(team=this.campaign.team, details__round=this.pk).select_related("user")
    if hides_from(user, this):
        rows = rows.filter(_tells_nothing(user))
    return list(rows[:HISTORY])


def _tells_nothing(user: User) -> Q:
    """Events of a blinded round that may be shown while it is closed to this person."""
    return Q(user=user) | Q(verb__in=("sent to review", "froze review"))


def team_history(user: User, team: Team) -> QuerySet[AuditEvent]:
    """Who did what in the team; of blinded rounds only what is shown to this person."""
    closed = ReviewRound.objects.visible_to(user).filter(campaign__team=team, blinded=True, frozen_at=None)
    hidden = [this.pk for this in closed.select_related("campaign") if hides_from(user, this)]
    rows = AuditEvent.objects.filter(team=team, team__memberships__user=user).select_related("user")
    return rows.filter(_tells_nothing(user) | ~Q(details__round__in=hidden)) if hidden else rows
