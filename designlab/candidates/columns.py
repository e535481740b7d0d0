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
from functools import lru_cache
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

    def __len__(self) -> int:
        return len(self.id)


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
    table = list(rows.values_list(*PLAIN, "values").iterator(chunk_size=CHUNK))
    plain = {name: np.array([row[i] for row in table], dtype=TYPES[name]) for i, name in enumerate(PLAIN)}
    values = {name: np.array([row[-1].get(name) for row in table], dtype=np.float64) for name in names}
    if kept is not None:
        plain = {name: np.concatenate([getattr(kept, name), column]) for name, column in plain.items()}
        values = {name: np.concatenate([kept.values[name], column]) for name, column in values.items()}
    return Columns(**plain, values=values)


def _read(folder: Path, names: tuple[str, ...]) -> Columns | None:
    """What a file of this machine holds; None where there is none that can be used."""
    try:
        with np.load(folder / "columns.npz") as stored:
            plain = {name: stored[name] for name in PLAIN}
            return Columns(**plain, values={name: stored[f"value {i}"] for i, name in enumerate(names)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write(columns: Columns, folder: Path) -> None:
    """Keep the columns; a full disk costs time at the next look, and nothing else."""
    arrays = {name: getattr(columns, name) for name in PLAIN}
    arrays |= {f"value {i}": column for i, column in enumerate(columns.values.values())}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        Path(name).replace(folder / "columns.npz")
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
