"""From a kind of design to its environment and its policy. Molecules load RDKit, sequences do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from samplers.environments.design import DesignEnvironment
from samplers.gflownet.policy import Policy
from samplers.kinds import is_sequence

Plain = dict[str, Any]


class Building(Protocol):
    """The settings of a family that say how large designs are and what they are built from."""

    @property
    def max_fragments(self) -> int: ...

    @property
    def max_heavy_atoms(self) -> int: ...

    @property
    def vocabulary_size(self) -> int: ...

    @property
    def min_fragment_count(self) -> int: ...

    @property
    def min_length(self) -> int: ...

    @property
    def max_length(self) -> int: ...

    @property
    def merge_children(self) -> bool: ...


def from_data(
    kind: str, config: Building, structures: Sequence[str], device: str = "cpu"
) -> tuple[DesignEnvironment, Tensor, Plain]:
    """An environment, a path (M, F) to each structure of the data that it can build, and the pre-flight report.

    Raises VocabularyError when nothing could be built, ConfigError for an unknown kind.
    """
    if is_sequence(kind):
        from samplers.environments import sequences

        environment, inside, report = sequences.environment_for(
            kind, structures, min_length=config.min_length, max_length=config.max_length, device=device
        )
        return environment, environment.rows(inside), {"kind": kind} | report
    from samplers.environments import fragments, preflight
    from samplers.environments.vocabulary import Limits

    molecules, own, expressible = fragments.environment_for(
        structures, Limits(config.max_fragments, config.max_heavy_atoms), vocabulary_size=config.vocabulary_size,
        min_count=config.min_fragment_count, merge_children=config.merge_children, device=device,
    )  # fmt: skip
    return molecules, own, {"kind": kind} | preflight.report(molecules, expressible)


def from_dict(kind: str, raw: Plain, config: Building, device: str) -> DesignEnvironment:
    """The environment of a checkpoint."""
    if is_sequence(kind):
        from samplers.environments.sequences import SequenceEnvironment

        return SequenceEnvironment.from_dict(kind, raw, device=device)
    from samplers.environments.fragments import FragmentEnvironment
    from samplers.environments.vocabulary import Limits, Vocabulary

    limits = Limits(config.max_fragments, config.max_heavy_atoms)
    vocabulary = Vocabulary.from_dict(raw)
    return FragmentEnvironment(vocabulary, limits, merge_children=config.merge_children, device=device)


def empty_policy(environment: Any, hidden_size: int, *, flow: bool = False) -> Policy:
    """A policy on the CPU whose weights are yet to be set, with a flow head if asked for; draws no random numbers."""
    made: Callable[[Any, int], Policy]  # each takes the environment of its own kind
    if is_sequence(environment.kind):
        from samplers.gflownet import sequence_policy

        made = sequence_policy.SequencePolicy
    else:
        from samplers.gflownet import fragment_policy

        made = fragment_policy.FragmentPolicy
    with torch.device("meta"):
        policy = made(environment, hidden_size)
        if flow:
            policy.add_flow()
    return policy.to_empty(device="cpu")
