"""What a person may see of people and teams."""

from django.http import Http404

from designlab.accounts.models import Membership, Team, User


def current_team(user, chosen: int | None) -> Team | None:
    """The team a signed-in person works in: the chosen one when they belong to it, else their first."""
    if not user.is_authenticated:
        return None
    teams = Team.objects.filter(memberships__user=user).order_by("name")
    return teams.filter(pk=chosen).first() or teams.first()


def role_of(user: User, team: Team | None) -> str:
    """The user's role in the team, or an empty text."""
    row = Membership.objects.filter(user=user, team=team).values_list("role", flat=True).first()
    return row or ""


def may_design(user: User, team: Team | None) -> bool:
    """Whether the user may upload data and set up and steer campaigns in the team."""
    return role_of(user, team) in {Membership.Role.OWNER, Membership.Role.DESIGNER}


def colleagues(team: Team):
    """Everyone in the team, owners first, then by name."""
    return Membership.objects.filter(team=team).select_related("user").order_by("role", "user__username")


def membership_for(user: User, pk: int) -> Membership:
    """The membership with this id when the user belongs to its team; otherwise it is not found."""
    rows = Membership.objects.select_related("user", "team").filter(team__memberships__user=user)
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def team_for(user: User, pk: int) -> Team:
    """The team with this id when the user belongs to it; otherwise it is not found."""
    team = Team.objects.filter(pk=pk, memberships__user=user).first()
    if team is None:
        raise Http404
    return team
