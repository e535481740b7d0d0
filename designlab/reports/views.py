"""Downloads of reports."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from designlab.reports import selectors
from designlab.reports.document import Document
from designlab.reports.html import html
from designlab.reports.pdf import pdf

WRITERS: dict[str, tuple[str, Callable[[Document], bytes]]] = {
    "html": ("text/html; charset=utf-8", html),
    "pdf": ("application/pdf", pdf),
}
# Opened from the disk or here, the file needs nothing but itself.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


@require_safe
def review(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The report of a review."""
    try:
        document = selectors.review_report(request.user, pk)
    except selectors.NotYet as refusal:
        messages.error(request, str(refusal))
        return redirect("candidates:review", pk)
    return _file(document, kind)


@require_safe
def campaign(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The report of a campaign."""
    return _file(selectors.campaign_report(request.user, pk), kind)


def _file(document: Document, kind: str) -> HttpResponse:
    content_type, write = WRITERS[kind]
    answer = HttpResponse(write(document), content_type=content_type)
    name = slugify(document.title)[:60] or "report"
    answer["Content-Disposition"] = f'attachment; filename="{name}-report.{kind}"'
    answer["Content-Security-Policy"] = POLICY
    return answer
