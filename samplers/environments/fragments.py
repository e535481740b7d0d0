"""Assembling molecules fragment by fragment, as batched tensor states.

The first action places a root fragment; every later one fills the open site on top of a stack with a compatible
fragment, entered through one of its sites. A molecule is finished when no site is open. Masks keep room to close
every open site, so they are never empty and every rollout ends within the limits.

Sites that a symmetry of the fragment exchanges lead to the same molecule, so they are one action
(`merge_children`); with that, the number of sequences that build a molecule is what `Grammar.roots` counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from samplers.chem.fragments import N_SITE_TYPES, PARTNERS
from samplers.environments.design import Menu, Paths, padded, random_rollout
from samplers.environments.grammar import Assembly, assemble, log_n_sequences
from samplers.environments.vocabulary import Expressible, Limits, Vocabulary, build_vocabulary, descriptor_scales
from samplers.kinds import MOLECULE

CACHED_MOLECULES = 100_000  # building sequences whose molecule is remembered; forgetting costs time only


@dataclass(frozen=True, slots=True)
class States:
    """N molecules under construction; F is the limit on fragments.

    actions (N, F) long, -1 where nothing is placed; stack_node, stack_type, stack_place (N, F) long, the open sites:
    the node, the site type (0 where empty) and the position among the node's sites; depth, n_placed, n_atoms,
    n_closing (N,) long, the last being the heavy atoms that closing all open sites needs at least; totals (N, D),
    sums of scaled descriptors; open_types (N, K), open sites per type.
    """

    actions: Tensor
    stack_node: Tensor
    stack_type: Tensor
    stack_place: Tensor
    depth: Tensor
    n_placed: Tensor
    n_atoms: Tensor
    n_closing: Tensor
    totals: Tensor
    open_types: Tensor

    @property
    def finished(self) -> Tensor:
        """(N,) true where no site is open and something is placed."""
        return (self.depth == 0) & (self.n_placed > 0)

    def select(self, rows: Tensor) -> States:
        """Some of them, by a mask or by positions."""
        return States(**{name: getattr(self, name)[rows] for name in _NAMES})

    def top(self, stack: Tensor) -> Tensor:
        """(N,) the entry of a stack tensor at the site to be filled next; 0 where none is open."""
        found = stack.gather(1, (self.depth - 1).clamp_min(0).unsqueeze(1)).squeeze(1)
        return torch.where(self.depth > 0, found, 0)


class FragmentEnvironment:
    """Tables of one vocabulary and one pair of limits. Actions 0..V-1 place a root, the rest fill an open site."""

    kind = MOLECULE

    def __init__(
        self,
        vocabulary: Vocabulary,
        limits: Limits,
        *,
        merge_children: bool = True,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        self.vocabulary, self.limits, self.merge_children = vocabulary, limits, merge_children
        self.device, self.dtype = torch.device(device), dtype
        entries = [(f, -1) for f in range(len(vocabulary))]
        for f, orbit in enumerate(vocabulary.grammar.orbit):
            entries += [(f, site) for site, low in enumerate(orbit) if site == low or not merge_children]
        self.actions = tuple(entries)
        self.action_index = {entry: i for i, entry in enumerate(entries)}
        self._molecules: dict[tuple[int, ...], tuple[str, float]] = {}
        self._tables()

    def _tables(self) -> None:
        vocabulary, n_actions = self.vocabulary, self.n_actions
        closing = {kind: cost for kind, (cost, _) in vocabulary.cheapest.items()}
        cost_of_type = torch.tensor([closing.get(kind, 0) for kind in range(N_SITE_TYPES)])
        width = max(1, max(vocabulary.n_sites))
        push_type = torch.zeros(n_actions, width, dtype=torch.long)
        push_place = torch.zeros(n_actions, width, dtype=torch.long)
        compatible = torch.zeros(N_SITE_TYPES, n_actions, dtype=torch.bool)
        for i, (f, entry) in enumerate(self.actions):
            types = vocabulary.site_types[f]
            remaining = [site for site in range(len(types)) if site != entry]
            for slot, site in enumerate(reversed(remaining)):
                push_type[i, slot], push_place[i, slot] = types[site], site
            for kind in [0] if entry < 0 else PARTNERS[types[entry]]:
                compatible[kind, i] = True
        caps = {kind: self.action_index[f, 0] for kind, (_, f) in vocabulary.cheapest.items()}
        cap_of_type = torch.tensor([caps.get(kind, -1) for kind in range(N_SITE_TYPES)])
        fragments = torch.tensor([f for f, _ in self.actions])
        heavy = torch.tensor(vocabulary.heavy_atoms)[fragments]
        n_push = (push_type > 0).sum(dim=1)
        n_closing = cost_of_type[push_type].sum(dim=1)
        scaled = vocabulary.descriptors / descriptor_scales(vocabulary)
        tables = {
            "fragments": fragments, "push_type": push_type, "push_place": push_place, "compatible": compatible,
            "heavy": heavy, "n_push": n_push, "n_closing": n_closing, "cost_of_type": cost_of_type,
            "cap_of_type": cap_of_type,
            "atoms_needed": heavy + n_closing, "fragments_needed": 1 + n_push,
            "descriptors": torch.tensor(np.ascontiguousarray(scaled))[fragments].to(self.dtype),
            "open_types": torch.nn.functional.one_hot(push_type, N_SITE_TYPES).sum(dim=1).to(self.dtype),
        }  # fmt: skip
        tables["open_types"][:, 0] = 0.0
        self.tables = {name: table.to(self.device) for name, table in tables.items()}
        # The actions that fit a site of each type, and where each action stands among them.
        self.compatible = [row.nonzero().squeeze(1) for row in self.tables["compatible"]]
        self.place_in_menu = self.tables["compatible"].long().cumsum(dim=1) - 1

    @property
    def n_actions(self) -> int:
        """Number of actions, roots included."""
        return len(self.actions)

    @property
    def max_steps(self) -> int:
        """The most fragments, which is the longest path."""
        return self.limits.max_fragments

    def initial(self, n: int) -> States:
        """n empty states."""
        f = self.limits.max_fragments

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.long, device=self.device)

        return States(
            actions=zeros(n, f) - 1, stack_node=zeros(n, f), stack_type=zeros(n, f), stack_place=zeros(n, f),
            depth=zeros(n), n_placed=zeros(n), n_atoms=zeros(n), n_closing=zeros(n),
            totals=torch.zeros(n, self.tables["descriptors"].shape[1], dtype=self.dtype, device=self.device),
            open_types=torch.zeros(n, N_SITE_TYPES, dtype=self.dtype, device=self.device),
        )  # fmt: skip

    def mask(self, states: States) -> Tensor:
        """(N, A) true where an action is allowed; all false only where the molecule is finished."""
        room = self.room(states)
        allowed = self.tables["compatible"][room[:, 0]] & self.fits(room, slice(None))
        return allowed & ~states.finished.unsqueeze(1)

    def room(self, states: States) -> Tensor:
        """(N, 3) long: the type of the open site to be filled (0 before the root), heavy atoms and fragments left."""
        kind = states.top(states.stack_type)
        closing_rest = states.n_closing - self.tables["cost_of_type"][kind]
        open_rest = (states.depth - 1).clamp_min(0)
        atoms_left = self.limits.max_heavy_atoms - states.n_atoms - closing_rest
        fragments_left = self.limits.max_fragments - states.n_placed - open_rest
        return torch.stack([kind, atoms_left, fragments_left], dim=1)

    def fits(self, room: Tensor, actions: Tensor | slice) -> Tensor:
        """(M, C) true where a compatible action leaves room (M, 3) to close every site."""
        allowed = self.tables["atoms_needed"][actions] <= room[:, 1:2]
        allowed &= self.tables["fragments_needed"][actions] <= room[:, 2:3]
        return allowed

    def menus(self, states: States) -> list[Menu]:
        """Molecules whose open sites are of one type choose among the same fragments."""
        room = self.room(states)
        kinds = torch.where(states.finished, -1, room[:, 0])
        found = []
        for kind in kinds.unique().tolist():
            if kind >= 0:
                rows = (kinds == kind).nonzero().squeeze(1)
                found.append(Menu(rows, self.compatible[kind], self.fits(room[rows], self.compatible[kind])))
        return found

    def step(self, states: States, actions: Tensor) -> States:
        """Apply one action (N,) to every state; -1, and any action on a finished molecule, changes nothing."""
        moving = (actions >= 0) & ~states.finished
        a = actions.clamp_min(0)
        kind = states.top(states.stack_type)
        depth = (states.depth - 1).clamp_min(0)
        node, types, place = states.stack_node, states.stack_type, states.stack_place
        position = torch.arange(node.shape[1], device=self.device).unsqueeze(0)
        slot = position - depth.unsqueeze(1)
        pushed = (slot >= 0) & (slot < self.tables["n_push"][a].unsqueeze(1))
        source = slot.clamp(0, self.tables["push_type"].shape[1] - 1)
        kept = position < depth.unsqueeze(1)
        new_type = torch.where(pushed, self.tables["push_type"][a].gather(1, source), torch.where(kept, types, 0))
        new_place = torch.where(pushed, self.tables["push_place"][a].gather(1, source), torch.where(kept, place, 0))
        new_node = torch.where(pushed, states.n_placed.unsqueeze(1), torch.where(kept, node, 0))
        one_hot = torch.nn.functional.one_hot(kind, N_SITE_TYPES).to(self.dtype)
        one_hot[:, 0] = 0.0
        after = States(
            actions=torch.where(position == states.n_placed.unsqueeze(1), a.unsqueeze(1), states.actions),
            stack_node=new_node, stack_type=new_type, stack_place=new_place,
            depth=depth + self.tables["n_push"][a], n_placed=states.n_placed + 1,
            n_atoms=states.n_atoms + self.tables["heavy"][a],
            n_closing=states.n_closing - self.tables["cost_of_type"][kind] + self.tables["n_closing"][a],
            totals=states.totals + self.tables["descriptors"][a],
            open_types=states.open_types - one_hot + self.tables["open_types"][a],
        )  # fmt: skip
        if bool(moving.all()):
            return after
        return replace(after, **{name: _choose(moving, getattr(after, name), getattr(states, name)) for name in _NAMES})

    def sequences(self, actions: Tensor) -> list[tuple[tuple[int, int], ...]]:
        """Rows of action numbers (N, F) as building sequences of (fragment, entry site)."""
        return [tuple(self.actions[a] for a in row if a >= 0) for row in actions.tolist()]

    def assembly(self, sequence: Sequence[tuple[int, int]]) -> Assembly:
        """The molecule that a building sequence gives."""
        return assemble(sequence, self.vocabulary.n_sites)

    def structures(self, rows: Tensor) -> list[tuple[str, float]]:
        """The molecule of each row of actions (N, F), and the logarithm of its number of building sequences."""
        found = []
        for row in rows.tolist():
            key = tuple(a for a in row if a >= 0)
            if key not in self._molecules:
                if len(self._molecules) >= CACHED_MOLECULES:
                    self._molecules.clear()
                assembly = self.assembly([self.actions[a] for a in key])
                log_n = log_n_sequences(self.vocabulary.grammar.roots(assembly))
                self._molecules[key] = self.vocabulary.write(assembly), log_n
            found.append(self._molecules[key])
        return found

    def forget(self) -> None:
        """Empty the memory of molecules, which costs time only; for measuring speed."""
        self._molecules.clear()

    def rows(self, sequences: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
        """Building sequences as rows of action numbers (N, F), -1 after the end."""
        numbers = [[self.action_index[entry] for entry in sequence] for sequence in sequences]
        return padded(numbers, self.max_steps, self.device)

    def redrawn(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """For each molecule, a building sequence drawn uniformly from all that lead to it."""
        draws = torch.rand(len(rows), self.max_steps + 1, generator=source, dtype=torch.float64).tolist()
        result = []
        for sequence, uniforms in zip(self.sequences(rows), draws, strict=True):
            roots = self.vocabulary.grammar.roots(self.assembly(sequence))
            result.append(self.vocabulary.grammar.draw_from(roots, iter(uniforms)))
        return self.rows(result)

    def paths(self, structure: str, at_most: int, source: torch.Generator) -> Paths:
        """All building sequences of a molecule if there are at most so many, else as many drawn uniformly."""
        grammar = self.vocabulary.grammar
        assembly, reason = self.vocabulary.read(structure, self.limits)
        if assembly is None:
            return Paths(self.rows([]), 0.0, True, reason)
        roots = grammar.roots(assembly)
        log_n = log_n_sequences(roots)
        if sum(roots.values()) <= at_most:
            return Paths(self.rows([one for rooted in roots for one in grammar.sequences(rooted)]), log_n, True)
        draws = torch.rand(at_most, self.max_steps + 1, generator=source, dtype=torch.float64)
        return Paths(self.rows([grammar.draw_from(roots, iter(row)) for row in draws.tolist()]), log_n, False)

    def spelled(self, structure: str) -> Paths:
        """The first sequence of the molecule's canonical form, or why there is none."""
        grammar = self.vocabulary.grammar
        assembly, reason = self.vocabulary.read(structure, self.limits)
        if assembly is None:
            return Paths(self.rows([]), 0.0, True, reason)
        return Paths(self.rows([grammar.draw(grammar.key(assembly), repeat(0.0))]), 0.0, False)

    def capped(self, rows: Tensor) -> Tensor:
        """Unfinished molecules with the smallest fragment that fits on every open site; finished ones as they are."""
        states = self.initial(len(rows))
        for t in range(self.max_steps):
            kind = states.top(states.stack_type)
            caps = torch.where(states.depth > 0, self.tables["cap_of_type"][kind], -1)
            states = self.step(states, torch.where(rows[:, t] >= 0, rows[:, t], caps))
        return states.actions

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n molecules of the untrained, uniform policy as canonical SMILES."""
        return [smiles for smiles, _ in self.structures(random_rollout(self, n, source))]

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data; limits stand in the config."""
        return self.vocabulary.to_dict()


def environment_for(
    smiles: Sequence[str], limits: Limits, *, vocabulary_size: int, min_count: int, merge_children: bool, device: str
) -> tuple[FragmentEnvironment, Tensor, Expressible]:
    """An environment from a team's molecules, a path (M, F) to each that it can build, and how many those are.

    Raises VocabularyError when the molecules give too few fragments.
    """
    vocabulary, expressible, spelled = build_vocabulary(
        list(dict.fromkeys(smiles)), limits=limits, max_fragments_in_vocabulary=vocabulary_size, min_count=min_count
    )
    environment = FragmentEnvironment(vocabulary, limits, merge_children=merge_children, device=device)
    grammar = vocabulary.grammar
    firsts = [grammar.draw(grammar.key(assembly), repeat(0.0)) for assembly in spelled]
    return environment, environment.rows(firsts), expressible


_NAMES = tuple(States.__dataclass_fields__)


def _choose(moving: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(moving if new.dim() == 1 else moving.unsqueeze(1), new, old)
