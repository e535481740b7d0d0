"""Changes to people and teams."""

import secrets
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from designlab.accounts.models import Membership, Team, User
from designlab.accounts.selectors import role_of
from designlab.common.models import record

ROLES = Membership.Role.values


class MemberRefused(Exception):
    """A person cannot be added; the message says why."""


@dataclass(frozen=True)
class Added:
    """Who was added, as what, and a new person's first password."""

    user: User
    role: str
    password: str


@transaction.atomic
def create_team(*, name: str, owner: User) -> Team:
    """A new team with its first owner."""
    team = Team.objects.create(name=name)
    Membership.objects.create(team=team, user=owner, role=Membership.Role.OWNER)
    record(team=team, user=owner, verb="created team", subject=name)
    return team


def ensure_person(username: str) -> tuple[User, str]:
    """The person of this name and, when the account had to be made, its first password. Raises MemberRefused."""
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user, ""
    password = secrets.token_urlsafe(12)
    user = User(username=username)
    user.set_password(password)
    try:
        user.full_clean()
    except ValidationError as problem:
        raise MemberRefused(f"Name: {' '.join(problem.message_dict.get('username', ['is not usable.']))}") from problem
    user.save()
    return user, password


@transaction.atomic
def add_member(*, actor: User, team: Team, username: str, role: str) -> Added:
    """Add a person by name, making the account when there is none. Only an owner may."""
    username = username.strip()
    if role_of(actor, team) != Membership.Role.OWNER:
        raise MemberRefused("Only an owner of the team can add people.")
    if role not in ROLES:
        raise MemberRefused(f"The role must be one of {', '.join(ROLES)}.")
    user, password = ensure_person(username)
    membership, fresh = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if not fresh:
        raise MemberRefused(f"{username} is already {membership.role} in {team}.")
    record(team=team, user=actor, verb="added member", subject=username, role=role)
    return Added(user, role, password)


@transaction.atomic
def set_role(*, actor: User, membership: Membership, role: str) -> None:
    """Give a colleague another role. Only an owner may, and a team keeps at least one owner."""
    row = _steered(actor, membership, "Only an owner of the team can change roles.")
    if role not in ROLES:
        raise MemberRefused(f"The role must be one of {', '.join(ROLES)}.")
    if role == row.role:
        return
    _keep_an_owner(row)
    before, row.role = row.role, role
    row.save(update_fields=["role"])
    record(team=row.team, user=actor, verb="changed role", subject=row.user.username, before=before, role=role)


@transaction.atomic
def remove_member(*, actor: User, membership: Membership) -> None:
    """Take a person out of the team; an owner may, and everybody may leave. The account and what they did stay."""
    row = _steered(actor, membership, "Only an owner of the team can take people out of it.", oneself=True)
    _keep_an_owner(row)
    row.delete()
    record(team=row.team, user=actor, verb="removed member", subject=row.user.username, role=row.role)


def _steered(actor: User, membership: Membership, refusal: str, *, oneself: bool = False) -> Membership:
    """The membership, locked with all of its team, when the actor may change it."""
    rows = {row.pk: row for row in Membership.objects.select_for_update().filter(team=membership.team_id)}
    may = role_of(actor, membership.team) == Membership.Role.OWNER or (oneself and membership.user_id == actor.pk)
    if not may or membership.pk not in rows:
        raise MemberRefused(refusal)
    return rows[membership.pk]


def _keep_an_owner(row: Membership) -> None:
    others = Membership.objects.filter(team=row.team_id, role=Membership.Role.OWNER).exclude(pk=row.pk)
    if row.role == Membership.Role.OWNER and not others.exists():
        raise MemberRefused(f"{row.user.username} is the only owner; make somebody else an owner first.")
