"""Trajectory balance with the backward probability of a whole trajectory known in closed form."""

from __future__ import annotations

import torch
from torch import Tensor


def trajectory_balance_residual(
    log_pf: Tensor, log_pb: Tensor, log_z: Tensor, log_reward: Tensor, mask: Tensor
) -> Tensor:
    """How far each trajectory is from balance, in nats; zero for all exactly when the policy samples R / Z.

    Shapes: log_pf and mask are (N, T), mask true on real steps; log_pb is (N,), the log-probability of the whole
    trajectory given its end; log_z is (); log_reward and the result are (N,).
    Raises ValueError when a log_reward is not finite: flooring a zero reward is the caller's choice.
    Source: Malkin et al. 2022, the trajectory balance loss before squaring.
    """
    if not torch.isfinite(log_reward).all():
        raise ValueError("log_reward must be finite; choose a reward floor first")
    return log_z + log_pf.masked_fill(~mask, 0.0).sum(dim=1) - log_pb - log_reward
