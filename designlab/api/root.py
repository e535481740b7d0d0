"""The interface as a whole: its routes, its refusals, and its description."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from ninja import NinjaAPI

from designlab.api import client, problems
from designlab.api.access import TokenAuth
from designlab.api.idempotency import once
from designlab.api.routes import campaigns, candidates, data, results, reviews, searches, team
from designlab.datasets.services import limit_words
from designlab.datasets.uploads import ENVELOPE
from designlab.version import VERSION

DESCRIPTION = (
    "Everything that the pages do. A token is made on the page of the team and sent as `Authorization: Bearer …`. "
    "Refusals are problem documents (RFC 9457). A POST with an `Idempotency-Key` is done once."
)


class Interface(NinjaAPI):
    """NinjaAPI, whose description calls refusals what they are."""

    def get_openapi_schema(self, **asked: Any) -> Any:
        """The OpenAPI 3.1 document."""
        document = super().get_openapi_schema(**asked)
        for operations in document["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    content = answer.get("content", {})
                    if int(status) >= 400 and "application/json" in content:
                        answer["content"] = {problems.CONTENT_TYPE: content.pop("application/json")}
        return document


api = Interface(
    title="DesignLab", version=VERSION, description=DESCRIPTION, auth=TokenAuth(), docs_url=None,
    urls_namespace="api",
)  # fmt: skip
problems.register(api)
api.add_router("/datasets", data.router)
for whole in (team.router, campaigns.router, candidates.router, reviews.router, searches.router, results.router):
    api.add_router("", whole)


@login_not_required
def program(request: HttpRequest) -> FileResponse:
    """The Python client: one file that needs nothing but Python."""
    return FileResponse(Path(client.__file__).open("rb"), as_attachment=True, filename="designlab_client.py")


def _bounded(view: Any) -> Any:
    """Refuse what is longer than any upload may be before it is read."""

    def answered(request: HttpRequest, *args: object, **named: object) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.UPLOAD_MAX_BYTES + ENVELOPE:
            return problems.problem(413, f"The request is too large; a file may have at most {limit_words()}.")
        return view(request, *args, **named)

    return answered


def _patterns() -> list[URLPattern]:
    """The routes; they ask for a token themselves, so that no page of signing in answers a program."""
    patterns = api.urls[0]
    for pattern in patterns:
        view = _bounded(once(pattern.callback))
        view.csrf_exempt = True  # a token is no cookie: no other site can make a browser send it
        pattern.callback = login_not_required(view)
    return [path("client.py", program, name="client"), *patterns]


app_name = "api"
urlpatterns = _patterns()
