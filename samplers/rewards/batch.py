"""The answer of a reward for a batch of molecules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RewardBatch:
    """n molecules under k objectives, float64 throughout, columns in the order of `Reward.names`.

    values (n, k): in each objective's own unit, NaN where none could be computed.
    uncertainty (n, k): one standard deviation in the same unit; 0 for computed properties.
    desirabilities (n, k): in [1e-6, 1], caution included.
    in_domain (n, k): 1 where the value can be relied on, falling to 0 far from a model's training data.
    log_reward (n,): natural log of the aggregate, at least log(1e-6).
    """

    values: Floats
    uncertainty: Floats
    desirabilities: Floats
    in_domain: Floats
    log_reward: Floats
