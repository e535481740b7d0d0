"""Words beside votes: remarks on a molecule of a round, and the colleagues whom they call by @name."""

import re
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from designlab.accounts.models import Membership, Team, User
from designlab.candidates.blinding import Sight, sight
from designlab.candidates.models import Mention, Remark, ReviewItem, ReviewRound, Vote
from designlab.candidates.refusals import ReviewRefused
from designlab.common.models import record

LONGEST = 2_000
NAME = re.compile(r"(?<![\w.+@-])@([\w.+@-]+)")


def called(text: str, team: Team) -> list[User]:
    """The members of a team who are called by @name in a text; a full stop behind a name is no part of it."""
    wanted = {form.casefold() for name in NAME.findall(text) for form in (name, name.rstrip(".+-"))}
    members = User.objects.filter(memberships__team=team).order_by("username") if wanted else ()
    return [user for user in members if user.username.casefold() in wanted]


def tell(*, by: User, team: Team, said: Vote | Remark, text: str) -> list[User]:
    """Bring the mentions of a vote or a remark in line with its words; returns who is called now."""
    people = [user for user in called(text, team) if user != by]
    where = {"vote": said} if isinstance(said, Vote) else {"remark": said}
    said.mentions.exclude(user__in=people).delete()
    for user in people:
        Mention.objects.get_or_create(user=user, item=said.item, **where)
    return people


@transaction.atomic
def say(*, actor: User, round_pk: int, item_pk: int, text: str) -> Remark:
    """Say something of a molecule of a round. Raises ReviewRefused."""
    this = ReviewRound.objects.visible_to(actor).select_related("campaign__team").filter(pk=round_pk).first()
    item = ReviewItem.objects.filter(round=this, pk=item_pk).first() if this else None
    if this is None or item is None:
        raise ReviewRefused("This molecule is not part of the round.")
    team = this.campaign.team
    if not Membership.objects.filter(team=team, user=actor).exclude(role=Membership.Role.VIEWER).exists():
        raise ReviewRefused("Viewers of the team read along; ask an owner for another role to say something.")
    if this.frozen_at is not None:
        raise ReviewRefused(f"“{this.title}” is frozen since {this.frozen_at:%d %b %Y}; nothing in it can change.")
    if not sight(actor, this).shows(item.pk):
        raise ReviewRefused("This round is blinded: say it in the comment of your vote.")
    words = text.strip()
    if not words:
        raise ReviewRefused("Nothing was written.")
    if len(words) > LONGEST:
        raise ReviewRefused(f"The remark has {len(words):,} characters; at most {LONGEST:,} are kept.")
    made = Remark.objects.create(item=item, user=actor, text=words)
    tell(by=actor, team=team, said=made, text=words)
    record(team=team, user=actor, verb="remarked", subject=this.title, round=this.pk, item=item.position)
    return made


def waiting_mentions(user: User) -> list[Mention]:
    """Where this person is called and has not looked yet; what a blinded round still hides is not among them."""
    related = ("item__round__campaign", "item__candidate__run", "vote__user", "remark__user")
    rows = Mention.objects.visible_to(user).filter(user=user, seen_at=None).select_related(*related)
    return list(_open(user, rows))


def _open(user: User, rows: Iterable[Mention]) -> Iterable[Mention]:
    sights: dict[int, Sight] = {}
    for one in rows:
        this = one.item.round
        seen = sights.setdefault(this.pk, sight(user, this))
        if seen.shows(one.item_id):
            yield one


@transaction.atomic
def mark_seen(*, actor: User, mention_pk: int) -> None:
    """Take a mention off its reader's list."""
    Mention.objects.visible_to(actor).filter(user=actor, pk=mention_pk, seen_at=None).update(seen_at=timezone.now())
