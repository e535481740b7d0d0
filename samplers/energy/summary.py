"""What is told of the designs of one weight or target, and when the figures warn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from samplers.diffusion import diagnostics
from samplers.energy.generation import FLOOR
from samplers.metrics.mixing import effective_sample_size, split_r_hat

if TYPE_CHECKING:
    from samplers.energy.state import Aim, State

MOST_BELOW = 0.05  # share of designs below the data's energy floor from which on the figures warn
MOST_OVERPROMISED = (
    0.5  # sd of the labels by which predictions may exceed what the reward's own model says, or its error
)
MOST_R_HAT = 1.1  # of chains that designs are drawn by; exact figures ask for 1.01, a look at trends does not


def floor(log_density: Sequence[float]) -> float:
    """The 0.1 % quantile of log-densities of data, below which a design counts as off them."""
    return float(np.quantile(np.array(log_density), FLOOR))


def summarise(state: State, aim: Aim) -> dict[str, float]:
    """The figures of everything drawn for an aim, repeats included: they are what the chains do."""
    progress, kind = state.progress, state.environment.kind
    drawn, distinct = progress.drawn, list(dict.fromkeys(progress.drawn))
    column = state.archive.names.index(state.labels.name)
    values = np.array([state.archive[text].values[column] for text in drawn])
    valid = np.isfinite(values)
    known = set(state.space.structures)
    if state.support is None:
        state.support = diagnostics.support(kind, state.space.structures, state.labelled)
    below = np.array(progress.log_density) < floor(state.floor)
    beyond = state.support.residuals(diagnostics.features(kind, drawn)) > state.support.residual_limit
    found = {
        "value": aim.value, "is_target": float(aim.is_target), "n": float(len(distinct)), "n_drawn": float(len(drawn)),
        "valid": float(valid.mean()), "unique": len(distinct) / len(drawn),
        "novel": sum(text not in known for text in distinct) / len(distinct),
        "nearest": float(diagnostics.nearest_similarity(kind, distinct, state.space.structures).mean()),
        "predicted": float(np.mean(progress.predicted)), "below_floor": float(below.mean()),
        "off": float((below | beyond).mean()),
        "energy": -float(np.mean(progress.log_density)),
        "acceptance": progress.acceptance / max(progress.n_steps, 1), **mixing(state),
        **state.support.measured(distinct),
    }  # fmt: skip
    if valid.any():
        found |= {"mean": float(values[valid].mean()), "sd": float(values[valid].std())}
        over = np.array(progress.predicted)[valid].mean() - values[valid].mean()
        found["overpromised"] = float(state.sign * over / state.labels.sd)
        # Less than the error of the model that says so is no difference that anybody could tell.
        found["most_overpromised"] = max(MOST_OVERPROMISED, state.labels.error / state.labels.sd)
    return found | {f"warns/{name}": 1.0 for name in warnings(found)}


def mixing(state: State) -> dict[str, float]:
    """Split R-hat and effective sample size of the values predicted in warm chains; none where they climb."""
    trace, warm = state.progress.trace, state.config.warm_up // 2
    if state.config.draw == "climb" or trace is None:
        return {}
    draws = torch.as_tensor(trace)[warm:].T
    found = {"r_hat": split_r_hat(draws), "ess": effective_sample_size(draws)}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def warnings(found: Mapping[str, float]) -> list[str]:
    """Which figures speak against believing the designs of an aim: floor, support, overpromised, mixing."""
    rules = {
        "floor": found["below_floor"] > MOST_BELOW,
        "support": found["residual_mid"] >= 1.0 or found["width"] >= 1.0,
        "overpromised": found.get("overpromised", 0.0) > found.get("most_overpromised", MOST_OVERPROMISED),
        "mixing": found.get("r_hat", 1.0) > MOST_R_HAT,
    }
    return [name for name, warns in rules.items() if warns]
