"""What a blinded round hides from whom. Every page, file and line of activity asks here.

Two reviewers' votes are shown to each other only when both have voted. To whom a molecule was not given it opens when
they have ended their own part; while a repeat of it is still to come it stays hidden, or the repeat would measure
nothing. Whoever is no reviewer of the round sees it all, and a frozen round is open to the team.
"""

from dataclasses import dataclass, field

from designlab.accounts.models import User
from designlab.candidates.models import Assignment, ReviewRound, Vote


@dataclass(frozen=True)
class Sight:
    """Which molecules of a round are open to a person: their predictions, and what others said of them."""

    whole: bool
    items: frozenset[int] = field(default_factory=frozenset)

    def shows(self, item_pk: int) -> bool:
        """Whether the predictions of this one and the words of others are open."""
        return self.whole or item_pk in self.items


WHOLE = Sight(whole=True)


def sight(user: User, this: ReviewRound) -> Sight:
    """What this person may see of the round by now."""
    if not this.blinded or this.frozen_at is not None:
        return WHOLE
    mine = Assignment.objects.filter(round=this, user=user).first()
    if mine is None or mine.finished_at is not None:
        return WHOLE
    voted = set(Vote.objects.filter(item__round=this, user=user).values_list("item_id", "again"))
    given = list(mine.showings.values_list("item_id", "again"))
    waiting = {item for item, again in given if (item, again) not in voted}
    return Sight(whole=False, items=frozenset(item for item, _ in given) - waiting)
