"""Who asks, in which team, and what they may do."""

from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from ninja.security import HttpBearer

from designlab.accounts.selectors import may_design
from designlab.api import tokens
from designlab.api.models import Token
from designlab.api.problems import Problem

SAFE = {"GET", "HEAD", "OPTIONS"}
Row = TypeVar("Row", bound=Model)
REFUSALS = frozenset({400, 401, 403, 404, 409, 422})


class TokenAuth(HttpBearer):
    """A token in the Authorization header; the request then acts for its person, in its team."""

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        """The good token with this secret, whose person the request then has; None lets nobody in."""
        found = tokens.find(token)
        if found is None:
            return None
        if request.method not in SAFE and found.scope != Token.Scope.FULL:
            raise PermissionDenied(f"The token “{found}” reads only; make one that also changes.")
        request.user, request.team = found.user, found.team
        return found


def answers(kind: Any, status: int = 200) -> dict[Any, Any]:
    """What an operation may answer: its own kind, and the refusals."""
    return {status: kind, REFUSALS: Problem}


def mine(request: HttpRequest, rows: type[Row]) -> QuerySet[Row]:
    """Rows of the token's team that its person may see."""
    return rows.objects.visible_to(request.user).filter(**{rows.team_path: request.team})


def one_of(rows: QuerySet[Row], pk: int) -> Row:
    """The row with this id; otherwise it is not found."""
    found = rows.filter(pk=pk).first() if 0 <= pk < 2**63 else None
    if found is None:
        raise Http404
    return found


def designers_only(request: HttpRequest) -> None:
    """Refuse whoever may not set up and steer campaigns in the team."""
    if not may_design(request.user, request.team):
        raise PermissionDenied("Only owners and designers of the team can do this; ask one of them.")
