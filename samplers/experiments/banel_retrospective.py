"""Screens that were run, searched again: a molecule's verdict is told when it is tested, and not before.

Nothing is generated. Every round a method sees a pool of molecules drawn evenly from the untested ones, keeps the share
that it scores highest, and tests a batch drawn evenly from those: the filtered prior, when the prior is the library.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.diagnostics import auc
from samplers.banel.models import Effort
from samplers.banel.networks import Recurrent
from samplers.banel.scores import fit_to_features, nearest_similarity
from samplers.banel.tokens import language_of, rows_of, smiles_tokens
from samplers.config import Settings, setting
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.document import held
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.rng import generator
from samplers.targets.screens import Screen, screen

# By size: the file, its column of structures, its column of verdicts.
SCREENS = {"hiv": ("hiv.csv", "smiles", "HIV_active"), "mapk1": ("mapk1_screen.csv", "SMILES", "active")}
LONGEST = 100  # tokens of a molecule that are read
SELECTIVE = {"": 4.0, "-f16": 16.0}  # one in so many of a pool may be tested
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrospectiveSettings(Settings):
    """One row. Batch and budget are those of the other comparisons."""

    screen: str = setting("hiv", label="Screen", help="Which file.", choices=tuple(SCREENS))
    steps: int = setting(20, label="Rounds", help="Rounds; times the batch they are the budget.", low=1)
    batch: int = setting(96, label="Batch", help="Molecules tested a round.", low=1)
    pool: int = setting(2000, label="Pool", help="Untested molecules that a round chooses among.", low=1)
    n_corpus: int = setting(10_000, label="Corpus", help="Structures the generator learns, without verdicts.", low=10)
    prior_epochs: int = setting(3, label="Generator's epochs", help="At most; a tenth is held out.", low=1)
    failure_steps: int = setting(40, label="Failure steps", help="Updates of the failure model a round.", low=1)
    hidden: int = setting(96, label="Network", help="Hidden units of generator and failure model.", low=4)


class Library:
    """A screen as rows of tokens, and log p of each under a generator that learned its structures."""

    def __init__(self, found: Screen, settings: RetrospectiveSettings, beside: Path | None) -> None:
        tokens = [smiles_tokens(text) for text in found.smiles]
        self.screen, self.n = found, len(tokens)
        self.language = language_of(tokens, at_least=min(20, max(1, self.n // 50)), longest=LONGEST)
        self.rows = rows_of(self.language, tokens)
        body = Recurrent(self.language, generator(0, "weights"), hidden=settings.hidden)
        self.prior = Autoregressive(self.language, body)
        name = json.dumps(["retrospective", 1, settings.screen, settings.n_corpus, settings.prior_epochs,
                           settings.hidden, self.n, len(self.language.slots[0])])  # fmt: skip
        if beside is None:
            self.log_p = self._learned(settings)
            return
        file = beside / f"prior-{hashlib.sha256(name.encode()).hexdigest()[:12]}.safetensors"
        with held(file.with_suffix(".lock"), wait=True):
            if not file.exists():
                kept = {"log_p": self._learned(settings), **self.prior.tensors()}
                save_file(kept, file.with_suffix(".partial"))
                file.with_suffix(".partial").replace(file)
        kept = load_file(file)
        self.log_p = kept.pop("log_p")
        self.prior.restore(kept)

    def _learned(self, settings: RetrospectiveSettings) -> Tensor:
        """Teach the generator, the same for every row; (N,) float64 log p of the library."""
        picked = torch.randperm(self.n, generator=generator(0, "corpus"))[: settings.n_corpus]
        rows, n_out = self.rows[picked], max(len(picked) // 10, 1)
        effort = Effort(settings.prior_epochs, 2e-3, 64)
        self.prior.fit(rows[n_out:], effort, generator(0, "fit"), held_out=rows[:n_out])
        return self.prior.log_prob(self.rows)


class Search:
    """One campaign: what was tested, and how a method looks at what was not. High scores are tested first."""

    def __init__(self, library: Library, settings: RetrospectiveSettings, method: str, seed: int) -> None:
        self.library, self.settings, self.seed = library, settings, seed
        self.rule, self.keep = method.removesuffix("-f16"), SELECTIVE["-f16" if method.endswith("-f16") else ""]
        self.tested = torch.zeros(0, dtype=torch.long)  # in order
        self.failures = library.prior.copy()

    @property
    def told(self) -> Tensor:
        """(T,) the verdicts of what was tested; nothing else of them is ever read."""
        return self.library.screen.passes[self.tested]

    def pool(self, number: int) -> Tensor:
        """Positions of untested molecules that this round may choose among."""
        untested = torch.ones(self.library.n, dtype=torch.bool)
        untested[self.tested] = False
        left = untested.nonzero().squeeze(1)
        return left[torch.randperm(len(left), generator=generator(self.seed, f"pool/{number}"))[: self.settings.pool]]

    def scores(self, pool: Tensor, number: int) -> Tensor | None:
        """(P,) float64, None while a method has nothing to go by."""
        failed, passed = self.tested[~self.told], self.tested[self.told]
        bits = self.library.screen.bits
        if self.rule == "random" or not len(self.tested):
            return None
        if self.rule == "nearest-hit":
            return nearest_similarity(bits(pool), bits(passed)) if len(passed) else None
        if not len(failed):
            return None
        if self.rule == "novelty":
            return 1 - nearest_similarity(bits(pool), bits(failed))
        if self.rule == "classifier":
            fresh = bits(self.pool(number + self.settings.steps))  # another draw of the untested
            return fit_to_features(bits, bits(failed), fresh).of_features(bits(pool))
        return self._ratio(pool, failed, number)

    def _ratio(self, pool: Tensor, failed: Tensor, number: int) -> Tensor:
        """log p of the generator minus that of the failure model, which goes on from the round before."""
        source, batch = generator(self.seed, f"failures/{number}"), 32
        picked = failed[torch.randint(len(failed), (self.settings.failure_steps * batch,), generator=source)]
        self.failures.fit(self.library.rows[picked], Effort(1, 2e-3, batch), source)
        return self.library.log_p[pool] - self.failures.log_prob(self.library.rows[pool])

    def round(self, number: int) -> None:
        """Choose a batch and have it tested."""
        pool = self.pool(number)
        scores = self.scores(pool, number)
        if scores is not None:
            n = max(math.ceil(len(pool) / self.keep), min(self.settings.batch, len(pool)))
            pool = pool[scores.argsort(descending=True, stable=True)[:n]]
        order = torch.randperm(len(pool), generator=generator(self.seed, f"batch/{number}"))
        self.tested = torch.cat([self.tested, pool[order[: self.settings.batch]]])

    def auc(self) -> float:
        """How well the last scores tell hits from failures among untested molecules; a verdict on a method, unpaid."""
        number = self.settings.steps
        pool = self.pool(number)
        scores = self.scores(pool, number)
        passes = self.library.screen.passes[pool]
        return 0.5 if scores is None else auc(scores[~passes], scores[passes])


def run(
    method: str,
    seed: int,
    settings: RetrospectiveSettings,
    *,
    device: str,
    data: Path | None,
    progress: Progress,
    checkpoint: Checkpoint | None,
) -> Outcome:
    """One row, a matter of minutes, which starts again when interrupted; the generator is kept beside the rows."""
    if data is None:
        raise ValueError("the experiment reads screens, and no folder was given")
    name, structure, verdict = SCREENS[settings.screen]
    found = screen(data / name, structure, verdict)
    library = Library(found, settings, None if checkpoint is None else checkpoint.folder.parent)
    search, hits = Search(library, settings, method, seed), [0.0]
    for number in range(settings.steps):
        search.round(number)
        hits.append(float(search.told.sum()))
        progress(len(search.tested), settings.steps * settings.batch, {"hits": hits[-1]})
    told, base = search.told, float(found.passes.double().mean())
    n, first = len(told), told.nonzero()
    numbers = {
        "hits": hits[-1], "enrichment": hits[-1] / (base * n), "nre": float(n), "base_rate": base,
        "molecules": float(library.n), "first_hit": float(first[0]) + 1 if len(first) else math.nan,
        "auc_untested": search.auc(), "left_out": float(found.n_unreadable + found.n_disagreeing),
    }  # fmt: skip
    numbers |= {f"hits_{share}": hits[len(hits[1:]) // share] for share in (2, 4)}
    return Outcome(numbers, n, {"hits": hits})


def interval(values: list[float]) -> dict[str, Any]:
    """Mean and 95 % interval of a mean by Student's t; nulls where one value says nothing of the spread."""
    from scipy.stats import t

    mean, n = statistics.fmean(values), len(values)
    if n < 2:
        return {"mean": mean, "low": None, "high": None, "n": n}
    reach = float(t.ppf((1 + LEVEL) / 2, n - 1)) * statistics.stdev(values) / math.sqrt(n)
    return {"mean": mean, "low": mean - reach, "high": mean + reach, "n": n}


def compare(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """By size and method: hits with their interval after a quarter, half and all of the budget, and over random order.

    A row is compared with the random one of its seed, which shares its first batch.
    """
    told: dict[str, Any] = {}
    plain = {(row["setting"], row["seed"]): row["metrics"]["hits"] for row in rows if row["method"] == "random"}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["setting"], row["method"]), []).append(row)
    ends: dict[str, Callable[[dict[str, Any]], float]] = {
        "hits": lambda row: row["metrics"]["hits"], "hits_half": lambda row: row["metrics"]["hits_2"],
        "hits_quarter": lambda row: row["metrics"]["hits_4"],
    }  # fmt: skip
    for (size, method), found in groups.items():
        mine = {name: interval([of(row) for row in found]) for name, of in ends.items()}
        paired = [row["metrics"]["hits"] - plain[size, row["seed"]] for row in found if (size, row["seed"]) in plain]
        if paired and method != "random":
            mine["more_than_random"] = interval(paired)
        told.setdefault(size, {})[method] = mine
    return told


EXPERIMENT = Experiment(
    name="banel-retrospective",
    sentence="Screens that were run, searched again by failures alone: hits found against molecules tested.",
    settings={name: RetrospectiveSettings(screen=name) for name in SCREENS},
    methods=(
        "random",
        "banel",
        "banel-f16",
        "classifier",
        "classifier-f16",
        "novelty",
        "novelty-f16",
        "nearest-hit",
        "nearest-hit-f16",
    ),
    files=tuple(file for file, _, _ in SCREENS.values()),
    run=run,
    compare=compare,
    published={"source": "The paper has no such experiment. Molecules and verdicts: see docs/banel.md."},
)
