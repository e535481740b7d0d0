"""The policy network for molecules: which fragment, through which site, comes next."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samplers.chem.fragments import N_SITE_TYPES
from samplers.environments.fragments import FragmentEnvironment, States
from samplers.environments.vocabulary import MAX_SITES
from samplers.gflownet.policy import EMBEDDING, Policy, conditioned, draw_weights
from samplers.numerics import masked_log_softmax


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
        return self._placed(memory, self.embedded(environment, actions.clamp_min(0)))

    def embedded(self, environment: FragmentEnvironment, actions: Tensor) -> Tensor:
        """Vectors (..., E) of actions (...): one learned for each, and one of what its fragment is like."""
        embedded: Tensor = self.embed(actions) + self.describe(environment.tables["descriptors"][actions])
        return embedded

    def _placed(self, memory: Memory, embedded: Tensor) -> Memory:
        now = self.reader(embedded, memory.now)
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

    def answer(self, environment: FragmentEnvironment, queries: Tensor, actions: Tensor | None = None) -> Tensor:
        """Unmasked logits (N, A), or (N, C) of some actions (C,)."""
        if actions is None:
            keys = self.key.weight + self.key_describe(environment.tables["descriptors"])
            return torch.addmm(self.bias, queries, keys.T)
        keys = self.key(actions) + self.key_describe(environment.tables["descriptors"][actions])
        return torch.addmm(self.bias[actions], queries, keys.T)

    def log_likelihood(self, environment: FragmentEnvironment, rows: Tensor, context: Tensor | None = None) -> Tensor:
        """As `Policy.log_likelihood`; steps at sites of one type are judged together, among what fits there alone.

        Weights with a row for every action are looked up once, since each look-up costs a gradient of their full size.
        """
        states, memory = environment.initial(len(rows)), self.start(len(rows), context)
        n_steps = int((rows >= 0).sum(dim=1).max())
        inputs = self.embedded(environment, rows[:, :n_steps].clamp_min(0))
        queries, rooms, owners, taken = [], [], [], []
        for t in range(n_steps):
            real = (rows[:, t] >= 0).nonzero().squeeze(1)
            queries.append(self.ask(environment, states, memory)[real])
            rooms.append(environment.room(states)[real])
            owners.append(real)
            taken.append(rows[real, t])
            if t + 1 < n_steps:
                states = environment.step(states, rows[:, t])
                memory = self._placed(memory, inputs[:, t])
        asked, room, owner, action = torch.cat(queries), torch.cat(rooms), torch.cat(owners), torch.cat(taken)
        kinds = room[:, 0].unique().tolist()
        menus = [environment.compatible[kind] for kind in kinds]
        keys = self.key.weight + self.key_describe(environment.tables["descriptors"])
        listed, sizes = torch.cat(menus), [len(menu) for menu in menus]
        total = asked.new_zeros(len(rows))
        parts = zip(kinds, menus, keys[listed].split(sizes), self.bias[listed].split(sizes), strict=True)
        for kind, menu, key, bias in parts:
            here = (room[:, 0] == kind).nonzero().squeeze(1)
            logits = torch.addmm(bias, asked[here], key.T)
            log_p = masked_log_softmax(logits, environment.fits(room[here], menu))
            place = environment.place_in_menu[kind][action[here]]
            total = total.index_add(0, owner[here], log_p.gather(1, place.unsqueeze(1)).squeeze(1))
        return total
