"""A run on disk: tensors as safetensors, the rest as JSON, with a schema version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from samplers.energy import spaces
from samplers.energy.config import EnergyConfig
from samplers.energy.state import Aim, Progress, State, training_of
from samplers.evaluation import Archive, Reward
from samplers.labels import Labeler, Labels
from samplers.rng import restore, states
from samplers.tensors import below, for_disk

SCHEMA = 1


def save(state: State, folder: Path) -> None:
    """Write the run into a folder, which is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"space.{name}": value for name, value in state.space.tensors().items()}
    tensors |= {f"generator.{purpose}": value for purpose, value in states(state.generators).items()}
    tensors |= {"labels": torch.from_numpy(state.labels.values), "order": state.order}
    tensors |= {f"best.{name}": value for name, value in state.best.items()}
    for name in ("rows", "trace"):
        value = getattr(state.progress, name)
        if value is not None:
            tensors[f"progress.{name}"] = value
    save_file(for_disk(tensors), folder / "run.safetensors")
    state.training.save(folder)
    head: dict[str, Any] = {
        "schema": SCHEMA, "family": "energy", "config": state.config.to_dict(), "report": state.report,
        "kind": state.environment.kind, "space": state.space.to_dict(), "labels": state.labels.to_dict(),
        "aims": [[aim.value, aim.is_target] for aim in state.aims], "sign": state.sign, "seed": state.training.seed,
        "labelled": list(state.labelled), "step": state.step, "best_gain": state.best_gain, "floor": list(state.floor),
        "progress": state.progress.to_dict(), "window": state.window, "finished": state.finished,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(head))
    state.archive.save(folder)


def load(folder: Path, reward: Reward, device: str = "cpu") -> State:
    """The run that `save` wrote, ready to go on exactly where it was. Raises ValueError for another schema."""
    head = json.loads((folder / "run.json").read_text())
    if head["schema"] != SCHEMA:
        raise ValueError(f"checkpoint schema {head['schema']} is not {SCHEMA}")
    tensors = load_file(folder / "run.safetensors")
    config = EnergyConfig.from_dict(head["config"])
    space = spaces.rebuild(head["kind"], head["space"], config, device)
    space.restore(below(tensors, "space."))
    labels = Labels(values=np.asarray(tensors["labels"].numpy(), dtype=np.float64), **head["labels"])
    training = training_of(config, space, labels, head["sign"], tensors["order"], head["seed"], device)
    training.load(folder)
    progress = Progress(**head["progress"])
    if "progress.rows" in tensors:
        progress.rows = tensors["progress.rows"].to(space.environment.device)
    progress.trace = tensors.get("progress.trace")
    return State(
        config=config, space=space, training=training, archive=Archive.load(folder, reward),
        labeler=Labeler(reward, head["labels"]["name"]), labels=labels,
        aims=tuple(Aim(value, is_target) for value, is_target in head["aims"]), order=tensors["order"],
        sign=head["sign"], generators=restore(below(tensors, "generator.")), report=head["report"],
        labelled=head["labelled"],
        step=head["step"], best_gain=head["best_gain"], best=below(tensors, "best."), floor=tuple(head["floor"]),
        progress=progress,
        window={name: (total, n) for name, (total, n) in head["window"].items()}, finished=head["finished"],
    )  # fmt: skip
