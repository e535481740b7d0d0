"""Policies over any environment's encoded states: a multilayer perceptron, and a table for enumerable worlds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from samplers.environments.base import Environment
from samplers.gflownet.merging import merged
from samplers.gflownet.trajectories import Edges, Evaluated, Trajectories
from samplers.numerics import masked_log_softmax


@dataclass(frozen=True, slots=True)
class Visits:
    """The states a policy reads to judge trajectories, each distinct one once where that pays; shared by all policies.

    features (U, ...) and mask (U, A) of the U states read; real (N, T+1) true where the trajectories have a state to
    read; of_state (M,) which of the U each of those M is, path by path, and of_step (S,) where each step starts; None
    where they are simply 0, 1, 2, ...; actions (S,) the steps.
    """

    features: Tensor
    mask: Tensor
    real: Tensor
    of_state: Tensor | None
    of_step: Tensor | None
    actions: Tensor


@torch.no_grad()
def visits(environment: Environment, trajectories: Trajectories) -> Visits:
    """The states to read: every one from which a step starts, and the ends of incomplete paths."""
    mask = trajectories.mask
    acting = torch.nn.functional.pad(mask, (0, 1))
    real, of_step = acting, None
    if not bool(trajectories.complete.all()):
        real, open_end = acting.clone(), (~trajectories.complete).nonzero().squeeze(1)
        real[open_end, trajectories.n_steps[open_end]] = True
        of_step = acting[real].nonzero().squeeze(1)
    states = trajectories.states[real]
    distinct, of_state = merged(environment, states)
    if of_state is not None:
        of_step = of_state if of_step is None else of_state[of_step]
    return Visits(
        environment.encode(distinct), environment.mask(distinct), real, of_state, of_step, trajectories.actions[mask]
    )


class Policy(nn.Module):
    """Forward probabilities, and perhaps log-flows and backward probabilities, from one reading of the states.

    A subclass gives `heads`; `log_z` is learned beside it. Actions index distinct children already, so the probability
    of an action is that of its child.
    """

    log_z: nn.Parameter
    has_flow: bool
    learns_backward: bool

    @abstractmethod
    def heads(self, features: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Unmasked logits (M, A), backward logits (M, B) or None, log-flows (M,) or None."""

    def logits(self, features: Tensor) -> Tensor:
        """(M, A) unmasked logits of the next step."""
        return self.heads(features)[0]

    def backward_logits(self, features: Tensor) -> Tensor | None:
        """(M, B) unmasked logits of the step before, None where the backward policy is fixed."""
        return self.heads(features)[1] if self.learns_backward else None

    def log_probabilities(self, environment: Environment, states: Tensor) -> Tensor:
        """(M, A) log P_F of every action in unfinished states, forbidden ones at minus infinity."""
        return masked_log_softmax(self.logits(environment.encode(states)), environment.mask(states))

    def evaluate(
        self,
        environment: Environment,
        trajectories: Trajectories,
        seen: Visits | None = None,
        *,
        with_edges: bool = False,
    ) -> Evaluated:
        """Judge trajectories by one reading of all their states; `seen` saves encoding them again.

        `with_edges` takes the logits as log-flows of the edges and gives those around every state, for flow matching.
        """
        seen = visits(environment, trajectories) if seen is None else seen
        logits, _, flow = self.heads(seen.features)
        if seen.of_step is None:
            log_p = masked_log_softmax(logits, seen.mask)
            chosen = log_p.gather(1, seen.actions.unsqueeze(1)).squeeze(1)
        else:
            chosen = masked_log_softmax(logits, seen.mask)[seen.of_step, seen.actions]
        log_pf = chosen.new_zeros(trajectories.mask.shape).masked_scatter(trajectories.mask, chosen)
        log_flow = None
        if flow is not None:
            flow = flow if seen.of_state is None else flow[seen.of_state]
            log_flow = flow.new_zeros(seen.real.shape).masked_scatter(seen.real, flow)
        edges = self._edges(environment, trajectories) if with_edges else None
        return Evaluated(log_pf, log_flow, self.log_z, self._log_pb(environment, trajectories), edges)

    def _edges(self, environment: Environment, trajectories: Trajectories) -> Edges:
        states = trajectories.states[:, 1:][trajectories.mask]
        has_in = environment.backward_mask(states)
        child, back = has_in.nonzero(as_tuple=True)
        parents, actions = environment.unstep(states[child], back)
        arriving = self.logits(environment.encode(parents)).gather(1, actions.unsqueeze(1)).squeeze(1)
        log_in = arriving.new_zeros(has_in.shape).masked_scatter(has_in, arriving)
        log_out = self.logits(environment.encode(states))
        return Edges(log_in, has_in, log_out, environment.mask(states), environment.finished(states))

    def _log_pb(self, environment: Environment, trajectories: Trajectories) -> Tensor | None:
        if not self.learns_backward:
            return None
        mask = trajectories.mask
        parents, children = trajectories.states[:, :-1][mask], trajectories.states[:, 1:][mask]
        back = environment.back_action(parents, trajectories.actions[mask])
        logits = self.heads(environment.encode(children))[1]
        assert logits is not None
        log_pb = masked_log_softmax(logits, environment.backward_mask(children))
        chosen = log_pb.gather(1, back.unsqueeze(1)).squeeze(1)
        return chosen.new_zeros(mask.shape).masked_scatter(mask, chosen)


class Perceptron(nn.Module):
    """A perceptron with leaky rectifiers over encoded states, (M, K) or (M, n_features) to (M, n_outputs).

    On index features the first layer adds the rows of its weight that the ones of the input would select, which is the
    same function as multiplying by the 0/1 vector, at a fraction of the work.
    """

    def __init__(
        self,
        environment: Environment,
        source: torch.Generator,
        *,
        hidden_size: int,
        n_layers: int,
        n_outputs: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.indexed = environment.feature_kind == "index"
        sizes = [environment.n_features, *[hidden_size] * n_layers, n_outputs]
        # Drawing asks a small batch hundreds of times in a row, so the layers are kept where Python finds them at once.
        self._layers: list[tuple[nn.Parameter, nn.Parameter]] = []
        for place, (rows, columns) in enumerate(pairwise(sizes)):
            bound = rows**-0.5
            shape = (rows, columns) if place == 0 and self.indexed else (columns, rows)
            weight, bias = (
                uniform_parameter(shape, bound, source, dtype),
                uniform_parameter((columns,), bound, source, dtype),
            )
            self.register_parameter(f"weight{place}", weight)
            self.register_parameter(f"bias{place}", bias)
            self._layers.append((weight, bias))
        self.to(environment.device)

    def forward(self, features: Tensor) -> Tensor:
        """(M, n_outputs)."""
        weight, bias = self._layers[0]
        if not self.indexed:
            x = nn.functional.linear(features.to(bias), weight, bias)
        elif torch.is_grad_enabled():
            x = nn.functional.embedding_bag(features, weight, mode="sum") + bias
        else:
            x = weight[features].sum(dim=1).add_(bias)
        for weight, bias in self._layers[1:]:
            x = nn.functional.linear(nn.functional.leaky_relu(x, inplace=True), weight, bias)
        return x


def uniform_parameter(
    shape: tuple[int, ...], bound: float, source: torch.Generator, dtype: torch.dtype
) -> nn.Parameter:
    """Starting weights, even between -bound and bound; drawn in float64, so that a seed means one start."""
    return nn.Parameter((torch.rand(shape, generator=source, dtype=torch.float64).mul(2).sub(1) * bound).to(dtype))


class MLPPolicy(Policy):
    """A perceptron with one linear head for actions, parents and flow together."""

    def __init__(
        self,
        environment: Environment,
        source: torch.Generator,
        *,
        hidden_size: int = 256,
        n_layers: int = 2,
        flow_head: bool = False,
        learns_backward: bool = False,
        log_z: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.has_flow, self.learns_backward = flow_head, learns_backward
        self.n_actions, self.n_back = environment.n_actions, environment.n_back_actions if learns_backward else 0
        self.net = Perceptron(
            environment, source, hidden_size=hidden_size, n_layers=n_layers,
            n_outputs=self.n_actions + self.n_back + int(flow_head), dtype=dtype,
        )  # fmt: skip
        self.log_z = nn.Parameter(torch.tensor(log_z, dtype=dtype, device=environment.device))

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Unmasked logits (M, A), backward logits (M, B) or None, log-flows (M,) or None."""
        x = self.net(features)
        if not (self.n_back or self.has_flow):
            return x, None, None
        end = self.n_actions + self.n_back
        backward = x[:, self.n_actions : end] if self.n_back else None
        return x[:, : self.n_actions], backward, x[:, end] if self.has_flow else None


class TabularPolicy(Policy):
    """One logit for every action and one log-flow for every state of a listed world: exact answers, and small tests.

    `positions` gives the row of each state; it is asked with the features, so the environment has to be wrapped in
    `AsStates`, whose features are the states.
    """

    def __init__(
        self, positions: Callable[[Tensor], Tensor], logits: Tensor, log_flow: Tensor | None, log_z: Tensor | float
    ) -> None:
        super().__init__()
        self.positions = positions
        self.table = nn.Parameter(logits.clone())
        self.flow = None if log_flow is None else nn.Parameter(log_flow.clone())
        self.has_flow, self.learns_backward = log_flow is not None, False
        self.log_z = nn.Parameter(torch.as_tensor(log_z, dtype=logits.dtype).clone())

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The rows of the table; features are states (M, D)."""
        rows = self.positions(features)
        return self.table[rows], None, None if self.flow is None else self.flow[rows]


class AsStates:
    """An environment whose features are the states themselves."""

    feature_kind = "state"

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def encode(self, states: Tensor) -> Tensor:
        """The states."""
        return states
