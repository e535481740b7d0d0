"""Why a run does or does not propose one design: whether it can build it, how likely it draws it, what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from samplers.families import family
from samplers.kinds import is_sequence
from samplers.rewards.definition import RewardDefinition
from samplers.rewards.evaluating import AnyReward
from samplers.rewards.reward import Reward
from samplers.running import flat, load_model, load_reward
from samplers.sequences.reward import SequenceReward

Plain = dict[str, Any]


def explain(spec: Mapping[str, Any], *, models: Mapping[str, Path], source: Path | None, text: str) -> Plain:
    """One standardised design under a run's reward and under its generator as it stands in the folder `source`.

    Returns `design`, the text as the run would write it (molecules of a run carry no stereo marks); `built`, None
    without a `source`, else `log_p`, `kind` and `note` as in `families.Scores`, `n_drawn`, how many designs the run has
    evaluated, and `step`; `worth` as `worth` tells it. No remote scorer is asked.
    """
    import torch

    torch.set_num_threads(int(spec.get("threads", 1)))
    definition = RewardDefinition.from_dict(dict(spec["reward"]), spec.get("kind", ""))
    design = text if is_sequence(definition.kind) else flat([text])[0]
    return {
        "design": design,
        "built": None if source is None else _built(spec, models, source, design),
        "worth": worth(definition, models, design),
    }


def _built(spec: Mapping[str, Any], models: Mapping[str, Path], source: Path, design: str) -> Plain:
    module = family(spec["family"])
    reward = load_reward(spec["reward"], models, _nobody, spec.get("kind", ""))
    state = module.load(source, reward, device="cpu")
    scores = module.score(state, [design])
    log_p = scores.log_p[0]
    return {
        "log_p": log_p if math.isfinite(log_p) else None, "kind": scores.kinds[0], "note": scores.notes[0],
        "n_drawn": len(state.archive), "step": state.step,
    }  # fmt: skip


def _nobody(url: str, objective: str, structures: Sequence[str]) -> list[float | None]:
    raise RuntimeError("a paid scorer was asked for an explanation")


def worth(definition: RewardDefinition, models: Mapping[str, Path], design: str) -> Plain:
    """The reward of one design and each objective's part in it; `log_reward` is None where a paid scorer would have
    to be asked.

    `objectives` holds name, value, uncertainty, desirability and in_domain of each that can be told for nothing;
    `paid` names the others.
    """
    asking = [one for one in definition.objectives if any(item.source.kind == "remote" for item in one.walk())]
    free = tuple(one for one in definition.objectives if one not in asking)
    told: Plain = {"objectives": [], "paid": [one.name for one in asking], "log_reward": None}
    if not free:
        return told
    learned = {label: load_model(Path(folder) / "model", definition.kind) for label, folder in models.items()}
    kind: type[AnyReward[Any]] = SequenceReward if is_sequence(definition.kind) else Reward
    batch = kind(replace(definition, objectives=free), learned).evaluate([design])
    columns = (batch.values, batch.uncertainty, batch.desirabilities, batch.in_domain)
    names = ("value", "uncertainty", "desirability", "in_domain")
    told["objectives"] = [
        {"name": one.name} | {name: _number(column[0, i]) for name, column in zip(names, columns, strict=True)}
        for i, one in enumerate(free)
    ]
    return told if asking else told | {"log_reward": float(batch.log_reward[0])}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
