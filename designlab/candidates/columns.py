"""The figures of a run's candidates as columns: what a list is filtered and sorted by, held apart from the database.

A database sorts a hundred thousand rows by a number inside a JSON column in a second and more; a column of numbers is
sorted in milliseconds. Candidates never change once they are stored, so columns only ever grow: what is kept in a file
of this machine is read, and only candidates that came later are taken from the database. The files are a cache: they
may be deleted at any time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.models import Candidate

Numbers = NDArray[np.float64]
PLAIN = ("id", "evaluation", "reward", "log_reward", "is_known", "source")
TYPES: dict[str, type[np.generic]] = {
    "id": np.int64, "evaluation": np.int64, "reward": np.float64, "log_reward": np.float64, "is_known": np.bool_,
    "source": np.str_,
}  # fmt: skip
BY_OBJECTIVE = ("values", "desirability")
CHUNK = 10_000


@dataclass(frozen=True)
class Columns:
    """Equally long columns, one place a candidate in order of arrival; a value that is missing is NaN."""

    id: NDArray[np.int64]
    evaluation: NDArray[np.int64]
    reward: Numbers
    log_reward: Numbers
    is_known: NDArray[np.bool_]
    source: NDArray[np.str_]
    values: dict[str, Numbers]  # by the name of the objective
    desirability: dict[str, Numbers]  # likewise, from 0 to 1

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def front(self) -> NDArray[np.bool_]:
        """Who is on the Pareto front: nobody is as desirable in every objective and more so in one."""
        if not self.desirability or not len(self):
            return np.zeros(len(self), np.bool_)
        return pareto_front(np.nan_to_num(np.stack(list(self.desirability.values()), axis=1)))


def pareto_front(points: Numbers) -> NDArray[np.bool_]:
    """Which rows of (n, objectives) no other row beats: as high everywhere and higher somewhere. Equal rows stay."""
    distinct, place = np.unique(points, axis=0, return_inverse=True)
    # From the highest sum down nobody is beaten by a later one, so each row on the front strikes out the rest at once.
    left = np.argsort(-distinct.sum(axis=1), kind="stable")
    on_front = np.zeros(len(distinct), np.bool_)
    while len(left):
        best, left = left[0], left[1:]
        on_front[best] = True
        left = left[(distinct[left] > distinct[best]).any(axis=1)]
    return on_front[place.reshape(-1)]


def columns_of(run: Run) -> Columns:
    """The columns of all candidates that the run has now. The run must have come from a selector with permission."""
    names = tuple(raw["name"] for raw in run.spec.get("reward", {}).get("objectives", []))
    return _columns(run.pk, _folder(run), names, run.n_candidates)


def _folder(run: Run) -> Path:
    # The moment of creation keeps a run apart from one of another database that has the same number.
    return Path(settings.INDEX_ROOT) / f"run-{run.pk}-{round(run.created_at.timestamp() * 1e6)}"


@lru_cache(maxsize=8)
def _columns(run_id: int, folder: Path, names: tuple[str, ...], n: int) -> Columns:
    """The columns when the run has n candidates; n decides when to look again."""
    kept = _read(folder, names)
    columns = _with_later(kept, run_id, names)
    if kept is None or len(columns) > len(kept):
        _write(columns, folder)
    return columns


def _with_later(kept: Columns | None, run_id: int, names: tuple[str, ...]) -> Columns:
    """What is kept, and every candidate that came after it."""
    last = int(kept.evaluation[-1]) if kept is not None and len(kept) else 0
    rows = Candidate.objects.filter(run_id=run_id, evaluation__gt=last).order_by("evaluation")
    table = list(rows.values_list(*PLAIN, *BY_OBJECTIVE).iterator(chunk_size=CHUNK))
    plain = {name: np.array([row[i] for row in table], dtype=TYPES[name]) for i, name in enumerate(PLAIN)}
    told = {
        what: {name: np.array([row[len(PLAIN) + i].get(name) for row in table], dtype=np.float64) for name in names}
        for i, what in enumerate(BY_OBJECTIVE)
    }
    if kept is not None:
        plain = {name: np.concatenate([getattr(kept, name), column]) for name, column in plain.items()}
        told = {
            what: {name: np.concatenate([getattr(kept, what)[name], column]) for name, column in columns.items()}
            for what, columns in told.items()
        }
    return Columns(**plain, **told)


def _read(folder: Path, names: tuple[str, ...]) -> Columns | None:
    """What a file of this machine holds; None where there is none that can be used."""
    try:
        with np.load(folder / "columns.npz") as stored:
            plain = {name: stored[name] for name in PLAIN}
            told = {what: {name: stored[f"{what} {i}"] for i, name in enumerate(names)} for what in BY_OBJECTIVE}
            return Columns(**plain, **told)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write(columns: Columns, folder: Path) -> None:
    """Keep the columns; a full disk costs time at the next look, and nothing else."""
    arrays = {name: getattr(columns, name) for name in PLAIN}
    for what in BY_OBJECTIVE:
        arrays |= {f"{what} {i}": column for i, column in enumerate(getattr(columns, what).values())}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        Path(name).replace(folder / "columns.npz")
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
