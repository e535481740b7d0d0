"""Molecules of fragments with exactly known success rates: what failures alone teach, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.baselines.gradients import Push
from samplers.banel.baselines.searcher import Law
from samplers.banel.diagnostics import log_success
from samplers.banel.filters import Region
from samplers.banel.ledger import FAIL, PASS, Entry
from samplers.banel.models import Effort
from samplers.banel.networks import Slots
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.config import Settings, setting
from samplers.experiments.banel_runs import (
    BASELINES,
    VARIANTS,
    Rate,
    baseline,
    begin,
    measured,
    run_banel,
    run_baseline,
    vetoed,
)
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.rng import generator
from samplers.targets.fragment_language import GOALS, canonical, corpus, fingerprints, listed

ACCEPTANCE_DRAWS = 4000  # behind the share of draws that a filter passes; all other numbers are sums


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentSettings(Settings):
    """One row. Budget, batch and corpus are those of the published recipe; early stopping of the prior is ours."""

    goal: str = setting("tail-gated", label="Goal", help="Which success set.", choices=tuple(GOALS))
    budget: int = setting(1920, label="Budget", help="Reward evaluations.", low=1)
    batch: int = setting(96, label="Batch", help="Reward evaluations a round.", low=1)
    n_corpus: int = setting(4000, label="Corpus", help="Strings the generator is pre-trained on.", low=100)
    filter_factor: float = setting(2.0, label="Filter strength", help="One in so many is kept.", low=1)
    failure_epochs: int = setting(20, label="Failure epochs", help="Most epochs of the failure model.", low=1)
    held_out: float = setting(0.0, label="Held-out failures", help="0 trains all epochs.", low=0, high=0.5)
    keep: int = setting(2000, label="Distillation set", help="Kept strings a round.", low=10)
    steps: int = setting(50, label="Updates", help="Of the gradient baselines a round.", low=1)


def pretrained(goal: str, n_corpus: int, seed: int) -> Autoregressive:
    """The generator of one seed: trained on Zipf strings, a tenth held out to end it."""
    language = GOALS[goal].language
    model = Autoregressive(language, Slots(language, generator(seed, "weights")))
    rows, n_out = corpus(language, n_corpus, generator(seed, "corpus")), n_corpus // 10
    model.fit(rows[n_out:], Effort(30, 2e-3, 64), generator(seed, "fit"), held_out=rows[:n_out])
    return model


def bits(space: Space, rows: Tensor) -> Tensor:
    """(N, 2048) Morgan bits of rows."""
    return fingerprints(space.language.texts(rows))


def exact_rate(successes: Tensor, seed: int) -> Rate:
    """The rate of a law: a sum over the success set, divided by the sampled share a filter passes, if it has one."""

    def rate(law: Law, number: int) -> float:
        if not law.region.filters:
            return math.exp(log_success(law.model, successes))
        drawn = law.model.draw(ACCEPTANCE_DRAWS, generator(seed, f"acceptance/{number}"))
        accepted = max(float(law.region.accepts(drawn).double().mean()), 1 / ACCEPTANCE_DRAWS)
        return float(law.log_prob(successes, accepted).exp().sum())

    return rate


def support(law: Law, seed: int) -> float:
    """exp(entropy) of a law's draws; a region's missing mass is taken from its acceptance."""
    drawn = law.model.draw(ACCEPTANCE_DRAWS, generator(seed, "support"))
    inside = law.region.accepts(drawn)
    if not bool(inside.any()):
        return math.nan
    return float((-law.model.log_prob(drawn[inside]).mean()).exp() * inside.double().mean())


def run(
    method: str,
    seed: int,
    settings: FragmentSettings,
    *,
    device: str,
    data: Path | None,
    progress: Progress,
    checkpoint: Checkpoint,
) -> Outcome:
    """One row; reads no data. A row is a matter of seconds and starts again when interrupted."""
    prior = pretrained(settings.goal, settings.n_corpus, seed)
    successes, _ = listed(settings.goal)
    hits = set(map(tuple, successes.tolist()))

    def oracle(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
        return ((entry.index, PASS if entry.row in hits else FAIL) for entry in entries)

    language = GOALS[settings.goal].language
    space = Space(language, identify=canonical)
    rate = exact_rate(successes, seed)
    base = rate(Law(prior, Region()), 0)
    asked = BanelSettings(
        budget=settings.budget, batch=settings.batch, filter_factor=settings.filter_factor, keep=settings.keep,
        failure_epochs=settings.failure_epochs, held_out=settings.held_out, filter_batch=False, refuse_below=0.0,
    )  # fmt: skip
    more: dict[str, float] = {}
    if method in VARIANTS:
        state = begin(method, prior, space, asked, seed)
        told, law = run_banel(state, oracle, rate, progress)
        ledger, insurance, more = state.ledger, state.settings.insurance, {"veto": vetoed(state)}
    else:
        push = Push(updates=settings.steps)
        searcher = baseline(method, prior, lambda rows: bits(space, rows), seed, push)
        told, ledger, law = run_baseline(searcher, space, asked, oracle, rate, seed, progress)
        insurance = 0.0
    numbers = measured(told, ledger, base, insurance)
    numbers |= {"effective_support": support(law, seed), "base_support": support(Law(prior, Region()), seed)} | more
    return Outcome(numbers, ledger.nre, {"success": told.rates})


EXPERIMENT = Experiment(
    name="banel-fragments",
    sentence="Fragment molecules with listed success sets: learning from failures against eight baselines.",
    settings={
        "tail-gated": FragmentSettings(),
        "body-gated": FragmentSettings(goal="body-gated"),
        "tail": FragmentSettings(goal="tail"),
        "body": FragmentSettings(goal="body"),
    },
    methods=("banel", "banel-s38", "banel-s71", "banel-hits", "banel-hits-s71", *BASELINES),
    further=("banel-f4", "banel-f16", "banel-e2", "banel-e100", "banel-all", "banel-learn-hits"),
    run=run,
    published={"source": "The paper has no such benchmark; its recipe's pilot figures are in docs/banel.md."},
)
