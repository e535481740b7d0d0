"""Tokens: made on the team page, shown once, looked up by digest, revoked by whoever made them."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from designlab.accounts.models import Membership, Team, User
from designlab.api.models import Token
from designlab.common.models import record

PREFIX = "dlab_"
MOST_DAYS = 366
SEEN_AGAIN = timedelta(minutes=1)  # the last use is written at most this often


class TokenRefused(Exception):
    """A token cannot be made or revoked; the message says why."""


@dataclass(frozen=True)
class Made:
    """A new token, and its secret, which is kept nowhere."""

    token: Token
    secret: str


@transaction.atomic
def create_token(*, actor: User, team: Team, name: str, scope: str, days: int) -> Made:
    """A token with the person's own rights in the team, or less. Raises TokenRefused."""
    name = name.strip()
    if not Membership.objects.filter(team=team, user=actor).exists():
        raise TokenRefused("Only members of the team can make a token for it.")
    if not name or len(name) > 80:
        raise TokenRefused("Give the token a name of 1 to 80 characters that says what will use it.")
    if scope not in Token.Scope.values:
        raise TokenRefused("A token either reads only, or reads and changes.")
    if not 1 <= days <= MOST_DAYS:
        raise TokenRefused(f"A token lasts 1 to {MOST_DAYS} days, not {days:,}.")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token.objects.create(
        user=actor, team=team, name=name, scope=scope, digest=digest(secret), ending=secret[-4:],
        expires_at=timezone.now() + timedelta(days=days),
    )  # fmt: skip
    record(team=team, user=actor, verb="made token", subject=name, token=token.pk, scope=scope, days=days)
    return Made(token, secret)


@transaction.atomic
def revoke_token(*, actor: User, token_id: int) -> None:
    """End a token now; its row stays. Raises TokenRefused for one that is not the person's own."""
    token = Token.objects.select_for_update(of=("self",)).filter(pk=token_id, user=actor).first()
    if token is None:
        raise TokenRefused("Only the person who made a token can revoke it.")
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        record(team=token.team, user=actor, verb="revoked token", subject=token.name, token=token.pk)


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so that a plain digest cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(secret: str) -> Token | None:
    """The good token with this secret, whose person still belongs to the team."""
    if not secret.startswith(PREFIX):
        return None
    token = Token.objects.select_related("user", "team").filter(digest=digest(secret)).first()
    if token is None or not token.is_good or not token.user.is_active:
        return None
    if not Membership.objects.filter(team=token.team, user=token.user).exists():
        return None
    now = timezone.now()
    if token.used_at is None or now - token.used_at > SEEN_AGAIN:
        Token.objects.filter(pk=token.pk).update(used_at=now)
    return token


def tokens_of(user: User, team: Team | None) -> list[Token]:
    """The person's own tokens for the team, newest first."""
    return list(Token.objects.visible_to(user).filter(team=team, user=user))
