"""Offline design on TFBind8: every method proposes 128 sequences from the lower half of the scores, judged once.

A row is one trial. Each method looks at equally many settings, trained on the visible labels without the best fifth,
and keeps the one whose designs a validation proxy, which knows that fifth, puts highest at the median. With it the
method learns from all visible labels, and the test oracle answers once.

That spends whatever a method could have in diversity on the median. The size `varied` turns it round: of the settings
whose median the proxy puts above every label that was learned from, the one with the most diverse designs is kept.
The size `curve` chooses nothing and is no trial: every setting learns from all visible labels and is judged by an
oracle of its own, so that methods can be compared in diversity where they reach the same 50th percentile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from torch import Tensor

from samplers.errors import ConfigError
from samplers.experiments import offline_rivals as rivals
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.offline_models import OfflineSettings, Proposer, Tell, Trainer, Trial, energy_model
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.offline.binding import validation_proxy
from samplers.offline.protocol import REFERENCES, Labels, OfflineTask, Proxy, best_apart, percentiles
from samplers.offline.tfbind8 import FILES, tfbind8
from samplers.rng import generator

Learn = Callable[[Trial, Labels, Mapping[str, Any], OfflineSettings, Tell], Proposer]
HELD_APART = 0.2  # best share of the visible labels that tuning keeps from a method and shows to the proxy
N_SETTINGS = 12  # that each method may look at: trainings times ways to draw from each
LEVELS = (45, 50, 55, 60, 65)  # hundredths of the normalised score
FEWEST_DISTINCT = 120  # of the 128 designs, of a setting that tuning may choose where any has so many


@dataclass(frozen=True, slots=True)
class Method:
    """Trainings and ways to draw that are tried, N_SETTINGS together, and how a training becomes a proposer."""

    trainings: Sequence[Mapping[str, Any]]
    draws: Sequence[Mapping[str, Any]]
    learn: Learn = energy_model


CLIMBS = tuple({"eta": eta, "n_steps_share": share} for eta, share in product((0.1, 0.5, 2.0), (0.5, 1.0)))
TEMPERATURES = tuple(
    {"noise": True, "chain_rule": "tokens", "temperature": one} for one in (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
)
GUIDANCES = tuple({"noise": True, "chain_rule": "tokens", "guidance": one} for one in (1.0, 3.0, 6.0, 12.0, 24.0, 48.0))
RATES = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})
TOKENS = {"noise": True, "chain_rule": "tokens"}
DENSITY = {
    **TOKENS, "form": "decoupled", "alpha_rule": "fixed", "alpha": 1.0, "buffer_size": 4096, "restart_share": 0.01
}  # fmt: skip
FOCUSES = tuple({"focus": one} for one in (1.0, 3.0, 6.0, 12.0, 24.0, 48.0))
TARGETS = tuple(
    {"target": target, "guidance": guidance, "remask_rounds": rounds}
    for target, guidance, rounds in product((2.0, 4.0, 6.0), (2.0, 4.0), (0, 2))
)
MEAN = {"form": "regression", "ensemble": "mean"}
METHODS: Mapping[str, Method] = {
    "gradient-ascent": Method([{"form": "regression", **rate} for rate in RATES], CLIMBS),
    "ensemble-mean": Method([{**MEAN, **rate} for rate in RATES], CLIMBS),
    "ensemble-min": Method([{"form": "regression", "ensemble": "min", **rate} for rate in RATES], CLIMBS),
    "coms": Method([{"tau": 0.5, "eta": 2.0}, {"tau": 2.0, "eta": 2.0}], CLIMBS),
    "stochastic-coms": Method([{**TOKENS, "tau": 0.5}, {**TOKENS, "tau": 2.0}], TEMPERATURES),
    "decoupled": Method([{**DENSITY, "energy_penalty": penalty} for penalty in (0.01, 0.1)], GUIDANCES),
    "gflownet": Method([{**MEAN, **rate} for rate in RATES], FOCUSES, rivals.gflownet),
    "diffusion": Method([{**MEAN, **RATES[0]}], TARGETS, rivals.diffusion),
    "diffusion-strands": Method([{"strands": True}], TARGETS, rivals.diffusion),
}

# For the size `varied`: as many settings, closer to each other, since what is kept is the mildest that does.
MILD_CLIMBS = tuple({"eta": eta, "n_steps_share": 0.5} for eta in (0.0125, 0.025, 0.05, 0.075, 0.1, 0.2))
COMS_CLIMBS = tuple({"eta": eta, "n_steps_share": 0.5} for eta in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4))
MILD_TEMPERATURES = (0.5, 0.35, 0.28, 0.24, 0.21, 0.19, 0.17, 0.15, 0.135, 0.12, 0.1, 0.08)
MILD_GUIDANCES = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 16.0)
VARIED: Mapping[str, Method] = {
    **{name: Method(METHODS[name].trainings, MILD_CLIMBS)
       for name in ("gradient-ascent", "ensemble-mean", "ensemble-min")},
    "coms": Method(METHODS["coms"].trainings, COMS_CLIMBS),
    # Token chains keep overestimation below every τ tried, so that one training stands for both.
    "stochastic-coms": Method([{**TOKENS, "tau": 0.5}], [{**TOKENS, "temperature": t} for t in MILD_TEMPERATURES]),
    "decoupled": Method([{**DENSITY, "energy_penalty": 0.1}], [{**TOKENS, "guidance": w} for w in MILD_GUIDANCES]),
}  # fmt: skip


@lru_cache(maxsize=1)
def _shared(folder: Path, seed: int, proxy_steps: int) -> tuple[Proxy, Trainer]:
    """The validation proxy of a seed, which knows all visible labels and no hidden one, and its trainings."""
    task = tfbind8(folder)
    return validation_proxy(task.visible, generator(seed, "validation proxy"), proxy_steps), Trainer(task, seed)


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that the proxy preferred, and what it said of each."""

    training: Mapping[str, Any]
    drawing: Mapping[str, Any]
    at: int
    curve: dict[str, list[float]]


def tune(trial: Trial, method: Method, ours: OfflineSettings, tell: Tell) -> Choice:
    """Look at all settings of a method by the proxy alone."""
    task = trial.task
    labels, _ = best_apart(task.visible, HELD_APART)
    tried: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    curve: dict[str, list[float]] = {"distinct": [], "diversity": [], "proxy_50": [], "proxy_100": []}
    for training in method.trainings:
        learned = method.learn(trial, labels, training, ours, tell)
        for drawing in method.draws:
            source = generator(trial.seed, "designs of the tuning")
            designs = learned.designs(drawing, task.oracle.n_designs, source)
            judged = percentiles(task.oracle.scale(trial.proxy(designs)))
            tried.append((training, drawing))
            curve["distinct"].append(float(len(designs.unique(dim=0))))
            curve["diversity"].append(diversity(designs))
            curve["proxy_50"].append(judged["percentile_50"])
            curve["proxy_100"].append(judged["percentile_100"])
    best_learned = float(task.oracle.scale(labels.scores.max()))
    at = best_of(curve) if ours.choose == "median" else most_diverse_of(curve, best_learned)
    return Choice(*tried[at], at, curve)


def best_of(curve: Mapping[str, Sequence[float]]) -> int:
    """The setting with the best proxy median among those with nearly only distinct designs, or among all."""
    several = [k for k, distinct in enumerate(curve["distinct"]) if distinct >= FEWEST_DISTINCT]
    return max(several or range(len(curve["distinct"])), key=lambda k: curve["proxy_50"][k])


def most_diverse_of(curve: Mapping[str, Sequence[float]], best_learned: float) -> int:
    """The setting with the most diverse designs among those with a proxy median above the best label learned from.

    Where there is none, the setting with the best proxy median.
    """
    above = [k for k, median in enumerate(curve["proxy_50"]) if median > best_learned]
    if not above:
        return max(range(len(curve["proxy_50"])), key=lambda k: curve["proxy_50"][k])
    return max(above, key=lambda k: curve["diversity"][k])


def diversity(designs: Tensor) -> float:
    """Mean number of places in which two of the designs (n, L) differ, over all pairs."""
    differing = (designs.unsqueeze(0) != designs.unsqueeze(1)).sum(dim=2).double()
    return float(differing.sum() / (len(designs) * (len(designs) - 1)))


def propose(trial: Trial, method: Method, ours: OfflineSettings, tell: Tell) -> Outcome:
    """Choose a method's settings by the proxy, learn from all visible labels, and ask the oracle once."""
    task = trial.task
    choice = tune(trial, method, ours, tell)
    learned = method.learn(trial, task.visible, choice.training, ours, tell)
    designs = learned.designs(choice.drawing, task.oracle.n_designs, generator(trial.seed, "designs"))
    judged = task.judged(designs)
    found = {
        **judged, "diversity": diversity(designs),
        "overestimation": float(task.oracle.scale(learned.predict(designs)).mean()) - judged["mean"],
        "chosen": float(choice.at), "proxy_50": choice.curve["proxy_50"][choice.at],
    }  # fmt: skip
    return Outcome(found, task.oracle.n_designs, choice.curve)


def traded(
    trial: Trial, method: Method, ours: OfflineSettings, tell: Tell, fresh: Callable[[], OfflineTask]
) -> Outcome:
    """Every setting of a method judged; `fresh` gives a task whose oracle has not been asked.

    `diversity_at_P` is that of the most diverse designs with a 50th percentile of P hundredths or more.
    """
    curve: dict[str, list[float]] = {name: [] for name in ("percentile_50", "percentile_100", "diversity", "distinct")}
    for training in method.trainings:
        learned = method.learn(trial, trial.task.visible, training, ours, tell)
        for drawing in method.draws:
            task = fresh()
            designs = learned.designs(drawing, task.oracle.n_designs, generator(trial.seed, "designs"))
            found = task.judged(designs) | {"diversity": diversity(designs)}
            for name, values in curve.items():
                values.append(found[name])
    pairs = list(zip(curve["percentile_50"], curve["diversity"], strict=True))
    reached = {level: [one for median, one in pairs if median >= level / 100] for level in LEVELS}
    metrics = {f"diversity_at_{level}": max(some, default=math.nan) for level, some in reached.items()}
    return Outcome(metrics | {"best_50": max(curve["percentile_50"])}, len(pairs) * trial.task.oracle.n_designs, curve)


def run(
    method: str, seed: int, settings: OfflineSettings, *,
    device: str, data: Path | None, progress: Progress, checkpoint: Checkpoint,
) -> Outcome:  # fmt: skip
    """One trial. It is short, so an interrupted row begins again. Raises ConfigError without the data folder."""
    if data is None:
        raise ConfigError("data", "is needed: the folder that holds the table of binding scores")
    task = tfbind8(data)
    if method in REFERENCES:
        designs = REFERENCES[method](task, generator(seed, method))
        return Outcome({**task.judged(designs), "diversity": diversity(designs)}, task.oracle.n_designs)
    tried = METHODS[method] if settings.choose == "median" else VARIED[method]
    tell = Tell(progress, (len(tried.trainings) + 1) * settings.steps)
    trial = Trial(task, *_shared(data, seed, settings.proxy_steps), seed)
    if settings.choose == "none":
        return traded(trial, tried, settings, tell, lambda: tfbind8(data))
    return propose(trial, tried, settings, tell)


EXPERIMENT = Experiment(
    name="tfbind8-offline",
    sentence="Offline design on TFBind8: conservative and energy models beside gradient ascent, a GFlowNet and "
    "diffusion, judged once.",
    settings={
        "default": OfflineSettings(),
        "varied": OfflineSettings(choose="diverse"),
        "curve": OfflineSettings(choose="none"),
    },
    methods=(*METHODS, *REFERENCES),
    only={"varied": tuple(VARIED), "curve": tuple(VARIED)},
    files=FILES,
    run=run,
    published={
        "source": "Robust Guided Diffusion, Tables 2 and 6, 8 trials, mean; D(best) 0.439",
        "notes": "At the 100th and 50th percentile: gradient ascent 0.872 and 0.546, COMs 0.517 and 0.439 (by their "
        "authors 0.945), reward-conditioned diffusion 0.957 and 0.553, RGD 0.974 and 0.557.",
    },
)
