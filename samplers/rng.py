"""One random generator per purpose, derived from the run's seed, so a draw added in one place moves no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose; equal seeds and purposes give equal streams, anything else independent ones."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def generators(seed: int, purposes: Iterable[str]) -> dict[str, torch.Generator]:
    """Generators by purpose."""
    return {purpose: generator(seed, purpose) for purpose in purposes}


def states(named: dict[str, torch.Generator]) -> dict[str, Tensor]:
    """The state of every generator, as byte tensors for a checkpoint."""
    return {purpose: source.get_state() for purpose, source in named.items()}


def restore(saved: dict[str, Tensor]) -> dict[str, torch.Generator]:
    """Generators that continue exactly where `states` found them."""
    named = {}
    for purpose, state in saved.items():
        named[purpose] = torch.Generator()
        named[purpose].set_state(state)
    return named


def uniforms(shape: tuple[int, ...], source: torch.Generator) -> list:
    """Uniform draws in [0, 1) as nested plain lists, for decisions taken outside tensors."""
    return torch.rand(shape, generator=source, dtype=torch.float64).tolist()
