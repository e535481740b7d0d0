"""One run of any compared method against a listed or sampled success set, and what is told of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.baselines.filtering import ClassifierFilter, NoveltyFilter
from samplers.banel.baselines.gradients import Counts, NegativePreference, Push, RandomDistillation
from samplers.banel.baselines.searcher import Fixed, Law, Searcher
from samplers.banel.filters import EmptyRegionError, Region, draw_accepted
from samplers.banel.ledger import FAIL, FILTERED, PASS, PRIOR, Candidate, Entry, Ledger, Oracle
from samplers.banel.odds import hit_probability, insured_share, plain_chance
from samplers.banel.proposing import Arms, arms, propose, proposer
from samplers.banel.rounds import learn
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.banel.state import State, start
from samplers.experiments.registry import Progress
from samplers.rng import generator

# What the names of BaNEL's variants change.
VARIANTS: Mapping[str, dict[str, Any]] = {
    "banel": {},
    "banel-f4": {"filter_factor": 4.0},
    "banel-f16": {"filter_factor": 16.0},
    "banel-e2": {"failure_epochs": 2},
    "banel-e100": {"failure_epochs": 100},
    "banel-all": {"failures_used": "all"},
    "banel-s38": {"insurance": 0.38},
    "banel-s71": {"insurance": 0.71},
    "banel-hits": {"insurance": 0.38, "mode": "promote", "after_hit": "explore"},
    "banel-hits-s71": {"insurance": 0.71, "mode": "promote", "after_hit": "explore"},
    "banel-learn-hits": {"insurance": 0.38, "mode": "promote", "after_hit": "learn"},
}
BASELINES = ("resampling", "temperature", "uniform", "novelty", "classifier", "npo", "rnd", "counts")
WARM = 2.0  # the tempered baseline
SELECTIVE = 4.0  # of novelty and classifier: one in four is sent

Rate = Callable[[Law, int], float]  # success rate of a law; the round says which random numbers


@dataclass(slots=True)
class Told:
    """What is kept of a run: the success rate before each round and at the end, and where wells went."""

    rates: list[float] = field(default_factory=list)
    parts: list[tuple[float, int]] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)  # found in each round


def baseline(
    method: str, prior: Autoregressive, features: Callable[[Tensor], Tensor] | None, seed: int, push: Push
) -> Searcher:
    """A compared method by name. Raises KeyError for another, ValueError where features are missing."""
    if method in ("novelty", "classifier"):
        if features is None:
            raise ValueError(f"{method} needs features")
        made = NoveltyFilter if method == "novelty" else ClassifierFilter
        return made(prior, features, filter_factor=SELECTIVE, seed=seed)
    if method in ("resampling", "temperature", "uniform"):
        heat = {"resampling": 1.0, "temperature": WARM, "uniform": math.inf}[method]
        return Fixed(prior.tempered(heat))
    return {"npo": NegativePreference, "rnd": RandomDistillation, "counts": Counts}[method](prior, push, seed)


def run_baseline(
    searcher: Searcher, space: Space, settings: BanelSettings, oracle: Oracle, rate: Rate, seed: int,
    progress: Progress,
) -> tuple[Told, Ledger, Law]:  # fmt: skip
    """Batches without repeats until the budget is spent."""
    told, ledger, number = Told(), Ledger(settings.budget), 0
    while ledger.n_left:
        n = min(settings.batch, ledger.n_left)
        law = searcher.law
        told.rates.append(rate(law, number))
        told.parts.append((told.rates[-1], n))
        ledger.request(number, _batch(law, space, ledger, n, generator(seed, f"draw/{number}")))
        ledger.ask(oracle)
        sent = ledger.of_round(number)
        told.hits.append(sum(entry.verdict == PASS for entry in sent))
        searcher.learn(_rows(space, [entry for entry in sent if entry.verdict == FAIL]), number)
        number += 1
        progress(ledger.nre, settings.budget, {"success": told.rates[-1]})
    told.rates.append(rate(searcher.law, number))
    return told, ledger, searcher.law


def _rows(space: Space, entries: list[Entry]) -> Tensor:
    rows = torch.tensor([entry.row for entry in entries], dtype=torch.long)
    return rows.view(len(entries), space.language.max_length)


def _batch(law: Law, space: Space, ledger: Ledger, n: int, source: torch.Generator) -> list[Candidate]:
    """n candidates that were never tested; fewer, when a collapsed generator has no more of them, repeats included."""
    found: dict[str, Candidate] = {}
    for _ in range(50):
        try:
            rows = draw_accepted(law.model, law.region, 2 * n, source, at_once=2 * n, patience=100_000)
        except EmptyRegionError:
            rows = law.model.draw(2 * n, source)  # the filter has nothing left; the generator itself goes on
        for one in space.candidates(rows, "filtered"):
            if one.key not in ledger:
                found.setdefault(one.key, one)
        if len(found) >= n:
            break
    chosen = list(found.values())[:n]
    # A collapsed generator pays for what it says again: replicates are charged, so that all methods spend alike.
    again = space.candidates(law.model.draw(max(4 * n, 64), source), "replicate") if len(chosen) < n else []
    if len(chosen) + len(again) < n:  # nothing but invalid texts: they cost a well each
        again += [Candidate("", "", tuple(row), "replicate") for row in law.model.draw(n, source).tolist()]
    return chosen + again[: n - len(chosen)]


def run_banel(state: State, oracle: Oracle, rate: Rate, progress: Progress) -> tuple[Told, Law]:
    """Rounds until the budget is spent; stopping rules are off in the settings of a comparison."""
    told, first = Told(), rate(Law(state.first, Region()), 0)
    while not state.finished and state.ledger.n_left:
        wells = arms(
            min(state.settings.batch, state.ledger.n_left), state.settings.insurance, state.settings.replicates
        )
        model, region = proposer(state)
        told.rates.append(rate(Law(model, region), state.number))
        told.parts += [(told.rates[-1], wells.filtered), (first, wells.prior)]
        try:
            propose(state)
        except EmptyRegionError:
            _repeat(state, wells)
        state.ledger.ask(oracle)
        told.hits.append(sum(entry.verdict == PASS for entry in state.ledger.of_round(state.number)))
        learn(state)
        progress(state.ledger.nre, state.settings.budget, {"success": told.rates[-1]})
    model, region = proposer(state)
    told.rates.append(rate(Law(model, region), state.number))
    return told, Law(model, region)


def _repeat(state: State, wells: Arms) -> None:
    """A round of a generator that has nothing new left: it pays for what it says again, as the baselines do."""
    model, region = proposer(state)
    source, space, ledger = state.source("again"), state.space, state.ledger
    prior = _batch(Law(state.first, Region()), space, ledger, wells.prior, source)
    chosen = [replace(one, arm=PRIOR) if one.arm == FILTERED else one for one in prior]
    chosen += _batch(Law(model, region), space, ledger, wells.filtered + wells.replicates, source)
    ledger.request(state.number, chosen)


def measured(told: Told, ledger: Ledger, base: float, insurance: float) -> dict[str, float]:
    """The numbers of a row: gains over the base rate, chance of a hit, what was found, what was guaranteed."""
    plain = plain_chance(base, ledger.budget)
    first = next((number + 1 for number, n in enumerate(told.hits) if n), math.nan)
    return {
        "gain": told.rates[-1] / base, "gain_best": max(told.rates) / base,
        "hit_probability": hit_probability(told.parts), "nre": float(ledger.nre), "base_rate": base,
        "hits_found": float(sum(told.hits)), "first_hit_round": float(first),
        "resampling_hit_probability": plain,
        "insured_hit_probability": plain * insured_share(insurance, base * ledger.budget),
    }  # fmt: skip


def vetoed(state: State) -> float:
    """1 where the veto was heard in the round of the first hit, 0 where not, NaN without a hit or with hits unused."""
    first = next((one for one in state.rounds if one.n_hits), None)
    if first is None or state.settings.mode != "promote":
        return math.nan
    return float(len(first.vetoes) == first.n_hits)


def begin(method: str, prior: Autoregressive, space: Space, settings: BanelSettings, seed: int) -> State:
    """A BaNEL run by the name of its variant, with the stopping rules off, since all methods spend the same."""
    changes = {
        "mode": "negatives_only", "insurance": 0.0, "min_unique": 0.0, "min_support": 0.0, "blind_rounds": 0,
        **VARIANTS[method],
    }  # fmt: skip
    return start(BanelSettings.from_dict({**settings.to_dict(), **changes}), space, prior, seed=seed)
