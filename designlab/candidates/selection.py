"""Which candidates go to review: those ticked, all that are shown, or the best of many families."""

from collections.abc import Iterator

from django.http import QueryDict

from designlab.campaigns.models import Run
from designlab.candidates.filters import Filter
from designlab.candidates.models import Candidate
from designlab.candidates.selectors import matching
from designlab.engine.designs import designs_of

MOST = 500
LOOKED_THROUGH = 20_000  # candidates that are looked through for enough different families


class SelectionRefused(Exception):
    """Nothing, or too much, was chosen; the message says what to do."""


def chosen(run: Run, shown: Filter, query: QueryDict) -> list[int]:
    """Ids of the chosen candidates in the order of the list. Raises SelectionRefused."""
    take = query.get("take", "ticked")
    found = matching(run, shown).ids
    if take == "best":
        ids = best_of_families(run, shown, n=_whole(query, "n", 48), most=_whole(query, "per_scaffold", 2))
    elif take == "all":
        ids = found[: MOST + 1]
    else:
        ticked = {int(pk) for pk in query.getlist("pick") if pk.isdecimal() and len(pk) < 19}
        ids = [pk for pk in found if pk in ticked]
    if not ids:
        raise SelectionRefused("Nothing is chosen yet: tick some molecules, or take all or the best of the list.")
    if len(ids) > MOST:
        raise SelectionRefused(f"A round holds at most {MOST} molecules. Filter further, or take the best of the list.")
    return ids


def best_of_families(run: Run, shown: Filter, *, n: int, most: int) -> list[int]:
    """The first n of the list with at most `most` of one family; molecules without rings count as one."""
    taken: dict[str, int] = {}
    ids: list[int] = []
    for pk, family in _families(run, shown):
        if taken.get(family, 0) < most:
            taken[family] = taken.get(family, 0) + 1
            ids.append(pk)
        if len(ids) == n:
            break
    return ids


def _families(run: Run, shown: Filter) -> Iterator[tuple[int, str]]:
    leaders: dict[str, None] = {}
    for chunk in matching(run, shown).chunks(200, most=LOOKED_THROUGH):
        families = designs_of(run.kind).families(chunk, list(leaders))
        leaders.update(dict.fromkeys(families))
        yield from ((candidate.pk, family) for candidate, family in zip(chunk, families, strict=True))


def _whole(query: QueryDict, key: str, default: int) -> int:
    raw = query.get(key, "").strip()
    if not raw:
        return default
    if not raw.isdecimal() or not 1 <= int(raw[:9]) <= MOST:
        raise SelectionRefused(f"“{raw[:20]}” must be a whole number from 1 to {MOST}.")
    return int(raw)


def candidates_in_order(run: Run, ids: list[int]) -> list[Candidate]:
    """Candidates of the run with these ids, in their order; ids of other runs are left out."""
    found = Candidate.objects.filter(run=run).in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]
