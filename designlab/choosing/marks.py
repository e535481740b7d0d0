"""What people marked among candidates, as conditions of a list; they join those of `designlab.candidates.filters`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.columns import Columns
from designlab.candidates.models import Candidate
from designlab.choosing.models import MakeList, Pick, Shortlisted

Reader = Callable[[Mapping[str, str], dict[str, str]], Sequence["Listed"]]


@dataclass(frozen=True)
class Listed:
    """Among candidates that somebody named one by one."""

    key: str  # of its field in an address
    value: str
    told: str
    ids: tuple[int, ...]
    why: tuple[str, ...] = ()  # a reason for each, where there are reasons

    def keeps(self, columns: Columns) -> NDArray[np.bool_]:
        return np.isin(columns.id, np.array(self.ids, np.int64))

    def words(self) -> str:
        return self.told

    def query(self) -> dict[str, str]:
        return {self.key: self.value}


def readers_of(run: Run) -> tuple[Reader, ...]:
    """What can be asked of the lists that people made of a run's candidates. The run must come from `run_for`."""
    return (partial(_shortlist, run), partial(_make_list, run))


def _shortlist(run: Run, query: Mapping[str, str], refused: dict[str, str]) -> list[Listed]:
    if not query.get("short"):
        return []
    ids = Shortlisted.objects.filter(candidate__run=run).order_by("candidate_id").values_list("candidate_id", flat=True)
    return [Listed("short", "1", "on the shortlist", tuple(ids))]


def shortlisted_among(candidates: Iterable[Candidate]) -> dict[int, Shortlisted]:
    """Those of these candidates that stand on a shortlist, by their id."""
    rows = Shortlisted.objects.filter(candidate__in=list(candidates)).select_related("added_by")
    return {row.candidate_id: row for row in rows}


def _make_list(run: Run, query: Mapping[str, str], refused: dict[str, str]) -> list[Listed]:
    number = query.get("makelist", "").strip()
    if not number:
        return []
    made = MakeList.objects.filter(run=run, number=int(number)).first() if _is_number(number) else None
    if made is None:
        refused["makelist"] = f"“{number[:20]}” is no make-list of this run."
        return []
    picks = list(Pick.objects.filter(make_list=made).values_list("candidate_id", "why"))
    return [Listed("makelist", number, f"in make-list {number}", *map(tuple, zip(*picks, strict=True)))]


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def told_of(conditions: Iterable[object]) -> dict[int, dict[str, object]]:
    """What a download says of each candidate beside its figures: why it is in the make-list that is shown."""
    return {
        pk: {"why": why}
        for one in conditions if isinstance(one, Listed) and one.why
        for pk, why in zip(one.ids, one.why, strict=True)
    }  # fmt: skip
