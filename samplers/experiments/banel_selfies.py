"""Drug-like molecules, no list of what succeeds: a generator of SELFIES, and an oracle that nearly always fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.baselines.gradients import Push
from samplers.banel.baselines.searcher import Law
from samplers.banel.filters import Region, draw_accepted
from samplers.banel.language import Language
from samplers.banel.ledger import FAIL, PASS, Entry
from samplers.banel.models import Effort
from samplers.banel.networks import Recurrent
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.banel.tokens import language_of, rows_of
from samplers.config import Settings, setting
from samplers.experiments.banel_runs import BASELINES, VARIANTS, baseline, begin, measured, run_banel, run_baseline
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.document import held
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.rng import generator
from samplers.targets.selfies_hits import identities, identity, is_hit, symbols

FILE = "zinc20k.smi"
LONGEST = 60  # symbols
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfiesSettings(Settings):
    """One row, small enough for two cores; the paper has no such task."""

    budget: int = setting(960, label="Budget", help="Molecules tested.", low=1)
    batch: int = setting(96, label="Batch", help="Molecules tested a round.", low=1)
    n_corpus: int = setting(10_000, label="Corpus", help="Molecules the generator is pre-trained on.", low=10)
    prior_epochs: int = setting(6, label="Generator's epochs", help="At most; a tenth is held out.", low=1)
    hidden: int = setting(128, label="Network", help="Hidden units of the generator.", low=4)
    filter_factor: float = setting(2.0, label="Filter strength", help="One in so many is kept.", low=1)
    failure_epochs: int = setting(20, label="Failure epochs", help="Epochs of the failure model.", low=1)
    keep: int = setting(1000, label="Distillation set", help="Kept molecules a round.", low=10)
    steps: int = setting(50, label="Updates", help="Of the gradient baselines a round.", low=1)
    n_measured: int = setting(1000, label="Measured", help="Draws behind each point of the curve.", low=10)
    n_final: int = setting(20_000, label="Measured at the end", help="Draws behind the last rate.", low=10)
    n_base: int = setting(50_000, label="Measured at the start", help="Draws behind the base rate.", low=10)


def pretrained(settings: SelfiesSettings, data: Path, seed: int, beside: Path | None) -> tuple[Autoregressive, float]:
    """The generator of one seed and its success rate, kept beside the rows once it was learned and measured."""
    texts = [text for text in symbols(data / FILE, settings.n_corpus) if len(text) <= LONGEST]
    language = language_of(texts, at_least=min(5, max(1, len(texts) // 20)), longest=LONGEST, rare=False)
    inside = [text for text in texts if set(text) <= set(language.slots[0])]
    model = Autoregressive(language, Recurrent(language, generator(seed, "weights"), hidden=settings.hidden))
    named = [settings.n_corpus, settings.prior_epochs, settings.hidden, settings.n_base, len(inside), seed]
    name = hashlib.sha256(json.dumps(["selfies", 1, *named]).encode()).hexdigest()[:12]
    if beside is None:
        return model, _learned(model, rows_of(language, inside), settings, seed)
    file = beside / f"prior-{name}.safetensors"
    with held(file.with_suffix(".lock"), wait=True):
        if not file.exists():
            base = torch.tensor(_learned(model, rows_of(language, inside), settings, seed), dtype=torch.float64)
            save_file({"base": base, **model.tensors()}, file.with_suffix(".partial"))
            file.with_suffix(".partial").replace(file)
    kept = load_file(file)
    base = kept.pop("base")
    model.restore(kept)
    return model, float(base)


def _learned(model: Autoregressive, rows: Tensor, settings: SelfiesSettings, seed: int) -> float:
    rows, n_out = rows[torch.randperm(len(rows), generator=generator(seed, "corpus"))], max(len(rows) // 10, 1)
    effort = Effort(settings.prior_epochs, 2e-3, 64)
    model.fit(rows[n_out:], effort, generator(seed, "fit"), held_out=rows[:n_out])
    return sum(hits(Law(model, Region()), model.language, settings.n_base, generator(seed, "base"))) / settings.n_base


def hits(law: Law, language: Language, n: int, source: torch.Generator) -> list[bool]:
    """Which of n draws of a law succeed; nothing of it is charged, or learned from."""
    found: list[bool] = []
    while len(found) < n:
        rows = draw_accepted(law.model, law.region, min(n - len(found), 2048), source)
        found += [is_hit(text) for text in language.texts(rows)]
    return found


def interval(n_hits: int, n: int) -> tuple[float, float]:
    """The 95 % Clopper–Pearson interval of a rate."""
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, n_hits, n - n_hits + 1)) if n_hits else 0.0
    return low, float(beta.ppf(1 - tail, n_hits + 1, n - n_hits)) if n_hits < n else 1.0


def bits(texts: Sequence[str]) -> Tensor:
    """(N, 2048) Morgan bits of SELFIES; a text that is no molecule has none."""
    from samplers.chem.fingerprints import fingerprints

    packed = fingerprints([identity(text) or "[He]" for text in texts])
    return torch.from_numpy(np.unpackbits(packed, axis=1)).float()


def oracle(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """Answers at once."""
    return ((entry.index, PASS if is_hit(entry.text) else FAIL) for entry in entries)


def run(
    method: str,
    seed: int,
    settings: SelfiesSettings,
    *,
    device: str,
    data: Path | None,
    progress: Progress,
    checkpoint: Checkpoint | None,
) -> Outcome:
    """One row, which starts again when interrupted; the generator of its seed is kept beside the rows."""
    if data is None:
        raise ValueError("the experiment reads molecules, and no folder was given")
    prior, base = pretrained(settings, data, seed, None if checkpoint is None else checkpoint.folder.parent)
    space = Space(prior.language, identify=identities)

    def rate(law: Law, number: int) -> float:
        if method == "resampling":
            return base
        return (
            sum(hits(law, prior.language, settings.n_measured, generator(seed, f"rate/{number}"))) / settings.n_measured
        )

    asked = BanelSettings(
        budget=settings.budget, batch=settings.batch, filter_factor=settings.filter_factor, keep=settings.keep,
        failure_epochs=settings.failure_epochs, held_out=0.0, filter_batch=False, refuse_below=0.0,
    )  # fmt: skip
    if method in VARIANTS:
        state = begin(method, prior, space, asked, seed)
        told, law = run_banel(state, oracle, rate, progress)
        ledger = state.ledger
    else:
        push = Push(updates=settings.steps)
        searcher = baseline(method, prior, lambda rows: bits(prior.language.texts(rows)), seed, push)
        told, ledger, law = run_baseline(searcher, space, asked, oracle, rate, seed, progress)
    n_hits = sum(hits(law, prior.language, settings.n_final, generator(seed, "after")))
    told.rates[-1] = n_hits / settings.n_final
    low, high = interval(n_hits, settings.n_final)
    # Without a hit among the first draws half a hit stands for the base rate.
    numbers = measured(told, ledger, max(base, 0.5 / settings.n_base), 0.0)
    base_low, base_high = interval(round(base * settings.n_base), settings.n_base)
    numbers |= {
        "rate": told.rates[-1], "rate_low": low, "rate_high": high, "base_low": base_low, "base_high": base_high,
        "distinct_hits": float(len({entry.key for entry in ledger.entries if entry.verdict == PASS})),
    }  # fmt: skip
    return Outcome(numbers, ledger.nre, {"success": told.rates})


EXPERIMENT = Experiment(
    name="banel-selfies",
    sentence="Drug-like molecules as SELFIES: hits of about 1 in 10,000 draws, sought by failures alone.",
    settings={"default": SelfiesSettings()},
    methods=("banel", *BASELINES),
    further=("banel-f4", "banel-f16", "banel-e100", "banel-s38"),
    files=(FILE,),
    run=run,
    published={"source": "The paper has no such task; generator and oracle are ours."},
)
