"""Searches by structure within a list: which candidates hold a substructure, which are like a molecule.

A substructure is looked for in the order of the list and for a limited time, so that the first page of a hundred
thousand comes at once; what was found out is kept, and the next look goes on from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.models import Candidate
from designlab.candidates.structure_index import StructureIndex, folder_of, grow, index_of
from designlab.common.kept import DAY_S, kept, key_of, remember, remembered
from designlab.engine import chemistry, search
from designlab.engine.designs import designs_of
from designlab.engine.errors import Refused

Places = NDArray[np.int64]
AT_ONCE = 256  # molecules matched between two looks at the clock
LIKE_LEAST = 0.3
PREPARE_S = 0.6  # of a page's time that may go into preparing the latest candidates
PREPARE_ALL_S = 20.0


class NotReady(Exception):
    """A list that must be whole was asked for before it could be; the message says when to ask again."""


@dataclass(frozen=True)
class Holding:
    """Holds a substructure."""

    typed: str
    smarts: str

    @classmethod
    def read(cls, query: Mapping[str, str], refused: dict[str, str]) -> list[Holding]:
        """From `holds=SMARTS`; what cannot be searched for is noted in `refused`."""
        typed = query.get("holds", "").strip()
        if not typed:
            return []
        try:
            return [cls(typed, search.read_pattern(typed))]
        except Refused as refusal:
            refused["holds"] = str(refusal)
            return []

    def words(self) -> str:
        return f"holding {self.typed}"

    def query(self) -> dict[str, str]:
        return {"holds": self.typed}


@dataclass(frozen=True)
class Like:
    """Not less similar to a molecule than a limit."""

    smiles: str
    low: float

    @classmethod
    def read(cls, query: Mapping[str, str], refused: dict[str, str]) -> list[Like]:
        """From `like=SMILES&like_min=0.4`; what cannot be used is noted in `refused`."""
        typed = query.get("like", "").strip()
        if not typed:
            return []
        (read,) = chemistry.standardise([typed])
        if not read["ok"]:
            refused["like"] = read["message"]
            return []
        raw = query.get("like_min", "").strip().replace(",", ".")
        try:
            low = float(raw) if raw else LIKE_LEAST
        except ValueError:
            low = math.nan
        if not 0 <= low <= 1:
            refused["like_min"] = f"“{raw[:40]}” is no similarity; write a number from 0 to 1, like 0.4."
            return []
        return [cls(read["smiles"], low)]

    def words(self) -> str:
        return f"similarity to {self.smiles} ≥ {self.low:g}"

    def query(self) -> dict[str, str]:
        return {"like": self.smiles, "like_min": f"{self.low:g}"}


@dataclass(frozen=True)
class Motif:
    """A sequence that holds a motif."""

    typed: str
    kind: str

    @classmethod
    def read(cls, kind: str, query: Mapping[str, str], refused: dict[str, str]) -> list[Motif]:
        """From `holds=N-{P}-[ST]`; a motif that cannot be read is noted in `refused`."""
        typed = query.get("holds", "").strip()
        if not typed:
            return []
        try:
            search.motif_counts([], kind, typed)
        except Refused as refusal:
            refused["holds"] = str(refusal)
            return []
        return [cls(typed, kind)]

    def words(self) -> str:
        return f"holding {self.typed}"

    def query(self) -> dict[str, str]:
        return {"holds": self.typed}


Search = Holding | Like | Motif
Reader = Callable[[Mapping[str, str], dict[str, str]], Sequence[Search]]
OF_MOLECULES: tuple[Reader, ...] = (Holding.read, Like.read)


def readers_of(kind: str) -> tuple[Reader, ...]:
    """What can be searched for among designs of a kind."""
    return OF_MOLECULES if designs_of(kind).drawn else (partial(Motif.read, kind),)


@dataclass(frozen=True)
class Found:
    """What a search found so far: places in the order of the list, and how much of the list was looked at."""

    places: Places
    n_looked: int
    n_all: int
    preparing: bool = False  # the latest candidates are not ready to be searched
    alike: NDArray[np.float64] | None = None  # similarity of each, where that was asked for

    @property
    def whole(self) -> bool:
        """Whether everything was looked at."""
        return self.n_looked == self.n_all


def with_motifs(run: Run, motifs: Sequence[Motif], places: Places) -> Found:
    """The places whose sequences hold every motif, in the same order. Letters are looked through in no time."""
    n_all = len(places)
    for motif in motifs:
        key = key_of("motif", folder_of(run), motif.kind, motif.typed, run.n_candidates)

        def look(motif: Motif = motif) -> bytes:
            texts = list(Candidate.objects.filter(run=run).order_by("evaluation").values_list("smiles", flat=True))
            return np.packbits(np.array(search.motif_counts(texts, motif.kind, motif.typed)) > 0).tobytes()

        holds = np.unpackbits(np.frombuffer(kept(key, look), np.uint8)).astype(np.bool_)
        places = places[holds[places]]
    return Found(places, n_all, n_all)


def narrowed(
    run: Run, searches: Sequence[Search], places: Places, *, by_similarity: bool, descending: bool, limit_s: float
) -> Found:
    """The places whose candidates every search lets through, most similar first if asked, else in the same order.

    Raises NotReady when there is no time limit and the run's structures are not prepared soon enough.
    """
    end = time.monotonic() + limit_s
    grow(run, limit_s=min(limit_s, PREPARE_S) if math.isfinite(limit_s) else PREPARE_ALL_S)
    index = index_of(run)
    left = len(index) < run.n_candidates
    if left and not math.isfinite(limit_s):
        raise NotReady(
            f"The structures of this run are still being prepared for searching: {len(index):,} of "
            f"{run.n_candidates:,} are ready. Try again in half a minute."
        )
    n_all, places = len(places), places[places < len(index)]
    missing = n_all - len(places)
    alike = None
    for one in searches:
        if isinstance(one, Like):
            similarity = search.similarity_to(one.smiles, index.fingerprints)
            places = places[similarity[places] >= one.low]
            alike = similarity
    if by_similarity and alike is not None:
        places = places[np.argsort(-alike[places] if descending else alike[places], kind="stable")]
    unseen = 0
    for one in searches:
        if isinstance(one, Holding):
            places, unseen = _holding(run, one.smarts, index, places, end)
    looked = n_all - missing - unseen
    return Found(places, looked, n_all, preparing=left, alike=None if alike is None else alike[places])


def _holding(run: Run, smarts: str, index: StructureIndex, places: Places, end: float) -> tuple[Places, int]:
    """Of these places those that hold a pattern, and how many at the end of the list nobody has looked at."""
    looked, holds = _known(run, smarts, len(index))
    open_places = places[~looked[places]]
    could = search.may_hold(smarts, index.bits[open_places])
    looked[open_places[~could]] = True
    open_places = open_places[could]
    done = 0
    while done < len(open_places) and (done == 0 or time.monotonic() < end):
        chunk = open_places[done : done + AT_ONCE]
        holds[chunk] = list(search.hold(smarts, index.molecules_at(chunk)))
        looked[chunk] = True
        done += len(chunk)
    remember(_key(run, smarts), [len(index), np.packbits(looked).tobytes(), np.packbits(holds).tobytes()], DAY_S)
    unseen = np.flatnonzero(~looked[places])
    seen = places[: unseen[0]] if len(unseen) else places  # what comes after the first unseen one may change its place
    return seen[holds[seen]], len(places) - len(seen)


def _known(run: Run, smarts: str, n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the first n candidates were looked at for this pattern before, and which hold it."""
    looked, holds = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    stored = remembered(_key(run, smarts))
    if stored is not None:
        length = min(n, stored[0])
        for mask, packed in ((looked, stored[1]), (holds, stored[2])):
            mask[:length] = np.unpackbits(np.frombuffer(packed, np.uint8), count=stored[0])[:length]
    return looked, holds


def _key(run: Run, smarts: str) -> str:
    return key_of("substructure", folder_of(run), smarts)
