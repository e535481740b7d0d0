"""Signs of life for whoever runs the installation."""

import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from designlab.operations import metrics as figures
from designlab.operations import readiness

PLAIN = "text/plain; charset=utf-8"


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """The web process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether work can be taken: the database, Redis and at least one worker; else 503 and what is missing."""
    missing = readiness.missing()
    return HttpResponse("\n".join(missing or ["ready"]) + "\n", content_type=PLAIN, status=503 if missing else 200)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, for whoever holds the token; without a token in the settings there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secrets.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        answer = HttpResponse("Send the metrics token: Authorization: Bearer TOKEN.\n", content_type=PLAIN, status=401)
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse(figures.exposition(), content_type=figures.CONTENT_TYPE)
