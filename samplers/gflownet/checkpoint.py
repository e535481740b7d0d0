"""A run on disk: tensors as safetensors, the rest as JSON, with a schema version."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from samplers.environments.design import DesignEnvironment, padded
from samplers.evaluation import Archive, Reward
from samplers.gflownet.behaviour.replay import ReplayMemory
from samplers.gflownet.config import GFlowNetConfig
from samplers.gflownet.kinds import empty_policy, from_dict
from samplers.gflownet.losses.table import LOSSES
from samplers.gflownet.policy import Policy
from samplers.gflownet.training import PURPOSES, State, make_energies, make_memory, make_optimiser
from samplers.kinds import MOLECULE
from samplers.rng import generators, restore, states
from samplers.tensors import below, for_disk, moments, restore_moments

SCHEMA = 3  # 1 knew molecules only; 1 and 2 knew trajectory balance alone and kept the best for replay
# What runs of schemas 1 and 2 did, whatever the defaults of today are.
BEFORE_3 = {"loss": "tb", "teacher": False, "replay_by": "reward", "search_every": 0, "temperature": 1.0}
Trained = tuple[Policy, torch.optim.Adam]


def save(state: State, folder: Path) -> None:
    """Write the run into a folder, which is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = _tensors("", state.policy, state.optimiser)
    if state.teacher is not None and state.teacher_optimiser is not None:
        tensors |= _tensors("teacher.", state.teacher, state.teacher_optimiser)
    tensors |= {f"generator.{purpose}": value for purpose, value in states(state.generators).items()}
    tensors |= {f"memory.{name}": value for name, value in state.memory.tensors().items()}
    kept = state.archive.positions([str(key) for key in state.memory.keys])
    tensors |= {"memory.positions": torch.tensor(kept, dtype=torch.long), "own": state.own}
    save_file(for_disk(tensors), folder / "run.safetensors")
    head: dict[str, Any] = {
        "schema": SCHEMA, "family": "gflownet", "config": state.config.to_dict(), "report": state.report,
        "kind": state.environment.kind, "environment": state.environment.to_dict(), "step": state.step,
        "last_new_step": state.last_new_step, "best": state.best if math.isfinite(state.best) else None,
        "finished": state.finished, "window": state.window,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(head, allow_nan=False))
    state.archive.save(folder)


def load(folder: Path, reward: Reward, device: str = "cpu") -> State:
    """The run that `save` wrote, ready to go on exactly where it was. Raises ValueError for another schema."""
    head = json.loads((folder / "run.json").read_text())
    if not 1 <= head["schema"] <= SCHEMA:
        raise ValueError(f"checkpoint schema {head['schema']} is not one of 1 to {SCHEMA}")
    head = {"kind": MOLECULE, "environment": head.get("vocabulary")} | head
    tensors = load_file(folder / "run.safetensors")
    config = GFlowNetConfig.from_dict((BEFORE_3 if head["schema"] < 3 else {}) | head["config"])
    environment = from_dict(head["kind"], head["environment"], config, device)
    archive = Archive.load(folder, reward)
    policy, optimiser = _restored(tensors, config, environment, flow=LOSSES[config.loss].needs_flow)
    teacher = _restored(below(tensors, "teacher."), config, environment, flow=False) if config.teacher else None
    best = head["best"] if "best" in head else -head["replay"][0][0] if head["replay"] else None
    return State(
        config=config, environment=environment, policy=policy, optimiser=optimiser,
        teacher=teacher[0] if teacher else None, teacher_optimiser=teacher[1] if teacher else None,
        generators=generators(0, PURPOSES) | restore(below(tensors, "generator.")), archive=archive,
        memory=_memory(head, below(tensors, "memory."), config, environment, archive),
        own=tensors["own"].to(device), report=head["report"], step=head["step"],
        last_new_step=head["last_new_step"], best=-math.inf if best is None else best, finished=head["finished"],
        window=head["window"], energies=make_energies(config, environment, archive),
    )  # fmt: skip


def _tensors(prefix: str, policy: Policy, optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    tensors = {f"{prefix}policy.{name}": weight for name, weight in policy.state_dict().items()}
    return tensors | {f"{prefix}optimiser.{name}": value for name, value in moments(optimiser).items()}


def _restored(
    tensors: dict[str, Tensor], config: GFlowNetConfig, environment: DesignEnvironment, *, flow: bool
) -> Trained:
    policy = empty_policy(environment, config.hidden_size, flow=flow)
    policy.load_state_dict(below(tensors, "policy."))
    policy.to(environment.device)
    optimiser = make_optimiser(policy, config)
    restore_moments(optimiser, below(tensors, "optimiser."))
    return policy, optimiser


def _memory(
    head: dict[str, Any], tensors: dict[str, Tensor], config: GFlowNetConfig, environment: DesignEnvironment,
    archive: Archive,
) -> ReplayMemory:  # fmt: skip
    """The replay memory; of a run before schema 3 the best designs, which it kept, the best as the newest."""
    memory = make_memory(config)
    if "objects" in tensors:
        positions = tensors.pop("positions").tolist()
        memory.restore(tensors, [archive.structures[i] for i in positions])
    elif head["replay"]:
        entries = list(reversed(head["replay"]))
        log_reward = torch.tensor([-negative for negative, _, _ in entries], dtype=torch.float64)
        rows = padded([row for _, _, row in entries], environment.max_steps, torch.device("cpu"))
        memory.add([structure for _, structure, _ in entries], rows, log_reward, log_reward)
    return memory
