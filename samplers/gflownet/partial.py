"""Energies of unfinished designs, for forward-looking losses: what the reward says of them, made whole.

Only rewards of computed properties alone have them. A learned model was never shown half-built designs and is wrong on
them in ways nobody measured, and a remote scorer would have to be paid for each.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from samplers.environments.design import DesignEnvironment
from samplers.evaluation import Archive

CACHED = 200_000  # structures whose reward is remembered; forgetting costs time only


def sources_of(reward: Any) -> list[str]:
    """The kinds of source that a reward has; none for one without a written form."""
    return [source.kind for source in reward.definition.sources] if hasattr(reward, "definition") else []


class PartialEnergies:
    """Minus β log R of the states of paths; nothing is charged, since nothing is paid."""

    def __init__(self, environment: DesignEnvironment, archive: Archive, exponent: float) -> None:
        self.environment, self.archive, self.exponent = environment, archive, exponent
        self._known: dict[str, float] = {}

    def __call__(self, rows: Tensor, log_reward: Tensor) -> Tensor:
        """(N, T+1) float64 energies of paths (N, F) with log_reward (N,) at their ends: 0 at the empty design."""
        n_steps = (rows >= 0).sum(dim=1)
        width = int(n_steps.max())
        energies = torch.zeros(len(rows), width + 1, dtype=torch.float64, device=rows.device)
        for t in range(1, width):
            inside = n_steps > t
            begun = rows[inside].clone()
            begun[:, t:] = -1
            energies[inside, t] = -self.exponent * self._log_reward(self.environment.capped(begun)).to(energies)
        end = torch.arange(width + 1, device=rows.device) >= n_steps.unsqueeze(1)
        return torch.where(end, -self.exponent * log_reward.to(energies).unsqueeze(1), energies)

    def _log_reward(self, rows: Tensor) -> Tensor:
        texts = [text for text, _ in self.environment.structures(rows)]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(self._known) + len(new) > CACHED:
            self._known.clear()
            new = list(dict.fromkeys(texts))
        if new:
            self._known.update(zip(new, self.archive.reward.evaluate(new).log_reward.tolist(), strict=True))
        return torch.tensor([self._known[text] for text in texts], dtype=torch.float64)
