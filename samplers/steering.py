"""Which objective of a reward the targets of a run are values of. Standard library only, as forms ask it too."""

from __future__ import annotations

from collections.abc import Sequence

from samplers.config import Asked
from samplers.errors import ConfigError


def aimed(objectives: Sequence[Asked], steer_by: str) -> int:
    """The position of the objective named, else of the first learned one, else of the first that is not paid."""
    named = [at for at, one in enumerate(objectives) if one.name == steer_by]
    if named:
        return named[0]
    free = [at for at, one in enumerate(objectives) if not one.paid]
    return next((at for at in free if objectives[at].learned), free[0] if free else 0)


def steerable(objectives: Sequence[Asked], steer_by: str) -> int:
    """What `aimed` says. Raises ConfigError for a name that is no objective, and for one whose answers are paid for."""
    names = [one.name for one in objectives]
    if steer_by and steer_by not in names:
        listed = ", ".join(map(repr, names))
        raise ConfigError("steer_by", f"is {steer_by!r}, which is no objective of the reward; there are {listed}")
    at = aimed(objectives, steer_by)
    if objectives[at].paid:
        raise ConfigError(
            "steer_by",
            f"{names[at]!r} asks a remote scorer, and labelling the data would pay for thousands of calls. Steer by a "
            "computed property or by a model learned from your labels",
        )
    return at
