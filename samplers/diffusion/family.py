"""Reward-directed generation as a family: prepare, advance, propose, score, save, load."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from samplers.diffusion import models
from samplers.diffusion.checkpoint import load, save
from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.gate import gate_for
from samplers.diffusion.models import Model, Plain, Space
from samplers.diffusion.targets import targets_for
from samplers.diffusion.training import DRAWN_AT_ONCE, PURPOSES, VALIDATED, State, design_step, train_step
from samplers.errors import ConfigError
from samplers.evaluation import Archive, Reward
from samplers.events import OnEvent
from samplers.families import DataForTraining, Proposal, Scores
from samplers.kinds import MOLECULE
from samplers.labels import Labeler, Labels, label
from samplers.rng import generator, generators

__all__ = ["Config", "State", "advance", "load", "measure", "prepare", "propose", "random_assembly", "save", "score"]

Config = DiffusionConfig


def measure(config: DiffusionConfig, structures: Sequence[str], kind: str = MOLECULE) -> dict[str, Any]:
    """The pre-flight report alone: what would be built from, and what of these structures it could express.

    Raises VocabularyError when nothing could be built, ConfigError for an unknown kind of design, or for something to
    keep that cannot be kept.
    """
    name, why = models.chosen(config, kind, "cpu")
    report: Plain
    if config.scaffold:
        model, report = models.module(name).prepare(kind, config, structures, generator(0, "weights"), "cpu")
        model.fixed(config.scaffold)
    else:
        report = models.module(name).measure(kind, config, structures)
    return report | {"model": name, "model_reason": why}


def random_assembly(environment: Space, n: int, source: torch.Generator) -> list[str]:
    """n designs drawn without any learning: the baseline that a generator must beat."""
    return environment.random(n, source)


def prepare(
    config: DiffusionConfig,
    data: DataForTraining,
    reward: Reward,
    *,
    seed: int,
    budget: int | None,
    device: str = "cpu",
) -> State:
    """Model, labels of the data, gate and report (`state.report`, plain data) for a new run.

    `budget` is the number of distinct designs that may be scored, None for no limit. Labelling the data and the gate
    ask free objectives and cost nothing of it. Raises VocabularyError when nothing could be built from the data,
    RewardError when the steered objective says nothing about them, ConfigError naming the setting that is refused.
    """
    if budget is not None and budget < 1:
        raise ConfigError("budget", f"must be at least 1 evaluation, got {budget}")
    labeler = Labeler(reward, config.steer_by)
    sources = generators(seed, PURPOSES)
    name, why = models.chosen(config, data.kind, device)
    model, report = models.module(name).prepare(data.kind, config, data.structures, sources["weights"], device)
    keep = model.fixed(config.scaffold) if config.scaffold else None
    labels = label(labeler, model.structures, config.label_noise)
    targets, sentences = targets_for(config.targets, labels)
    report = report | _about(labels, targets, model, name, why)
    report["sentences"] = [*report["sentences"], *sentences, *report.pop("added")]
    order = torch.randperm(len(model.structures), generator=sources["held out"])
    return State(
        config=config, model=model, archive=Archive(reward, budget=budget), labeler=labeler, labels=labels,
        gate=gate_for(data.kind, model.structures, labels.values), targets=targets,
        held_out=order[: min(VALIDATED, len(order) // 10)].sort().values, generators=sources, report=report,
        labelled=list(data.known), keep=keep,
    )  # fmt: skip


def _about(labels: Labels, targets: Sequence[float], model: Model, name: str, why: str) -> Plain:
    """What the report says of labels, targets and model."""
    known = labels.known
    quantiles = {str(q): float(np.quantile(known, q / 100)) for q in (5, 25, 50, 75, 95)}
    origin = "predicted by the model learned from your labels" if labels.learned else "computed"
    return {
        "model": name, "model_reason": why, "targets": list(targets),
        "labels": labels.to_dict() | {
            "n": len(known), "quantiles": quantiles, "low": float(known.min()), "high": float(known.max()),
        },
        "added": [
            f"Steered by {labels.name!r}, {origin} for {len(known):,} of {len(model.structures):,} structures: mean "
            f"{labels.mean:.4g}, standard deviation {labels.sd:.4g}, from {known.min():.4g} to {known.max():.4g}.",
            f"Label noise {labels.noise:.3g}"
            + (f"; the held-out error is {labels.error:.3g}." if labels.learned else "."),
        ],
    }  # fmt: skip


def advance(state: State, should_stop: Callable[[State], bool], on_event: OnEvent) -> State:
    """Learn, then design, until `should_stop(state)`, asked between steps only, or until `state.finished`.

    Raises TrainingError when a loss is not finite.
    """
    while not state.finished and not should_stop(state):
        on_event(design_step(state) if state.designing else train_step(state))
    return state


def propose(state: State, n: int, generator: torch.Generator) -> list[Proposal]:
    """Up to n distinct designs for the targets in turn, as the model is now; charges nothing, changes nothing."""
    found: dict[str, None] = {}
    size = min(max(math.ceil(n / len(state.targets)), 16), DRAWN_AT_ONCE)
    for turn in range(20 * math.ceil(n / size)):
        wanted = state.labels.standardised(state.targets[turn % len(state.targets)])
        found.update(dict.fromkeys(state.model.draw(size, wanted, state.config.guidance, generator, state.keep)))
        if len(found) >= n:
            break
    drawn = list(found)[:n]
    nats = state.model.likelihood(drawn, generator).nats
    return [
        Proposal(text, -value, state.archive[text].log_reward if text in state.archive else None)
        for text, value in zip(drawn, nats, strict=True)
    ]


def score(state: State, structures: Sequence[str]) -> Scores:
    """log p of each structure under the model without target: exact, an estimate or a lower bound, and which."""
    told = [state.model.likelihood([text], generator(0, f"score/{text}")) for text in structures]
    return Scores(
        tuple(-one.nats[0] for one in told), tuple(one.kinds[0] for one in told), tuple(one.notes[0] for one in told)
    )
