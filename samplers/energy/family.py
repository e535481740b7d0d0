"""Models for fixed data as a family: prepare, advance, propose, score, save, load."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from samplers.diffusion.targets import targets_for
from samplers.energy import spaces
from samplers.energy.checkpoint import load, save
from samplers.energy.config import EnergyConfig
from samplers.energy.spaces import Plain
from samplers.energy.state import PURPOSES, Aim, State, design_step, learn_step, order_of, starts, training_of
from samplers.errors import ConfigError
from samplers.evaluation import Archive, Reward
from samplers.events import OnEvent
from samplers.families import DataForTraining, Proposal, Scores
from samplers.kinds import MOLECULE
from samplers.labels import Labeler, Labels, label
from samplers.numerics import log_mean_exp
from samplers.rng import generator, generators

__all__ = ["Config", "State", "advance", "load", "measure", "prepare", "propose", "random_assembly", "save", "score"]

Config = EnergyConfig
ANNEALED, TEMPERATURES, AT_EACH = 64, 24, 2  # chains, temperatures and steps by which log Z is estimated


def measure(config: EnergyConfig, structures: Sequence[str], kind: str = MOLECULE) -> dict[str, Any]:
    """The pre-flight report alone: what would be built from, and what of these structures it could express.

    Raises VocabularyError when nothing could be built, ConfigError for an unknown kind of design.
    """
    return spaces.measure(kind, config, structures)


def random_assembly(environment: Any, n: int, source: torch.Generator) -> list[str]:
    """n designs drawn without any learning: the baseline that a generator must beat."""
    found: list[str] = environment.random(n, source)
    return found


def prepare(
    config: EnergyConfig,
    data: DataForTraining,
    reward: Reward,
    *,
    seed: int,
    budget: int | None,
    device: str = "cpu",
) -> State:
    """Space, labels of the data, networks and report (`state.report`, plain data) for a new run.

    `budget` is the number of distinct designs that may be scored, None for no limit. Labelling the data asks a free
    objective and costs nothing of it. Raises VocabularyError when nothing could be built from the data, RewardError
    when the steered objective says nothing about them, ConfigError naming the setting that is refused.
    """
    if budget is not None and budget < 1:
        raise ConfigError("budget", f"must be at least 1 evaluation, got {budget}")
    labeler = Labeler(reward, config.steer_by)
    sources = generators(seed, PURPOSES)
    space, report = spaces.prepare(data.kind, config, data.structures, sources["space"], device)
    labels = label(labeler, space.structures)
    sign = direction(config, labeler, space.structures)
    n_features = space.features(space.own[:1]).shape[1]
    order, n_known = order_of(labels, n_features)
    aims, sentences = aims_of(config, labels)
    report = report | _about(config, labels, sign, len(order), n_known, aims)
    report["sentences"] = [*report["sentences"], *report.pop("added"), *sentences]
    return State(
        config=config, space=space, training=training_of(config, space, labels, sign, order, seed, device),
        archive=Archive(reward, budget=budget), labeler=labeler, labels=labels, aims=aims, order=order, sign=sign,
        generators=sources, report=report, labelled=list(data.known),
    )  # fmt: skip


def direction(config: EnergyConfig, labeler: Labeler, structures: Sequence[str]) -> float:
    """1 where higher values are better, −1 where lower ones are: as told, else as the data's desirability goes."""
    if config.direction != "auto":
        return 1.0 if config.direction == "higher" else -1.0
    batch = labeler.reward.evaluate(list(structures[:1000]))
    value, worth = (np.asarray(table)[:, labeler.column] for table in (batch.values, batch.desirabilities))
    known = np.isfinite(value) & np.isfinite(worth)
    together = (
        float(((value - value[known].mean()) * (worth - worth[known].mean()))[known].sum()) if known.any() else 0.0
    )
    return -1.0 if together < 0 else 1.0


def aims_of(config: EnergyConfig, labels: Labels) -> tuple[tuple[Aim, ...], list[str]]:
    """The weights or targets of a run, and sentences on what was changed or lies outside the data."""
    if config.form == "coupled" and config.draw == "climb":
        words = "Uphill is the same way at every weight, so designs are drawn for one."
        return (Aim(config.asked_weights[-1] or 1.0),), [words] if len(config.asked_weights) > 1 else []
    if not config.asked_targets:
        return tuple(Aim(weight) for weight in config.asked_weights), []
    targets, sentences = targets_for(config.targets, labels)
    return tuple(Aim(target, is_target=True) for target in targets), sentences


def _about(
    config: EnergyConfig, labels: Labels, sign: float, n_examples: int, n_known: int, aims: Sequence[Aim]
) -> Plain:
    """What the report says of labels, model and aims."""
    known = labels.known
    quantiles = {str(q): float(np.quantile(known, q / 100)) for q in (5, 25, 50, 75, 95)}
    origin = "predicted by the model learned from your labels" if labels.learned else "computed"
    best = float(known.max() if sign > 0 else known.min())
    way = "Higher" if sign > 0 else "Lower"
    return {
        "form": config.form, "draw": config.draw, "sign": sign, "aims": [aim.value for aim in aims],
        "is_target": any(aim.is_target for aim in aims), "tau": config.tau if config.form == "coupled" else None,
        "labels": labels.to_dict() | {
            "n": len(known), "quantiles": quantiles, "low": float(known.min()), "high": float(known.max()),
            "best": best,
        },
        "added": [
            f"Learns {labels.name!r}, {origin}, from {n_known:,} of {len(labels.values):,} structures: mean "
            f"{labels.mean:.4g}, standard deviation {labels.sd:.4g}, from {known.min():.4g} to {known.max():.4g}; what "
            f"structures are like from {n_examples:,}.",
            *([] if any(aim.is_target for aim in aims) else [f"{way} is taken to be better."]),
        ],
    }  # fmt: skip


def advance(state: State, should_stop: Callable[[State], bool], on_event: OnEvent) -> State:
    """Learn, then design, until `should_stop(state)`, asked between steps only, or until `state.finished`.

    Raises TrainingError when a loss is not finite.
    """
    while not state.finished and not should_stop(state):
        on_event(design_step(state) if state.designing else learn_step(state))
    return state


def propose(state: State, n: int, generator: torch.Generator) -> list[Proposal]:
    """Up to n distinct designs for the aims in turn, as the model is now; charges nothing, changes nothing.

    `log_p` is relative to the constant that `score` estimates, which designs from one call share.
    """
    config, found = state.config, dict[str, float]()
    size = min(max(math.ceil(n / len(state.aims)), 16), config.n_chains)
    for turn in range(4 * math.ceil(n / size)):
        aim = state.aims[turn % len(state.aims)]
        rows = starts(state, size, generator)
        walk = state.space.walk(
            state.objective(aim), rows, config.warm_up * state.space.moves, generator, climbs=config.draw == "climb"
        )
        found |= dict(zip(state.space.decode(walk.rows), state.log_p(walk.rows, walk.features).tolist(), strict=True))
        if len(found) >= n:
            break
    return [
        Proposal(text, value, state.archive[text].log_reward if text in state.archive else None)
        for text, value in list(found.items())[:n]
    ]


def score(state: State, structures: Sequence[str]) -> Scores:
    """log p of each structure under the model without any weight: estimates, since log Z is one."""
    log_z, log_p, kinds, notes = None, [], [], []
    for text in structures:
        rows, reason = state.space.state_of(text)
        if not len(rows):
            log_p.append(-math.inf)
            kinds.append("impossible")
            notes.append(reason)
            continue
        log_z = log_normaliser(state) if log_z is None else log_z
        log_p.append(float(state.log_p(rows[:1], state.space.features(rows[:1]))) - log_z)
        kinds.append("estimate")
        notes.append("")
    return Scores(tuple(log_p), tuple(kinds), tuple(notes))


def log_normaliser(state: State) -> float:
    """An estimate of log Σ base(x) exp(f(x)), unbiased for Z itself: annealed importance sampling from the base."""
    source = generator(0, "score/log Z")
    rows = state.space.base(ANNEALED, source)
    features = state.space.features(rows)
    log_weights = torch.zeros(ANNEALED, dtype=torch.float64)
    for k in range(TEMPERATURES):
        with torch.no_grad():
            log_weights += state.model.log_density(features).double().cpu() / TEMPERATURES
        if k + 1 < TEMPERATURES:
            heat = (k + 1) / TEMPERATURES

            def tempered(x: Tensor, heat: float = heat) -> Tensor:
                return heat * state.model.log_density(x)

            walk = state.space.walk(tempered, rows, AT_EACH * state.space.moves, source)
            rows, features = walk.rows, walk.features
    return float(log_mean_exp(log_weights))
