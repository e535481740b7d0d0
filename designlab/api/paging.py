"""Pages by cursor: the place after the last row that was read, which stays right while rows are added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field

from designlab.api.problems import Unprocessable

Item = TypeVar("Item")
MOST = 500
Limit = Annotated[int, Field(ge=1, le=MOST, description="Rows on a page.")]
Cursor = Annotated[str, Field(max_length=60, description="`next` of the page before; empty for the first page.")]


class Page(Schema, Generic[Item]):
    """Some rows, and the cursor of the page after them."""

    items: list[Item]
    next: str | None = None


def page_of(rows: QuerySet[Any], tell: Callable[[Any], Any], cursor: str, limit: int) -> dict[str, Any]:
    """A page of rows, newest first."""
    after = _read(cursor)
    found = rows.order_by("-pk") if after is None else rows.filter(pk__lt=after).order_by("-pk")
    return _page([*found[: limit + 1]], tell, limit)


def page_in_order(
    ids: Sequence[int], fetch: Callable[[int, int], Sequence[Model]], tell: Callable[[Any], Any], cursor: str,
    limit: int,
) -> dict[str, Any]:  # fmt: skip
    """A page of a list that has an order of its own; `fetch` gets the rows from one place to before another."""
    start, after = 0, _read(cursor)
    if after is not None:
        try:
            start = ids.index(after) + 1
        except ValueError as gone:
            raise Unprocessable(
                "The row that this cursor stands at is not in the list any more; begin again.", "cursor"
            ) from gone
    return _page(list(fetch(start, start + limit + 1)), tell, limit)


def _page(found: list[Any], tell: Callable[[Any], Any], limit: int) -> dict[str, Any]:
    shown = found[:limit]
    more = len(found) > limit
    return {"items": [tell(row) for row in shown], "next": _written(shown[-1].pk) if more else None}


def _written(pk: int) -> str:
    return base64.urlsafe_b64encode(str(pk).encode()).decode().rstrip("=")


def _read(cursor: str) -> int | None:
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not (text.isdecimal() and len(text) < 19):
        raise Unprocessable("This is no cursor that we gave; leave it empty for the first page.", "cursor")
    return int(text)
