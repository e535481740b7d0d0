"""A run on disk: tensors as safetensors, the rest as JSON, with a schema version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from samplers.diffusion import models
from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.gate import Gate
from samplers.diffusion.targets import Progress
from samplers.diffusion.training import State
from samplers.evaluation import Archive, Reward
from samplers.labels import Labeler, Labels
from samplers.rng import restore, states
from samplers.tensors import below, for_disk

SCHEMA = 1


def save(state: State, folder: Path) -> None:
    """Write the run into a folder, which is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": value for name, value in state.model.tensors().items()}
    tensors |= {f"generator.{purpose}": value for purpose, value in states(state.generators).items()}
    tensors |= {"labels": torch.from_numpy(state.labels.values), "held_out": state.held_out}
    save_file(for_disk(tensors), folder / "run.safetensors")
    head: dict[str, Any] = {
        "schema": SCHEMA, "family": "diffusion", "config": state.config.to_dict(), "report": state.report,
        "kind": state.environment.kind, "model": state.model.name, "tables": state.model.to_dict(),
        "labels": state.labels.to_dict(), "gate": state.gate.to_dict(), "targets": list(state.targets),
        "labelled": list(state.labelled), "step": state.step, "learned": state.learned, "designing": state.designing,
        "gate_reached": state.gate_reached, "progress": state.progress.to_dict(), "sweep": state.sweep,
        "window": state.window, "finished": state.finished,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(head))
    state.archive.save(folder)


def load(folder: Path, reward: Reward, device: str = "cpu") -> State:
    """The run that `save` wrote, ready to go on exactly where it was. Raises ValueError for another schema."""
    head = json.loads((folder / "run.json").read_text())
    if head["schema"] != SCHEMA:
        raise ValueError(f"checkpoint schema {head['schema']} is not {SCHEMA}")
    tensors = load_file(folder / "run.safetensors")
    config = DiffusionConfig.from_dict(head["config"])
    model = models.module(head["model"]).rebuild(head["kind"], head["tables"], config, device)
    model.restore(below(tensors, "model."))
    values = np.asarray(tensors["labels"].numpy(), dtype=np.float64)
    return State(
        config=config, model=model, archive=Archive.load(folder, reward),
        labeler=Labeler(reward, head["labels"]["name"]),
        labels=Labels(values=values, **head["labels"]), gate=Gate.from_dict(head["gate"]),
        targets=tuple(head["targets"]), held_out=tensors["held_out"],
        generators=restore(below(tensors, "generator.")), report=head["report"], labelled=head["labelled"],
        step=head["step"], learned=head["learned"], designing=head["designing"], gate_reached=head["gate_reached"],
        progress=Progress(**head["progress"]), sweep=head["sweep"], window=head["window"], finished=head["finished"],
        keep=model.fixed(config.scaffold) if config.scaffold else None,
    )  # fmt: skip
