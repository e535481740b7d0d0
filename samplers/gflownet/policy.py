"""What every policy of the product shares, and how paths are drawn and judged by one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from samplers.environments.design import DesignEnvironment
from samplers.gflownet.trajectories import Evaluated
from samplers.numerics import gumbel_argmax, masked_log_softmax

EMBEDDING = 64


class Policy(nn.Module):
    """A network that reads a path as it grows and answers over all actions; `log_z` is learned beside it.

    A step takes three calls: `ask` puts the state into a query, `answer` turns queries into logits, `read` takes the
    chosen action into the memory. Memory and states belong to the kind of design.
    """

    log_z: nn.Parameter
    hidden_size: int
    flow: nn.Linear | None

    def __init__(self) -> None:
        super().__init__()
        self.register_module("flow", None)

    def add_flow(self) -> None:
        """Give the policy a head for the log flow of states, on the first `hidden_size` numbers of a query."""
        self.flow = nn.Linear(self.hidden_size, 1)

    @property
    def has_flow(self) -> bool:
        """Whether states have flows."""
        return self.flow is not None

    @property
    def weights(self) -> list[nn.Parameter]:
        """Everything that is learned but log Z."""
        return [weight for name, weight in self.named_parameters() if name != "log_z"]

    @abstractmethod
    def initialise(self, environment: Any, source: torch.Generator) -> None:
        """Draw the weights from `source`; actions start as frequent as they are in the data."""

    @abstractmethod
    def start(self, n: int, context: Tensor | None = None) -> Any:
        """The memory of n empty designs; `context` (n, H) is told to every step of each, nothing where it is None."""

    @abstractmethod
    def read(self, environment: Any, memory: Any, actions: Tensor) -> Any:
        """Take one action per design (N,) into the memory; -1 may do anything to designs that are finished."""

    @abstractmethod
    def embedded(self, environment: Any, actions: Tensor) -> Tensor:
        """What the network reads of actions (...): vectors (..., E)."""

    @abstractmethod
    def ask(self, environment: Any, states: Any, memory: Any) -> Tensor:
        """Queries (N, Q) about what to do in each state."""

    @abstractmethod
    def answer(self, environment: Any, queries: Tensor, actions: Tensor | None = None) -> Tensor:
        """Unmasked logits (N, A), or (N, C) of some actions (C,) alone."""

    def follow(
        self, environment: Any, rows: Tensor, n_steps: int, context: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Queries (M, Q) and masks (M, A) of all M real steps of paths (N, F), first steps first."""
        states, memory = environment.initial(len(rows)), self.start(len(rows), context)
        queries, masks = [], []
        for t in range(n_steps):
            real = rows[:, t] >= 0
            queries.append(self.ask(environment, states, memory)[real])
            masks.append(environment.mask(states)[real])
            if t + 1 < n_steps:
                states = environment.step(states, rows[:, t])
                memory = self.read(environment, memory, rows[:, t])
        return torch.cat(queries), torch.cat(masks)

    def log_likelihood(self, environment: Any, rows: Tensor, context: Tensor | None = None) -> Tensor:
        """log p (N,) of whole paths given as rows of actions (N, F), told a context (N, H) or nothing."""
        return log_probabilities(self, environment, rows, context).sum(dim=1)


def conditioned(layers: nn.Sequential, inputs: Tensor, context: Tensor | None) -> Tensor:
    """What layers make of inputs (N, I), a context (N, H) added to what their first layer gives."""
    first: Tensor = layers[0](inputs)
    answer: Tensor = layers[1:](first if context is None else first + context)
    return answer


def draw_weights(policy: Policy, source: torch.Generator) -> None:
    """Fill linear layers and recurrent cells evenly within 1/√inputs, embeddings as 1/√width; biases with zero.

    A flow head starts at zero, so that every state has the flow of the empty design.
    """
    for module in policy.modules():
        if module is policy.flow:
            for weight in module.parameters():
                weight.zero_()
        elif isinstance(module, nn.Linear | nn.GRUCell | nn.GRU):
            for name, weight in module.named_parameters():
                if "bias" in name:
                    weight.zero_()
                else:
                    bound = weight.shape[-1] ** -0.5
                    weight.copy_((torch.rand(weight.shape, generator=source) * 2 - 1) * bound)
        elif isinstance(module, nn.Embedding):
            scale = module.weight.shape[-1] ** -0.5
            module.weight.copy_(torch.randn(module.weight.shape, generator=source) * scale)


def evaluate(policy: Policy, environment: DesignEnvironment, rows: Tensor, context: Tensor | None = None) -> Evaluated:
    """What a policy says about paths given as rows of actions (N, F), over the T steps of the longest.

    Where there is a flow head, the flow of a state is exp(log Z + head), that of the empty design exp(log Z); the flow
    of finished designs is left at 0, which the losses replace by the reward.
    """
    n_steps = int((rows >= 0).sum(dim=1).max())
    real = (rows[:, :n_steps] >= 0).T
    queries, masks = policy.follow(environment, rows, n_steps, context)
    log_pf = masked_log_softmax(policy.answer(environment, queries), masks)
    chosen = log_pf.gather(1, rows[:, :n_steps].T[real].unsqueeze(1)).squeeze(1)
    steps = chosen.new_zeros(n_steps, len(rows)).masked_scatter(real, chosen).T
    if policy.flow is None:
        return Evaluated(steps, None, policy.log_z)
    head = policy.flow(queries[:, : policy.hidden_size]).squeeze(1)
    head = torch.cat([head.new_zeros(len(rows)), head[len(rows) :]])  # first come the empty designs, one a path
    flows = chosen.new_zeros(n_steps, len(rows)).masked_scatter(real, policy.log_z + head).T
    return Evaluated(steps, torch.nn.functional.pad(flows, (0, 1)), policy.log_z)


def log_probabilities(
    policy: Policy, environment: DesignEnvironment, rows: Tensor, context: Tensor | None = None
) -> Tensor:
    """log P_F of every step of paths given as rows of actions (N, F); zero after the end."""
    return evaluate(policy, environment, rows, context).log_pf


@torch.no_grad()
def rollout(
    policy: Policy,
    environment: DesignEnvironment,
    n: int,
    source: torch.Generator,
    *,
    exploration: float = 0.0,
    temperature: float = 1.0,
    begun: Tensor | None = None,
) -> Tensor:
    """Build n designs; rows of actions (n, F), -1 after the end.

    With probability `exploration` a step is drawn uniformly from the allowed actions instead, else from the policy with
    its logits divided by `temperature`. `begun` (n, F) are the first actions of each path, which are kept.
    """
    states, memory = environment.initial(n), policy.start(n)
    for t in range(environment.max_steps):
        if bool(states.finished.all()):
            break
        going = ~states.finished
        mask = environment.mask(states)[going]
        logits = policy.answer(environment, policy.ask(environment, states, memory)[going])
        if temperature != 1.0:
            logits = logits / temperature
        if exploration > 0:
            stray = torch.rand(len(logits), generator=source).to(logits.device) < exploration
            logits = torch.where(stray.unsqueeze(1), 0.0, logits)
        drawn = gumbel_argmax(logits.masked_fill_(~mask, -torch.inf), source)
        actions = states.actions.new_full((n,), -1).masked_scatter(going, drawn)
        if begun is not None:
            actions = torch.where(begun[:, t] >= 0, begun[:, t], actions)
        states = environment.step(states, actions)
        memory = policy.read(environment, memory, actions)
    rows: Tensor = states.actions
    return rows
