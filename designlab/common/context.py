"""What the frame of every page shows."""

from django.http import HttpRequest

import designlab.version
from designlab.accounts import selectors as accounts


def frame(request: HttpRequest) -> dict:
    """The team switch, the number of reviews waiting for me, and the line under the bar when something is down."""
    shown = {"version": designlab.version.VERSION}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.headers.get("HX-Request"):
        return shown
    from designlab.candidates import selectors as candidates
    from designlab.candidates.remarks import waiting_mentions
    from designlab.operations import selectors as operations

    return shown | {
        "team": request.team,
        "teams": list(user.teams.order_by("name")),
        "role": accounts.role_of(user, request.team),
        "may_design": accounts.may_design(user, request.team),
        "reviews_due": candidates.n_reviews_waiting(user) + len(waiting_mentions(user)),
        "notice": operations.notice(),
    }
