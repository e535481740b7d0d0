"""What every answer carries, and what every request knows."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Plotly sets inline styles on the elements it draws, so styles may be inline; scripts may not.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
Answer = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: Answer) -> Answer:
    """Forbid every source but ourselves: no request leaves the machine, no inline script runs."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def current_team(get_response: Answer) -> Answer:
    """Set `request.team`: the one chosen in this session, else the person's first, else None."""
    from designlab.accounts import selectors

    def middleware(request: HttpRequest) -> HttpResponse:
        request.team = selectors.current_team(request.user, request.session.get("team"))
        return get_response(request)

    return middleware
