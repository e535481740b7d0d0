"""Changes to what a team picked: onto the shortlist and off it, and lists to make."""

from django.db import transaction
from django.db.models import Max

from designlab.accounts.models import Membership, User
from designlab.accounts.selectors import may_design
from designlab.campaigns.models import Run
from designlab.candidates.filters import Filter
from designlab.candidates.models import Candidate
from designlab.choosing.making import CannotChoose, Settings, choose
from designlab.choosing.models import MakeList, Pick, Shortlisted
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


def make_list(*, actor: User, run: Run, shown: Filter, settings: Settings) -> MakeList:
    """Choose a list to make from what a filter shows, and keep it with the reasons.

    Raises ChoiceRefused when nothing can be chosen, NotReady while a search by structure is being prepared.
    """
    if not may_design(actor, run.campaign.team):
        raise ChoiceRefused("Only owners and designers of the team choose a list to make.")
    try:
        chosen = choose(run, shown, settings)
    except CannotChoose as problem:
        raise ChoiceRefused(str(problem)) from problem
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)  # two lists made at once get two numbers
        number = (run.make_lists.aggregate(last=Max("number"))["last"] or 0) + 1
        made = MakeList.objects.create(
            run=run, number=number, limits=settings.to_dict(), query=shown.query(), words=shown.words(),
            n_list=chosen.n_list, n_pool=chosen.n_pool, shortfalls=chosen.shortfalls, created_by=actor,
        )  # fmt: skip
        rows = zip(chosen.candidates, chosen.why, chosen.for_quota, strict=True)
        Pick.objects.bulk_create([
            Pick(make_list=made, candidate=one, position=i, why=why, for_quota=quota)
            for i, (one, why, quota) in enumerate(rows, start=1)
        ])  # fmt: skip
        record(team=run.campaign.team, user=actor, verb="chose make-list", subject=run.campaign.name,
               run=run.number, number=number, n=len(chosen.candidates))  # fmt: skip
    return made
