"""Changes to what a team picked: onto the shortlist and off it."""

from django.db import transaction

from designlab.accounts.models import Membership, User
from designlab.candidates.models import Candidate
from designlab.choosing.models import Shortlisted
from designlab.common.models import record


class ChoiceRefused(Exception):
    """A pick is not possible; the message says why and what to do."""


@transaction.atomic
def shortlist(*, actor: User, candidate: Candidate) -> Shortlisted:
    """Put a candidate on the shortlist of its campaign; one that stands there already stays whose it is."""
    _may_pick(actor, candidate)
    entry, made = Shortlisted.objects.get_or_create(candidate=candidate, defaults={"added_by": actor})
    if made:
        _record(actor, candidate, "shortlisted")
    return entry


@transaction.atomic
def take_off(*, actor: User, candidate: Candidate) -> bool:
    """Take a candidate off the shortlist. False when it did not stand there."""
    _may_pick(actor, candidate)
    deleted, _ = Shortlisted.objects.filter(candidate=candidate).delete()
    if deleted:
        _record(actor, candidate, "took off shortlist")
    return bool(deleted)


def _may_pick(actor: User, candidate: Candidate) -> None:
    mine = Membership.objects.filter(team=candidate.run.campaign.team_id, user=actor)
    if not mine.exclude(role=Membership.Role.VIEWER).exists():
        raise ChoiceRefused("Viewers look on; only owners, designers and reviewers change the shortlist.")


def _record(actor: User, candidate: Candidate, verb: str) -> None:
    campaign = candidate.run.campaign
    record(team=campaign.team, user=actor, verb=verb, subject=campaign.name, candidate=candidate.label)
