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


@transaction.atomic
def add_member(*, actor: User, team: Team, username: str, role: str) -> Added:
    """Add a person by name, making the account when there is none. Only an owner may."""
    username = username.strip()
    if role_of(actor, team) != Membership.Role.OWNER:
        raise MemberRefused("Only an owner of the team can add people.")
    if role not in ROLES:
        raise MemberRefused(f"The role must be one of {', '.join(ROLES)}.")
    password = ""
    user = User.objects.filter(username=username).first()
    if user is None:
        password = secrets.token_urlsafe(12)
        user = User(username=username)
        user.set_password(password)
        try:
            user.full_clean()
        except ValidationError as problem:
            raise MemberRefused(
                f"Name: {' '.join(problem.message_dict.get('username', ['is not usable.']))}"
            ) from problem
        user.save()
    membership, fresh = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if not fresh:
        raise MemberRefused(f"{username} is already {membership.role} in {team}.")
    record(team=team, user=actor, verb="added member", subject=username, role=role)
    return Added(user, role, password)
