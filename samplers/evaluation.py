"""The only way a generator asks for a reward: every structure charged once, never past the budget."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from samplers.errors import RewardError

Array = NDArray[np.float64]
SCHEMA = 3  # 1 said "smiles" where structures stand; 1 and 2 knew no sources
_COLUMNS = ("values", "uncertainty", "desirabilities", "in_domain")
WHOLE = "reward"  # the oracle that stands for the reward as a whole: one call for each structure evaluated
# Asked before anything new is scored: how many structures this run may have charged in all, given that it wants
# `total`; at most `total`, and with a sentence when less. Asking again for what was granted already costs nothing.
Allow = Callable[[int], tuple[int, str]]


class RewardBatch(Protocol):
    """What a reward says about n structures with k objectives."""

    @property
    def values(self) -> Array:
        """(n, k) raw values, in each objective's own unit."""

    @property
    def uncertainty(self) -> Array:
        """(n, k) standard deviations in the same units; NaN where a value is computed, not predicted."""

    @property
    def desirabilities(self) -> Array:
        """(n, k) in (0, 1]."""

    @property
    def in_domain(self) -> Array:
        """(n, k) share of support by known molecules, 1 where a value is computed."""

    @property
    def log_reward(self) -> Array:
        """(n,) natural logarithm of the aggregate."""


class Reward(Protocol):
    """A reward over structures: canonical SMILES, or sequences of one alphabet."""

    @property
    def names(self) -> Sequence[str]:
        """The k objectives."""

    def evaluate(self, structures: list[str], /) -> RewardBatch:
        """Score structures; the answer for one does not depend on the others."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One structure scored in a run. `index` counts evaluations from 0 in order of arrival."""

    index: int
    step: int
    structure: str
    values: tuple[float, ...]
    uncertainty: tuple[float, ...]
    desirabilities: tuple[float, ...]
    in_domain: tuple[float, ...]
    log_reward: float


class Archive:
    """Every distinct structure scored in a run, in order of arrival."""

    def __init__(self, reward: Reward, *, budget: int | None = None) -> None:
        """`budget` is the number of distinct structures that may be scored; None sets no limit.

        Raises ValueError for a negative budget.
        """
        if budget is not None and budget < 0:
            raise ValueError(f"the budget must not be negative, got {budget}")
        self.reward, self.budget = reward, budget
        self._budgets: dict[str, int] = {}
        self._allow: Allow | None = None
        self._refused = ""
        self.names = tuple(reward.names)
        self.structures: list[str] = []
        self._index: dict[str, int] = {}
        self._steps: list[int] = []
        self.runs: list[tuple[str, int]] = []  # who drew how many new structures one after another, in order of arrival
        self._log_reward: list[float] = []
        self._rows: dict[str, list[Array]] = {name: [] for name in _COLUMNS}

    def __len__(self) -> int:
        return len(self.structures)

    def __contains__(self, structure: str) -> bool:
        return structure in self._index

    def positions(self, structures: Sequence[str]) -> list[int]:
        """The index of each structure, all of which must have been scored."""
        return [self._index[text] for text in structures]

    def limit(self, budgets: Mapping[str, int] | None, allow: Allow | None) -> None:
        """Budgets of single oracles, and who is asked before anything is charged; neither is saved with the archive.

        Every oracle of a reward is asked once for every new structure, so the smallest budget binds.
        """
        self._budgets, self._allow = dict(budgets or {}), allow

    @property
    def budgets(self) -> dict[str, int]:
        """The budget of each oracle that has one, the reward as a whole first."""
        return ({} if self.budget is None else {WHOLE: self.budget}) | self._budgets

    @property
    def n_left(self) -> int | None:
        """Evaluations that may still be charged; None without a budget."""
        return max(min(self.budgets.values()) - len(self), 0) if self.budgets else None

    @property
    def exhausted(self) -> bool:
        """Whether nothing new may be scored any more."""
        return self.n_left == 0 or self._refused != ""

    @property
    def ending(self) -> str:
        """Why nothing new may be scored, naming the oracle; empty while something may."""
        if self._refused or not self.exhausted:
            return self._refused
        oracle = min(self.budgets, key=lambda name: self.budgets[name])
        return budget_spent("The budget", oracle, self.budgets[oracle])

    def evaluate(self, structures: Sequence[str], step: int, source: str = "student") -> tuple[Tensor, Tensor]:
        """Score structures, charging only those never seen in this run.

        Returns log_reward (n,) float64 and a mask (n,), false where the budget did not allow a score (log_reward is
        NaN there). When fewer evaluations are left than there are new structures, the first ones are scored.
        Raises RewardError when the reward answers with something that is not a finite log_reward.
        """
        new = [text for text in dict.fromkeys(structures) if text not in self._index]
        new = new[: self._permitted(len(new))]
        if new:
            self._charge(new, step, source)
        found = [self._index.get(text) for text in structures]
        log_reward = [float("nan") if i is None else self._log_reward[i] for i in found]
        return torch.tensor(log_reward, dtype=torch.float64), torch.tensor(
            [i is not None for i in found], dtype=torch.bool
        )

    def _permitted(self, wanted: int) -> int:
        """How many of the new structures wanted may be charged, by the run's own budgets and by what others share."""
        left = self.n_left
        wanted = wanted if left is None else min(wanted, left)
        if not wanted or self._allow is None:
            return wanted
        total, refused = self._allow(len(self) + wanted)
        self._refused = refused if total < len(self) + wanted else ""
        return max(0, min(total - len(self), wanted))

    def _charge(self, new: list[str], step: int, source: str) -> None:
        batch = self.reward.evaluate(new)
        log_reward = np.asarray(batch.log_reward, dtype=np.float64)
        if log_reward.shape != (len(new),):
            raise RewardError(f"The reward answered {log_reward.shape} numbers for {len(new)} structures.")
        if not np.isfinite(log_reward).all():
            bad = new[int(np.flatnonzero(~np.isfinite(log_reward))[0])]
            raise RewardError(f"The reward of {bad} is not a finite number.")
        for name, rows in self._rows.items():
            rows.extend(np.asarray(getattr(batch, name), dtype=np.float64).reshape(len(new), len(self.names)))
        self._index.update({text: len(self.structures) + i for i, text in enumerate(new)})
        self.structures.extend(new)
        self._steps.extend([step] * len(new))
        if not self.runs or self.runs[-1][0] != source:
            self.runs.append((source, 0))
        self.runs[-1] = (source, self.runs[-1][1] + len(new))
        self._log_reward.extend(log_reward.tolist())

    @property
    def log_reward(self) -> Array:
        """(n,) log-rewards in order of arrival."""
        return np.array(self._log_reward, dtype=np.float64)

    @property
    def charges(self) -> dict[int, int]:
        """New structures charged per step."""
        return dict(Counter(self._steps))

    def __getitem__(self, structure: str) -> Evaluation:
        return self._evaluation(self._index[structure])

    def _evaluation(self, i: int) -> Evaluation:
        columns: dict[str, Any] = {name: tuple(rows[i].tolist()) for name, rows in self._rows.items()}
        return Evaluation(
            index=i, step=self._steps[i], structure=self.structures[i], log_reward=self._log_reward[i], **columns
        )  # fmt: skip

    def since(self, index: int) -> list[Evaluation]:
        """Evaluations from the given index on, in order of arrival."""
        return [self._evaluation(i) for i in range(index, len(self))]

    def drawn_since(self, index: int) -> list[tuple[str, int]]:
        """Who drew the evaluations from the given index on: a source and how many followed each other, in order."""
        found, at = [], 0
        for source, n in self.runs:
            at += n
            if at > index:
                found.append((source, min(n, at - index)))
        return found

    def sources_since(self, index: int) -> list[str]:
        """Who drew each evaluation from the given index on, in order of arrival."""
        return [source for source, n in self.drawn_since(index) for _ in range(n)]

    def best(self, n: int) -> list[Evaluation]:
        """The n evaluations of highest log_reward, best first; ties in order of arrival."""
        order = np.argsort(-self.log_reward, kind="stable")[:n]
        return [self._evaluation(int(i)) for i in order]

    def save(self, folder: Path) -> None:
        """Write archive.json and archive.safetensors."""
        head: dict[str, Any] = {
            "schema": SCHEMA, "budget": self.budget, "names": list(self.names), "structures": self.structures,
            "sources": self.runs,
        }  # fmt: skip
        (folder / "archive.json").write_text(json.dumps(head))
        shape = (len(self), len(self.names))
        arrays: dict[str, Any] = {name: np.array(rows).reshape(shape) for name, rows in self._rows.items()}
        arrays |= {"log_reward": self.log_reward, "step": np.array(self._steps, dtype=np.int64)}
        save_file(arrays, str(folder / "archive.safetensors"))

    @classmethod
    def load(cls, folder: Path, reward: Reward) -> Archive:
        """The archive that `save` wrote. Raises ValueError for another schema or another list of objectives."""
        head = json.loads((folder / "archive.json").read_text())
        if head["schema"] not in (1, 2, SCHEMA):
            raise ValueError(f"archive schema {head['schema']} is not one of 1 to {SCHEMA}")
        if head["names"] != list(reward.names):
            raise ValueError(f"the archive holds {head['names']}, the reward gives {list(reward.names)}")
        arrays = load_file(str(folder / "archive.safetensors"))
        archive = cls(reward, budget=head["budget"])
        archive.structures = list(head["structures" if head["schema"] > 1 else "smiles"])
        archive._index = {text: i for i, text in enumerate(archive.structures)}
        known = [("student", len(archive))] if archive.structures else []
        archive.runs = [(str(source), int(n)) for source, n in head.get("sources", known)]
        archive._steps = arrays["step"].tolist()
        archive._log_reward = arrays["log_reward"].tolist()
        archive._rows = {name: list(arrays[name]) for name in archive._rows}
        return archive


def budget_spent(whose: str, oracle: str, n: int) -> str:
    """The sentence that ends a run: "The budget of 500 calls of docking @ scorer.example is spent."."""
    what = "evaluations" if oracle == WHOLE else "calls"
    return f"{whose} of {n} {what}{'' if oracle == WHOLE else f' of {oracle}'} is spent."
