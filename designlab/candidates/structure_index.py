"""A run's structures made ready for searching: fingerprints, screening bits and molecules, in parts in storage.

Candidates never change once they are stored, so parts are only added. They are a cache: a part that is lost or broken
is made again, and two processes that make the same part make the same bytes.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zipfile import BadZipFile

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.models import Candidate
from designlab.engine import search, structures

PART = 10_000  # candidates of a full part
AT_ONCE = 500  # candidates prepared between two looks at the clock
_NAME = re.compile(r"(\d{8})-(\d{8})\.npz")
ARRAYS = ("fingerprints", "bits", "sizes", "molecules")


class _Broken(Exception):
    """A part that cannot be read; the message is its name."""


@dataclass(frozen=True)
class StructureIndex:
    """Of the first n candidates in order of arrival: packed fingerprints and bits (n, bytes), and molecules."""

    fingerprints: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    sizes: NDArray[np.int64]  # bytes of each molecule
    molecules: NDArray[np.uint8]  # one after the other

    def __len__(self) -> int:
        return len(self.sizes)

    def molecules_at(self, places: Sequence[int]) -> list[bytes]:
        """The molecules at these places, as `search.hold` reads them."""
        ends = np.cumsum(self.sizes)
        whole = memoryview(self.molecules)
        return [bytes(whole[ends[at] - self.sizes[at] : ends[at]]) for at in places]


EMPTY = StructureIndex(
    np.zeros((0, search.FINGERPRINT_BYTES), np.uint8), np.zeros((0, search.FINGERPRINT_BYTES), np.uint8),
    np.zeros(0, np.int64), np.zeros(0, np.uint8),
)  # fmt: skip


def index_of(run: Run) -> StructureIndex:
    """What is prepared of the run by now; it may lack the latest candidates, and what follows a part that broke."""
    while True:
        try:
            return _joined(tuple(_parts(run)))
        except _Broken as part:
            default_storage.delete(str(part))


def grow(run: Run, *, limit_s: float) -> bool:
    """Prepare candidates that are not yet, for so long. True when some are left."""
    end = time.monotonic() + limit_s
    index_of(run)  # parts that broke go now
    while True:
        names = _parts(run)
        whole = names if not names or _size(names[-1]) == PART else names[:-1]
        try:
            begun = _joined(tuple(names[len(whole) :]))
        except _Broken:  # another process has put a longer one in its place
            continue
        first = _end(whole[-1]) if whole else 0
        grown = _grown(run, first, begun, end)
        if len(grown) == len(begun):
            return first + len(begun) < run.n_candidates
        _write(f"{folder_of(run)}/{first:08d}-{first + len(grown):08d}.npz", grown)
        if len(begun):
            default_storage.delete(names[-1])
        if first + len(grown) >= run.n_candidates:
            return False
        if time.monotonic() >= end:
            return True


def folder_of(run: Run) -> str:
    """Where a run's parts lie in storage; the moment of creation tells it from one of another database."""
    return f"search/run-{run.pk}-{round(run.created_at.timestamp() * 1e6)}"


def _grown(run: Run, first: int, part: StructureIndex, end: float) -> StructureIndex:
    """A part with candidates after those it holds, until it is full, none is left or time is over."""
    pieces = [part]
    length = len(part)
    while length < PART and (len(pieces) == 1 or time.monotonic() < end):
        start = first + length
        rows = Candidate.objects.filter(run=run).order_by("evaluation").values_list("smiles", "fingerprint")
        chunk = list(rows[start : start + min(AT_ONCE, PART - length)])
        if not chunk:
            break
        smiles, stored = [row[0] for row in chunk], [bytes(row[1]) for row in chunk]
        bits, molecules = search.prepare_for_search(smiles)
        packed = np.frombuffer(b"".join(structures.fingerprints(smiles, stored)), np.uint8).reshape(len(chunk), -1)
        sizes = np.array([len(one) for one in molecules], np.int64)
        pieces.append(StructureIndex(packed, bits, sizes, np.frombuffer(b"".join(molecules), np.uint8)))
        length += len(chunk)
    return _concatenated(pieces)


def _parts(run: Run) -> list[str]:
    """Names of the parts that follow each other from the first candidate on; of two that begin alike the longer."""
    try:
        listed = default_storage.listdir(folder_of(run))[1]
    except FileNotFoundError:
        return []
    by_start: dict[int, int] = {}
    for name in listed:
        if found := _NAME.fullmatch(name):
            start, end = int(found[1]), int(found[2])
            by_start[start] = max(end, by_start.get(start, 0))
    names, at = [], 0
    while at in by_start:
        names.append(f"{folder_of(run)}/{at:08d}-{by_start[at]:08d}.npz")
        at = by_start[at]
    return names


def _end(name: str) -> int:
    return int(name.rsplit("-", 1)[1].removesuffix(".npz"))


def _size(name: str) -> int:
    return _end(name) - int(name.rsplit("/", 1)[1].split("-")[0])


@lru_cache(maxsize=4)
def _joined(names: tuple[str, ...]) -> StructureIndex:
    """The parts in one. Raises _Broken, naming the first that cannot be read."""
    pieces = [EMPTY]
    for name in names:
        part = _read(name)
        if part is None:
            raise _Broken(name)
        pieces.append(part)
    return _concatenated(pieces)


def _concatenated(pieces: Sequence[StructureIndex]) -> StructureIndex:
    if len(pieces) == 1:
        return pieces[0]
    return StructureIndex(**{name: np.concatenate([getattr(one, name) for one in pieces]) for name in ARRAYS})


def _read(name: str) -> StructureIndex | None:
    """A part, None when it is gone, cut short or not what it should be."""
    try:
        with default_storage.open(name, "rb") as file, np.load(io.BytesIO(file.read())) as stored:
            part = StructureIndex(**{key: stored[key] for key in ARRAYS})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    fits = len(part) == _size(name) == len(part.bits) == len(part.fingerprints)
    return part if fits and int(part.sizes.sum()) == len(part.molecules) else None


def _write(name: str, part: StructureIndex) -> None:
    """Store a part; where another process was quicker its own stays."""
    file = io.BytesIO()
    np.savez(file, **{key: getattr(part, key) for key in ARRAYS})
    written = default_storage.save(name, ContentFile(file.getvalue()))
    if written != name:
        default_storage.delete(written)
