"""What every answer carries, and what every request knows."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from designlab.common import logs, traffic

log = logging.getLogger("designlab.request")
QUIET = frozenset({"healthz", "readyz", "metrics"})  # asked every few seconds by machines

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


def observed(get_response: Answer) -> Answer:
    """Give every request an id, in its answer and in every line written meanwhile; count and time it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.request_id = logs.request_id(request.headers.get("X-Request-ID", ""))
        began = time.monotonic()
        with logs.telling(request=request.request_id):
            response = get_response(request)
            seconds = time.monotonic() - began
            match = request.resolver_match
            view = (match.view_name if match else None) or traffic.UNKNOWN
            traffic.count(request.method, view, response.status_code, seconds)
            figures = {"view": view, "status": response.status_code, "ms": round(1000 * seconds, 1)}
            log.log(
                logging.DEBUG if view in QUIET else logging.INFO,
                "%s %s %s in %s ms", traffic.method_of(request.method), view, response.status_code, figures["ms"],
                extra={"figures": figures},
            )  # fmt: skip
        response["X-Request-ID"] = request.request_id
        return response

    return middleware


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
