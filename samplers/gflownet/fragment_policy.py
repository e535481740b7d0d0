"""The policy network for molecules: which fragment, through which site, comes next."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samplers.chem.fragments import N_SITE_TYPES
from samplers.environments.fragments import FragmentEnvironment, States
from samplers.environments.vocabulary import MAX_SITES
from samplers.gflownet.policy import EMBEDDING, Policy, conditioned, draw_weights


@dataclass(frozen=True, slots=True)
class Memory:
    """What the network remembers of N molecules: its state now (N, H), after each placed fragment, and a context."""

    now: Tensor
    after: tuple[Tensor, ...]
    context: Tensor | None = None


class FragmentPolicy(Policy):
    """A recurrent reader of the placed fragments, asked with the open site, answering over all actions.

    A step's logits are the inner products of a query (what the molecule needs) with one key an action; a key is
    learned for every action and shares what the fragment's descriptors explain.
    """

    def __init__(self, environment: FragmentEnvironment, hidden_size: int) -> None:
        super().__init__()
        n_actions, n_descriptors = environment.tables["descriptors"].shape
        self.hidden_size = hidden_size
        self.embed = nn.Embedding(n_actions, EMBEDDING)
        self.describe = nn.Linear(n_descriptors, EMBEDDING, bias=False)
        self.reader = nn.GRUCell(EMBEDDING, hidden_size)
        self.site = nn.Embedding(N_SITE_TYPES, EMBEDDING)
        self.place = nn.Embedding(MAX_SITES, EMBEDDING)
        n_inputs = 2 * hidden_size + EMBEDDING + n_descriptors + N_SITE_TYPES + 4
        self.query = nn.Sequential(
            nn.Linear(n_inputs, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size), nn.SiLU(),
            nn.Linear(hidden_size, hidden_size),
        )  # fmt: skip
        self.key = nn.Embedding(n_actions, hidden_size)
        self.key_describe = nn.Linear(n_descriptors, hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_actions))
        self.log_z = nn.Parameter(torch.zeros(()))

    def initialise(self, environment: FragmentEnvironment, source: torch.Generator) -> None:
        """Draw the weights from `source`; actions start as frequent as their fragments are in the data."""
        with torch.no_grad():
            draw_weights(self, source)
            counts = torch.tensor(environment.vocabulary.counts, dtype=self.bias.dtype)
            self.bias.copy_(counts[environment.tables["fragments"].cpu()].log())
            self.log_z.zero_()

    def start(self, n: int, context: Tensor | None = None) -> Memory:
        """The memory of n empty molecules, which begins with their context (n, H) where there is one."""
        return Memory(self.bias.new_zeros(n, self.hidden_size) if context is None else context, (), context)

    def read(self, environment: FragmentEnvironment, memory: Memory, actions: Tensor) -> Memory:
        """Take one placed fragment per molecule (N,) into the memory."""
        a = actions.clamp_min(0)
        now = self.reader(self.embed(a) + self.describe(environment.tables["descriptors"][a]), memory.now)
        return Memory(now, (*memory.after, now), memory.context)

    def ask(self, environment: FragmentEnvironment, states: States, memory: Memory) -> Tensor:
        """Queries (N, H) about the open site of each state."""
        parent = memory.now
        if memory.after:
            node = states.top(states.stack_node).clamp_max(len(memory.after) - 1)
            stacked = torch.stack(memory.after, dim=1)
            parent = stacked[torch.arange(len(node), device=node.device), node]
        limits = environment.limits
        size = torch.stack(
            [
                states.n_placed / limits.max_fragments, states.n_atoms / limits.max_heavy_atoms,
                states.n_closing / limits.max_heavy_atoms, states.depth / limits.max_fragments,
            ],
            dim=1,
        ).to(self.bias.dtype)  # fmt: skip
        site = self.site(states.top(states.stack_type)) + self.place(states.top(states.stack_place))
        inputs = [memory.now, parent, site, states.totals, states.open_types, size]
        return conditioned(self.query, torch.cat(inputs, dim=1), memory.context)

    def answer(self, environment: FragmentEnvironment, queries: Tensor) -> Tensor:
        """Unmasked logits (N, A)."""
        keys = self.key.weight + self.key_describe(environment.tables["descriptors"])
        return torch.addmm(self.bias, queries, keys.T)
