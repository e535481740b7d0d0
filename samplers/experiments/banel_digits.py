"""An attacker that must find sums a small transformer gets wrong, and sees only sums that it got right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safetensors.torch import load_file, save_file

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.baselines.gradients import Push
from samplers.banel.baselines.searcher import Law
from samplers.banel.filters import Region
from samplers.banel.ledger import FAIL, PASS, Entry
from samplers.banel.models import Effort
from samplers.banel.networks import Transformer
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.config import Settings, setting
from samplers.experiments.banel_runs import VARIANTS, baseline, begin, measured, run_banel, run_baseline
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.document import held
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.rng import generator
from samplers.targets.adder import QUESTIONS, Adder, carries, examples, has_leading_zero, operands


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitSettings(Settings):
    """One row. Budget and batch are the paper's (the batch as read off a figure); sizes of networks are ours."""

    budget: int = setting(7500, label="Budget", help="Sums asked.", low=1)
    batch: int = setting(250, label="Batch", help="Sums a round.", low=1)
    leading_zeros: bool = setting(True, label="Leading zeros", help="Whether 07+5 is a valid sum.")
    adder_steps: int = setting(4000, label="Adder", help="Training steps of the transformer under attack.", low=0)
    n_corpus: int = setting(5000, label="Corpus", help="Sums the attacker is pre-trained on.", low=10)
    attacker_epochs: int = setting(30, label="Attacker epochs", help="At most; a tenth is held out.", low=1)
    filter_factor: float = setting(2.0, label="Filter strength", help="One in so many is kept.", low=1)
    failure_epochs: int = setting(20, label="Failure epochs", help="Epochs of the failure model.", low=1)
    keep: int = setting(2000, label="Distillation set", help="Kept sums a round.", low=10)
    steps: int = setting(50, label="Updates", help="Of the gradient baselines a round.", low=1)
    n_measured: int = setting(2000, label="Measured", help="Draws behind each point of the curve.", low=10)
    n_final: int = setting(10_000, label="Measured at the ends", help="Draws behind base rate and last rate.", low=10)


@cache
def _trained(steps: int) -> Adder:
    made = Adder(0)
    made.train(steps)
    return made


def adder(steps: int, beside: Path | None) -> Adder:
    """The transformer under attack, the same for all rows; kept in a folder, if given, by what it was trained with."""
    if beside is None or not steps:
        return _trained(steps) if steps else Adder(0)
    name = hashlib.sha256(json.dumps(["adder", 1, steps]).encode()).hexdigest()[:12]
    file = beside / f"adder-{name}.safetensors"
    with held(file.with_suffix(".lock"), wait=True):
        if not file.exists():
            partial = file.with_suffix(".partial")
            save_file(_trained(steps).tensors(), partial)
            partial.replace(file)
    made = Adder(0)
    made.restore(load_file(file))
    return made


def attacker(n_corpus: int, epochs: int, seed: int) -> Autoregressive:
    """The generator of one seed: trained on questions like the adder's own."""
    model = Autoregressive(QUESTIONS, Transformer(QUESTIONS, generator(seed, "weights"), width=32))
    rows, n_out = QUESTIONS.encode(examples(n_corpus, generator(seed, "corpus"))), n_corpus // 10
    model.fit(rows[n_out:], Effort(epochs, 2e-3, 64), generator(seed, "fit"), held_out=rows[:n_out])
    return model


class _Judge:
    """Which texts are hits, and how often a law draws them."""

    def __init__(self, under_attack: Adder, settings: DigitSettings, seed: int) -> None:
        self.adder, self.settings, self.seed = under_attack, settings, seed

    def hits(self, texts: Sequence[str]) -> list[bool]:
        zeros = self.settings.leading_zeros
        return [
            wrong and (zeros or not has_leading_zero(text))
            for text, wrong in zip(texts, self.adder.errs(texts), strict=True)
        ]

    def __call__(self, entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
        wrong = self.hits([entry.text for entry in entries])
        return ((entry.index, PASS if hit else FAIL) for entry, hit in zip(entries, wrong, strict=True))

    def texts(self, law: Law, name: str, n: int) -> list[str]:
        return QUESTIONS.texts(law.model.draw(n, generator(self.seed, name)))

    def rate(self, law: Law, number: int) -> float:
        """Sampled: draws for measuring are not charged and never learned from."""
        found = self.hits(self.texts(law, f"rate/{number}", self.settings.n_measured))
        return sum(found) / len(found)

    def patterns(self, law: Law, name: str) -> dict[str, float]:
        """Shares of draws of each pattern, and how often the adder errs on it (absent where none was drawn)."""
        texts = self.texts(law, name, self.settings.n_final)
        wrong = self.hits(texts)
        groups: dict[str, list[bool]] = {"invalid": [], "leading_zero": [], **{f"carries_{n}": [] for n in range(4)}}
        for text, hit in zip(texts, wrong, strict=True):
            if operands(text) is None:
                groups["invalid"].append(hit)
            elif has_leading_zero(text):
                groups["leading_zero"].append(hit)
            else:
                groups[f"carries_{carries(text)}"].append(hit)
        found = {"rate": sum(wrong) / len(wrong)}
        for group, hits in groups.items():
            found[f"share_{group}"] = len(hits) / len(texts)
            if hits and group != "invalid":
                found[f"errors_{group}"] = sum(hits) / len(hits)
        return found


def run(
    method: str,
    seed: int,
    settings: DigitSettings,
    *,
    device: str,
    data: Path | None,
    progress: Progress,
    checkpoint: Checkpoint,
) -> Outcome:
    """One row; reads no data. A row is a matter of minutes and starts again when interrupted."""
    beside = None if checkpoint is None else checkpoint.folder.parent
    judge = _Judge(adder(settings.adder_steps, beside), settings, seed)
    prior = attacker(settings.n_corpus, settings.attacker_epochs, seed)
    before = judge.patterns(Law(prior, Region()), "before")
    space = Space(QUESTIONS, tests_invalid=True)
    asked = BanelSettings(
        budget=settings.budget, batch=settings.batch, filter_factor=settings.filter_factor, keep=settings.keep,
        failure_epochs=settings.failure_epochs, held_out=0.0, filter_batch=False, refuse_below=0.0,
    )  # fmt: skip
    if method in VARIANTS:
        state = begin(method, prior, space, asked, seed)
        told, law = run_banel(state, judge, judge.rate, progress)
        ledger = state.ledger
    else:
        searcher = baseline(method, prior, None, seed, Push(updates=settings.steps))
        told, ledger, law = run_baseline(searcher, space, asked, judge, judge.rate, seed, progress)
    after = judge.patterns(law, "after")
    # Without a wrong sum among the first draws the base rate is at most about 3/n; half a hit stands for it.
    base = max(before["rate"], 0.5 / settings.n_final)
    told.rates[-1] = after["rate"]
    numbers = measured(told, ledger, base, 0.0) | {f"base_{name}": value for name, value in before.items()} | after
    return Outcome(numbers, ledger.nre, {"success": told.rates})


EXPERIMENT = Experiment(
    name="banel-digits",
    sentence="Sums that a small transformer gets wrong, sought by a generator that learns from those it got right.",
    settings={"default": DigitSettings(), "no-leading-zeros": DigitSettings(leading_zeros=False)},
    methods=("banel", "resampling", "rnd", "counts"),
    further=("banel-f4", "banel-f16", "banel-e2", "banel-e100", "temperature", "uniform", "npo"),
    run=run,
    published={
        "source": "Lee, Amos, Fanti 2025, table of the attack as shown in the author's blog; other networks and sizes.",
        "default": {
            "banel": {"gain": "278 (mean)", "rate": "0.1112 mean, 0.0488 median"},
            "resampling": {"rate": "0.0004"},
            "rnd": {"gain": "2.1 (mean)"},
            "counts": {"gain": "1.45 (mean)"},
        },
    },
)
