"""Refusals as problem documents (RFC 9457): a sentence, the field it is about, and a status for programs."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError

from designlab.campaigns.models import InvalidTransition
from designlab.candidates.exports import TooLong
from designlab.candidates.refusals import ReviewRefused
from designlab.candidates.searching import NotReady
from designlab.datasets.mapping import DataSetRefused
from designlab.engine.errors import Refused, SettingRefused
from designlab.results.files import ResultsRefused
from designlab.rounds.files import VerdictsRefused
from designlab.rounds.services import RoundRefused

CONTENT_TYPE = "application/problem+json"


class Problem(Schema):
    """Why a request was refused."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None


class Unprocessable(Exception):
    """A request that is well formed and cannot be done; the message says why, `field` what it is about."""

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


def problem(status: int, detail: str, field: str | None = None) -> HttpResponse:
    """The answer that carries a refusal."""
    told = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, field=field)
    answer = HttpResponse(told.model_dump_json(exclude_none=True), status=status, content_type=CONTENT_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def _invalid(request: HttpRequest, refusal: ValidationError) -> HttpResponse:
    first: dict[str, Any] = dict(refusal.errors[0]) if refusal.errors else {}
    place = [str(part) for part in first.get("loc", ()) if part not in {"body", "query", "path", "payload", "form"}]
    field = ".".join(place) or None
    words = f"{field}: {first.get('msg', 'is not usable')}" if field else str(first.get("msg", "is not usable"))
    return problem(422, f"{words}.", field)


def _setting(request: HttpRequest, refusal: SettingRefused) -> HttpResponse:
    return problem(422, f"{refusal.field}: {refusal.problem}", refusal.field)


def _waiting(request: HttpRequest, refusal: NotReady) -> HttpResponse:
    answer = problem(503, str(refusal))
    answer["Retry-After"] = "10"
    return answer


def register(api: NinjaAPI) -> None:
    """Answer every refusal of the product as a problem."""
    refusals = (Refused, DataSetRefused, ResultsRefused, VerdictsRefused, RoundRefused, ReviewRefused, TooLong)
    for kind in refusals:
        api.add_exception_handler(kind, lambda request, refusal: problem(422, str(refusal)))
    api.add_exception_handler(Unprocessable, lambda request, refusal: problem(422, str(refusal), refusal.field))
    api.add_exception_handler(SettingRefused, _setting)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(NotReady, _waiting)
    api.add_exception_handler(InvalidTransition, lambda request, refusal: problem(409, str(refusal)))
    api.add_exception_handler(PermissionDenied, lambda request, refusal: problem(403, str(refusal)))
    api.add_exception_handler(Http404, lambda request, refusal: problem(404, "There is nothing here that you may see."))
    api.add_exception_handler(HttpError, lambda request, error: problem(error.status_code, str(error)))
