"""A run's candidates in groups, kept in storage: on which scaffold each stands, and which cluster it belongs to.

Clusters come from a pass in order of arrival (`samplers.metrics.leaders`), so what is kept never changes and later
candidates are added to it. The file is a cache: lost or broken, it is made again, with the same content.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from zipfile import BadZipFile

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.columns import Columns, columns_of
from designlab.candidates.models import Candidate
from designlab.candidates.structure_index import index_of
from designlab.engine import search
from designlab.engine.designs import designs_of

AT_ONCE = 1_000  # candidates grouped between two looks at the clock
NO_RING = "none"  # how an address names the family of molecules without rings
_NAME = re.compile(r"(\d{8})\.npz")


class _Broken(Exception):
    """A file that cannot be used; the message is its name."""


@dataclass(frozen=True)
class Groups:
    """Of the first n candidates in order of arrival: the scaffold by its place in `scaffolds`, the leader by its own.

    Sequences have no scaffolds; all of theirs is the empty one, which also stands for molecules without rings.
    """

    family: NDArray[np.int32]
    leader: NDArray[np.int32]
    scaffolds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.family)

    @cached_property
    def leaders(self) -> NDArray[np.int64]:
        """The places of those that lead a cluster, in order."""
        return np.flatnonzero(self.leader == np.arange(len(self)))


EMPTY = Groups(np.zeros(0, np.int32), np.zeros(0, np.int32), ())


def groups_of(run: Run) -> Groups:
    """What is grouped by now; the latest candidates may be missing. The run must have come from `run_for`."""
    for name in _kept(run):
        try:
            return _read(name)
        except _Broken:
            default_storage.delete(name)
    return EMPTY


def group(run: Run, *, limit_s: float) -> bool:
    """Group candidates that are not yet, for so long. True when some are left that could be."""
    end = time.monotonic() + limit_s
    found, before = groups_of(run), 0
    before = len(found)
    could = len(index_of(run)) if designs_of(run.kind).drawn else run.n_candidates
    while len(found) < could and (len(found) == before or time.monotonic() < end):
        found = _with_more(run, found, min(AT_ONCE, could - len(found)))
    if len(found) > before:
        _write(run, found)
    return len(found) < could


def _with_more(run: Run, found: Groups, n: int) -> Groups:
    start = len(found)
    if designs_of(run.kind).drawn:
        index = index_of(run)
        part = index.fingerprints[start : start + n]
        texts = search.scaffolds_held(index.molecules_at(range(start, start + len(part))))
        member, founders = search.led(part, index.fingerprints[found.leaders])
    else:
        rows = Candidate.objects.filter(run=run).order_by("evaluation").values_list("smiles", flat=True)
        known = list(rows[: start + n])
        texts = [""] * (len(known) - start)
        member, founders = search.led_sequences(known[start:], [known[at] for at in found.leaders])
    leaders = np.concatenate([found.leaders, start + np.asarray(founders, np.int64)])
    places = {text: i for i, text in enumerate(found.scaffolds)}
    family = [places.setdefault(text, len(places)) for text in texts]
    return Groups(
        np.concatenate([found.family, np.array(family, np.int32)]),
        np.concatenate([found.leader, leaders[member].astype(np.int32)]),
        tuple(places),
    )


def folder_of(run: Run) -> str:
    """Where a run's groups lie; the moment of creation tells it from one of another database."""
    return f"groups/run-{run.pk}-{round(run.created_at.timestamp() * 1e6)}"


def _kept(run: Run) -> list[str]:
    """The files there are, the longest first."""
    try:
        listed = default_storage.listdir(folder_of(run))[1]
    except FileNotFoundError:
        return []
    return [f"{folder_of(run)}/{name}" for name in sorted(filter(_NAME.fullmatch, listed), reverse=True)]


@lru_cache(maxsize=4)
def _read(name: str) -> Groups:
    """A file of groups. Raises _Broken when it is gone, cut short or not what it should be."""
    try:
        with default_storage.open(name, "rb") as file, np.load(io.BytesIO(file.read())) as stored:
            texts = bytes(stored["scaffolds"]).decode().split("\n")
            found = Groups(stored["family"], stored["leader"], tuple(texts))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as problem:
        raise _Broken(name) from problem
    fits = len(found) == int(name[-12:-4]) == len(found.leader) and found.family.max(initial=-1) < len(found.scaffolds)
    if not fits:
        raise _Broken(name)
    return found


def _write(run: Run, found: Groups) -> None:
    """Store groups, and drop the shorter files; where another process was as quick its own stays."""
    name, before = f"{folder_of(run)}/{len(found):08d}.npz", _kept(run)
    file = io.BytesIO()
    joined = np.frombuffer("\n".join(found.scaffolds).encode(), np.uint8)
    np.savez(file, family=found.family, leader=found.leader, scaffolds=joined)
    written = default_storage.save(name, ContentFile(file.getvalue()))
    if written != name:
        default_storage.delete(written)
    for old in before:
        if old < name:
            default_storage.delete(old)


@dataclass(frozen=True)
class Within:
    """A condition of a list: in one group. `n` candidates are grouped, and `code` is the number of the group."""

    key: str  # of its field in an address
    value: str
    told: str
    n: int
    code: int
    codes: NDArray[np.int32] = field(repr=False, compare=False)

    def keeps(self, columns: Columns) -> NDArray[np.bool_]:
        mask = np.zeros(len(columns), np.bool_)
        n = min(len(columns), len(self.codes))
        mask[:n] = self.codes[:n] == self.code
        return mask

    def words(self) -> str:
        return self.told

    def query(self) -> dict[str, str]:
        return {self.key: self.value}


Reader = Callable[[Mapping[str, str], dict[str, str]], Sequence[Within]]


def readers_of(run: Run) -> tuple[Reader, ...]:
    """What can be asked of the groups of a run. The run must have come from `run_for`."""
    return (
        (partial(_scaffold, run), partial(_cluster, run)) if designs_of(run.kind).drawn else (partial(_cluster, run),)
    )


def _scaffold(run: Run, query: Mapping[str, str], refused: dict[str, str]) -> list[Within]:
    """From `scaffold=SMILES`, as the page of families writes it; "none" for molecules without rings."""
    value = query.get("scaffold", "").strip()
    if not value:
        return []
    found = groups_of(run)
    text = "" if value == NO_RING else value
    if text not in found.scaffolds:
        refused["scaffold"] = f"No candidate{_so_far(run, found)} stands on {value[:80]}."
        return []
    words = ("without a ring" if not text else f"on scaffold {text}") + _so_far(run, found)
    return [Within("scaffold", value, words, len(found), found.scaffolds.index(text), found.family)]


def _cluster(run: Run, query: Mapping[str, str], refused: dict[str, str]) -> list[Within]:
    """From `cluster=12`, the number of the candidate that leads it."""
    value = query.get("cluster", "").strip()
    if not value:
        return []
    found = groups_of(run)
    evaluations = columns_of(run).evaluation[found.leaders]
    at = np.flatnonzero(evaluations == int(value)) if value.isdecimal() and len(value) < 10 else []
    if not len(at):
        refused["cluster"] = f"“{value[:20]}” leads no cluster of this run{_so_far(run, found)}."
        return []
    label = Candidate(run=run, evaluation=int(value)).label
    words = f"in the cluster of {label}{_so_far(run, found)}"
    return [Within("cluster", value, words, len(found), int(found.leaders[at[0]]), found.leader)]


def _so_far(run: Run, found: Groups) -> str:
    return f" (of the first {len(found):,})" if len(found) < run.n_candidates else ""
