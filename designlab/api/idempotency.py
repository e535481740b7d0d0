"""A repeated request with the same key is answered again, and done once."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from designlab.api import tokens
from designlab.api.models import Remembered, Token
from designlab.api.problems import problem

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
GIVEN_UP = timedelta(minutes=10)  # a request that was never answered, since its process ended
LONGEST_KEY = 200
View = Callable[..., HttpResponse]


def once(view: View) -> View:
    """Do a change that carries a key once; a repetition within a day gets the first answer."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **named: object) -> HttpResponse:
        key = request.headers.get(HEADER, "")
        if request.method != "POST" or not key:
            return view(request, *args, **named)
        token = tokens.find(request.headers.get("Authorization", "").rpartition(" ")[2])
        if token is None:
            return view(request, *args, **named)  # which refuses
        if len(key) > LONGEST_KEY or not key.isprintable():
            return problem(422, f"{HEADER} must have at most {LONGEST_KEY} printable characters.", HEADER)
        row, earlier = _begin(token, key, _digest(request))
        if row is None:
            return earlier
        return _finish(row, lambda: view(request, *args, **named))

    return answered


def _begin(token: Token, key: str, digest: str) -> tuple[Remembered | None, HttpResponse]:
    """A row for a request that is new, or the answer to one that is not."""
    now = timezone.now()
    Remembered.objects.filter(token=token, created_at__lt=now - KEPT).delete()
    Remembered.objects.filter(token=token, key=key, status=None, created_at__lt=now - GIVEN_UP).delete()
    try:
        with transaction.atomic():
            return Remembered.objects.create(token=token, key=key, request=digest), HttpResponse()
    except IntegrityError:
        earlier = Remembered.objects.filter(token=token, key=key).first()
    if earlier is None or earlier.status is None:
        waits = problem(409, "The first request with this key is still being worked on; ask again in a moment.")
        waits["Retry-After"] = "1"
        return None, waits
    if earlier.request != digest:
        return None, problem(422, "This key was used for another request; every new change needs a new key.", HEADER)
    answer = HttpResponse(earlier.body, status=earlier.status, content_type=earlier.content_type)
    answer["Idempotent-Replayed"] = "true"
    return None, answer


def _finish(row: Remembered, do: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        answer = do()
    except BaseException:
        row.delete()
        raise
    if answer.status_code >= 500 or answer.status_code in {401, 403} or answer.streaming:
        row.delete()
        return answer
    row.status, row.content_type = answer.status_code, answer.headers.get("Content-Type", "")
    row.body = answer.content.decode()
    row.save(update_fields=["status", "content_type", "body"])
    return answer


def _digest(request: HttpRequest) -> str:
    """What tells one request from another: its address and its body; of an upload only how long it is."""
    said = f"{request.method} {request.get_full_path()} {request.headers.get('Content-Length', '')}\n".encode()
    is_upload = request.content_type.startswith("multipart/")
    return hashlib.sha256(said + (b"" if is_upload else request.body)).hexdigest()
