"""Methods that push the generator itself: preference optimisation on failures, curiosity and counts."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.baselines.searcher import Law
from samplers.banel.filters import Region
from samplers.banel.fitting import MAX_NORM
from samplers.banel.language import Language
from samplers.gflownet.layers import linear
from samplers.rng import generator


@dataclass(frozen=True, slots=True)
class Push:
    """How far a round may move the generator."""

    updates: int = 50
    batch: int = 96
    learning_rate: float = 1e-3


def one_hot(language: Language, rows: Tensor) -> Tensor:
    """(N, L * A) which token stands where, nothing behind the end."""
    hot = F.one_hot(rows.clamp_min(0), language.n_actions).float()
    return (hot * (rows >= 0).unsqueeze(2)).flatten(1)


class _Pushed:
    def __init__(self, prior: Autoregressive, push: Push, seed: int) -> None:
        self.prior, self.now, self.push, self.seed = prior, prior.copy(), push, seed
        self.optimiser = torch.optim.Adam(self.now.parameters(), lr=push.learning_rate)

    @property
    def law(self) -> Law:
        return Law(self.now, Region())

    def _descend(self, loss: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.now.parameters(), MAX_NORM)
        self.optimiser.step()


class NegativePreference(_Pushed):
    """(2/β) E log(1 + (p/p_first)^β) on failures, and the likelihood of the first generator's own draws.

    Zhang et al. 2024 (negative preference optimisation); without the second term it collapses.
    """

    def __init__(self, prior: Autoregressive, push: Push, seed: int, *, beta: float = 0.1, replay: float = 1.0) -> None:
        super().__init__(prior, push, seed)
        self.beta, self.replay = beta, replay
        self.failures = prior.draw(1, generator(seed, "shape"))[:0]

    def learn(self, failures: Tensor, number: int) -> None:
        """Push away from all failures so far."""
        self.failures = torch.cat([self.failures, failures])
        if not len(self.failures):
            return
        source, size = generator(self.seed, f"push/{number}"), self.push.batch
        reference = self.prior.log_prob(self.failures).float()
        for _ in range(self.push.updates):
            picked = torch.randint(len(self.failures), (size,), generator=source)
            log_ratio = self.now.token_log_probs(self.failures[picked]).sum(dim=1) - reference[picked]
            away = 2 / self.beta * F.softplus(self.beta * log_ratio).mean()
            own = self.now.token_log_probs(self.prior.draw(size, source)).sum(dim=1).mean()
            self._descend(away - self.replay * own)


class _Curious(_Pushed):
    """A policy gradient on a bonus that needs no oracle; the bonus is standardised within each batch."""

    @abstractmethod
    def bonus(self, rows: Tensor) -> Tensor:
        """(N,) larger where less was visited."""

    @abstractmethod
    def visit(self, rows: Tensor, number: int) -> None:
        """Take tested rows into account."""

    def learn(self, failures: Tensor, number: int) -> None:
        """Visit the failures, then follow the bonus."""
        if not len(failures):
            return
        self.visit(failures, number)
        source = generator(self.seed, f"push/{number}")
        for _ in range(self.push.updates):
            rows = self.now.draw(self.push.batch, source)
            bonus = self.bonus(rows)
            advantage = (bonus - bonus.mean()) / bonus.std().clamp_min(1e-6)
            self._descend(-(advantage * self.now.token_log_probs(rows).sum(dim=1)).mean())


class Counts(_Curious):
    """Bonus (n + 0.01)^(-1/2), n the tested rows with this token at this place, averaged over the places."""

    def __init__(self, prior: Autoregressive, push: Push, seed: int) -> None:
        super().__init__(prior, push, seed)
        self.counts = torch.zeros(prior.language.max_length * prior.language.n_actions)

    def visit(self, rows: Tensor, number: int) -> None:
        self.counts += one_hot(self.now.language, rows).sum(dim=0)

    def bonus(self, rows: Tensor) -> Tensor:
        hot = one_hot(self.now.language, rows)
        return hot @ (self.counts + 0.01).rsqrt() / hot.sum(dim=1).clamp_min(1)


class RandomDistillation(_Curious):
    """Bonus: squared error of a network that learns, on tested rows, what a frozen random one says.

    Burda et al. 2018, arXiv 1810.12894.
    """

    def __init__(self, prior: Autoregressive, push: Push, seed: int, *, width: int = 64, epochs: int = 20) -> None:
        super().__init__(prior, push, seed)
        n, source, self.epochs = prior.language.max_length * prior.language.n_actions, generator(seed, "random"), epochs
        self.target, self.predictor = (
            torch.nn.Sequential(linear(n, width, source), torch.nn.ReLU(), linear(width, width, source))
            for _ in range(2)
        )
        self.target.requires_grad_(False)
        self.learning = torch.optim.Adam(self.predictor.parameters(), lr=1e-3)

    def _error(self, rows: Tensor) -> Tensor:
        hot = one_hot(self.now.language, rows)
        return ((self.predictor(hot) - self.target(hot)) ** 2).mean(dim=1)

    def visit(self, rows: Tensor, number: int) -> None:
        source = generator(self.seed, f"visit/{number}")
        for _ in range(self.epochs):
            for part in torch.randperm(len(rows), generator=source).split(32):
                loss = self._error(rows[part]).mean()
                self.learning.zero_grad(set_to_none=True)
                loss.backward()
                self.learning.step()

    def bonus(self, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return self._error(rows)
