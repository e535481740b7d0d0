"""An autoregressive generator over a language: exact log-likelihoods, draws, maximum likelihood."""

from __future__ import annotations

import math
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samplers.banel.fitting import maximise_likelihood
from samplers.banel.language import Language
from samplers.banel.models import Effort, Fit
from samplers.banel.networks import Body
from samplers.numerics import gumbel_argmax

SCORED_AT_ONCE = 4096  # rows of one network call, which bounds memory
SCORED_TOGETHER = 512  # the same where the longest of them says what they cost


class Autoregressive(nn.Module):
    """log p(row) = sum of log p(token | tokens before), the end included, nothing after it.

    `temperature` divides the logits; at infinity every allowed token is equally likely.
    """

    allowed: Tensor

    def __init__(self, language: Language, body: Body, *, temperature: float = 1.0) -> None:
        super().__init__()
        self.language, self.body, self.temperature = language, body, temperature
        self.register_buffer("allowed", language.allowed, persistent=False)

    def _log_softmax(self, logits: Tensor, allowed: Tensor) -> Tensor:
        return torch.log_softmax((logits / self.temperature).masked_fill(~allowed, -math.inf), dim=-1)

    def token_log_probs(self, rows: Tensor) -> Tensor:
        """(N, L) log p of every action, zero behind the end, with gradient."""
        actions, taken = self.language.actions(rows)
        n = self._longest(taken) if self.body.in_turn else rows.shape[1]
        log_p = self._log_softmax(self.body(rows[:, :n].clamp_min(0)), self.allowed[:n])
        found = log_p.gather(2, actions[:, :n].unsqueeze(2)).squeeze(2).masked_fill(~taken[:, :n], 0.0)
        return F.pad(found, (0, rows.shape[1] - n))

    @staticmethod
    def _longest(taken: Tensor) -> int:
        return max(int(taken.sum(dim=1).max()), 1) if len(taken) else 1

    @torch.no_grad()
    def log_prob(self, rows: Tensor) -> Tensor:
        """(N,) float64 log p."""
        if self.body.in_turn and len(rows) > SCORED_TOGETHER:  # rows of like length together
            order = self.language.lengths(rows).argsort(stable=True)
            parts = [self.token_log_probs(part).double().sum(dim=1) for part in rows[order].split(SCORED_TOGETHER)]
            return torch.cat(parts)[order.argsort()]
        parts = [self.token_log_probs(part).double().sum(dim=1) for part in rows.split(SCORED_AT_ONCE)]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)

    def draw(self, n: int, source: torch.Generator) -> Tensor:
        """(n, L) rows."""
        return self.draw_scored(n, source)[0]

    @torch.no_grad()
    def draw_scored(self, n: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """(n, L) rows and (n,) float64 log p, added up while drawing."""
        language = self.language
        rows = torch.full((n, language.max_length), -1, dtype=torch.long)
        log_p, going = torch.zeros(n, dtype=torch.float64), torch.ones(n, dtype=torch.bool)
        read = self.body.reader()
        for place in range(language.max_length):
            if self.body.in_turn and not bool(going.any()):
                break
            now = self._log_softmax(read(rows.clamp_min(0), place), self.allowed[place])
            actions = gumbel_argmax(now, source)
            log_p += torch.where(going, now.gather(1, actions.unsqueeze(1)).squeeze(1).double(), 0.0)
            going = going & (actions != (-1 if language.stop is None else language.stop))
            rows[:, place] = torch.where(going, actions, -1)
        return rows, log_p

    def copy(self) -> Self:
        twin = type(self)(self.language, self.body.twin(), temperature=self.temperature)
        twin.load_state_dict(self.state_dict())
        return twin.to(next(self.parameters()).dtype)

    def tempered(self, temperature: float) -> Self:
        """A copy at another temperature."""
        twin = self.copy()
        twin.temperature = temperature
        return twin

    def fit(
        self, rows: Tensor, effort: Effort, source: torch.Generator, *, held_out: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Fit:  # fmt: skip
        """As `Model.fit`, by Adam."""
        return maximise_likelihood(self, rows, effort, source, held_out=held_out, weights=weights)

    def varied(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """The rows: a text has one spelling here."""
        return rows

    def tensors(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.state_dict().items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.load_state_dict(tensors)
