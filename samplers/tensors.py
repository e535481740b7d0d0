"""Named tensors of a checkpoint: what an optimiser remembers, and what stands below a prefix."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def moments(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of every weight, by its number and name; `restore_moments` takes it back."""
    remembered = optimiser.state_dict()["state"]
    return {f"{index}.{name}": value for index, of_one in remembered.items() for name, value in of_one.items()}


def restore_moments(optimiser: torch.optim.Optimizer, saved: Mapping[str, Tensor]) -> None:
    """Let an optimiser of the same weights go on where `moments` was taken; its step sizes stay as they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in saved.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def for_disk(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU that share no memory, which the file format asks for."""
    return {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
