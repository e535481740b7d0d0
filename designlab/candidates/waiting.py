"""What a page says that needs a whole list before the run's structures are ready to be searched."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from designlab.campaigns.tasks import send_index
from designlab.candidates.searching import NotReady

AGAIN_S = 10
View = Callable[..., HttpResponse]


def when_ready(view: View) -> View:
    """Answer with a page that tells so and looks again, while a list cannot be whole; workers are asked to hurry."""

    @wraps(view)
    def answer(request: HttpRequest, pk: int, *rest: object, **named: object) -> HttpResponse:
        try:
            return view(request, pk, *rest, **named)
        except NotReady as waiting:
            send_index(pk)
            page = render(
                request, "candidates/preparing.html", {"section": "campaigns", "words": str(waiting)},
                status=HTTPStatus.SERVICE_UNAVAILABLE,
            )  # fmt: skip
            page["Retry-After"] = page["Refresh"] = str(AGAIN_S)
            return page

    return answer
