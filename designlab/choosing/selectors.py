"""What a person may see of what the team picked."""

from collections.abc import Iterator

from django.db.models import Count
from django.http import Http404

from designlab.accounts.models import Membership, Team, User
from designlab.accounts.selectors import role_of
from designlab.campaigns.models import Campaign, Run
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import Objective, objectives_of
from designlab.candidates.selectors import Matches
from designlab.choosing.models import MakeList, Shortlisted


def may_pick(user: User, team: Team) -> bool:
    """Whether the user may change the team's shortlists."""
    return role_of(user, team) in set(Membership.Role.values) - {Membership.Role.VIEWER}


def campaign_for(user: User, pk: int) -> Campaign:
    """The campaign with this id when the user may see it; otherwise it is not found."""
    found = Campaign.objects.visible_to(user).select_related("team", "labelled").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def shortlist_of(campaign: Campaign) -> list[Shortlisted]:
    """The campaign's shortlist, the newest first, of all its runs. The campaign must come from `campaign_for`."""
    rows = Shortlisted.objects.filter(candidate__run__campaign=campaign)
    return list(rows.select_related("added_by", "candidate__run__campaign__labelled"))


class Named(Matches):
    """Candidates of any runs of a campaign in a given order, as the downloads take a list."""

    def __init__(self, campaign: Campaign, candidates: list[Candidate], told: dict[int, dict[str, object]]) -> None:
        super().__init__(campaign.runs.first(), [one.pk for one in candidates], told=told)
        self.candidates = candidates

    def rows(self, start: int = 0, stop: int | None = None) -> list[Candidate]:
        """The candidates from one place in the order to before another."""
        return self.candidates[start:stop]


def shortlist_file(entries: list[Shortlisted], campaign: Campaign) -> tuple[Named, list[Objective]]:
    """A shortlist as the downloads take it, and the objectives of all its runs, each name once."""
    told = {
        entry.candidate_id: {"added by": entry.added_by.username, "added at": entry.added_at.isoformat()}
        for entry in entries
    }
    candidates = [entry.candidate for entry in entries]
    return Named(campaign, candidates, told), list({one.name: one for one in _objectives(candidates)}.values())


def _objectives(candidates: list[Candidate]) -> Iterator[Objective]:
    runs = {candidate.run_id: candidate.run for candidate in candidates}
    for run in runs.values():
        yield from objectives_of(run)


def make_list_for(user: User, pk: int) -> MakeList:
    """The make-list with this id when the user may see it; otherwise it is not found."""
    related = ("run__campaign__team", "run__campaign__labelled", "created_by")
    found = MakeList.objects.visible_to(user).select_related(*related).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def make_lists_of(run: Run) -> list[MakeList]:
    """The make-lists of a run, the newest first, each with its number of picks as `n`."""
    return list(run.make_lists.select_related("created_by").annotate(n=Count("picks")).order_by("-id"))
