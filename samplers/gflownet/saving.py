"""A learner on disk: tensors as safetensors, counters as JSON; loading goes on bit for bit on a CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from samplers.gflownet.learner import Learner
from samplers.rng import restore, states
from samplers.tensors import below, for_disk, moments, restore_moments

SCHEMA = 1


def save_learner(learner: Learner, folder: Path) -> None:
    """Write everything that changes in training; the folder is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, module, optimiser in _trained(learner):
        tensors |= {f"{name}.weights.{key}": value for key, value in module.state_dict().items()}
        tensors |= {f"{name}.moments.{key}": value for key, value in moments(optimiser).items()}
    tensors |= {f"generators.{purpose}": value for purpose, value in states(learner.generators).items()}
    if learner.memory is not None:
        tensors |= {f"memory.{name}": value for name, value in learner.memory.tensors().items()}
    save_file(for_disk(tensors), folder / "learner.safetensors")
    rates = {name: [group["lr"] for group in optimiser.param_groups] for name, _, optimiser in _trained(learner)}
    head = {"schema": SCHEMA, "step": learner.step, "calls": learner.target.calls, "learning_rates": rates}
    (folder / "learner.json").write_text(json.dumps(head))


def load_learner(learner: Learner, folder: Path) -> None:
    """Turn a learner made with the same arguments into the one that was saved. Raises ValueError for another schema."""
    head = json.loads((folder / "learner.json").read_text())
    if head["schema"] != SCHEMA:
        raise ValueError(f"learner schema {head['schema']} is not {SCHEMA}")
    tensors = load_file(folder / "learner.safetensors", device=str(learner.environment.device))
    for name, module, optimiser in _trained(learner):
        module.load_state_dict(below(tensors, f"{name}.weights."))
        restore_moments(optimiser, below(tensors, f"{name}.moments."))
        for group, rate in zip(optimiser.param_groups, head["learning_rates"][name], strict=True):
            group["lr"] = rate
    learner.generators = restore({name: value.cpu() for name, value in below(tensors, "generators.").items()})
    if learner.memory is not None:
        memory = {name: value.cpu() for name, value in below(tensors, "memory.").items()}
        objects = memory["objects"].to(learner.environment.device)
        learner.memory.restore(memory, list(learner.environment.keys(objects)) if len(objects) else [])
    learner.step, learner.target.calls = head["step"], head["calls"]


def _trained(learner: Learner) -> list[tuple[str, torch.nn.Module, Any]]:
    """Each trained network with its optimiser."""
    found: list[tuple[str, torch.nn.Module, Any]] = [("policy", learner.policy, learner.optimiser)]
    if learner.teacher is not None:
        found.append(("teacher", learner.teacher, learner.teacher_optimiser))
    if learner.intrinsic is not None:
        found.append(("intrinsic", learner.intrinsic, learner.intrinsic.optimiser))
    return found
