"""Who the token acts for, and what happened in the team."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from designlab.accounts.selectors import role_of
from designlab.api.access import answers
from designlab.api.paging import Cursor, Limit, Page, page_of
from designlab.candidates.review_selectors import team_history
from designlab.version import VERSION

router = Router(tags=["team"])


class Me(Schema):
    """The person, the team and the rights of this token, and the version that answers."""

    user: str
    team: str
    role: str
    token: str
    scope: str
    expires_at: datetime
    version: str


class Event(Schema):
    """One change, as the activity of the team tells it."""

    id: int
    at: datetime
    user: str
    verb: str
    subject: str


@router.get("/me", response=answers(Me))
def who_am_i(request: HttpRequest) -> Any:
    """Who this token acts for."""
    token = request.auth
    return {
        "user": request.user.get_username(), "team": request.team.name, "role": role_of(request.user, request.team),
        "token": token.name, "scope": token.scope, "expires_at": token.expires_at, "version": VERSION,
    }  # fmt: skip


@router.get("/events", response=answers(Page[Event]))
def list_events(request: HttpRequest, cursor: Cursor = "", limit: Limit = 50) -> Any:
    """What happened in the team, newest first."""
    return page_of(team_history(request.user, request.team), _told, cursor, limit)


def _told(event: Any) -> dict[str, Any]:
    by = event.user.get_username() if event.user else ""
    return {"id": event.pk, "at": event.at, "user": by, "verb": event.verb, "subject": event.subject}
