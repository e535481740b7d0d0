"""A scaffold that every molecule contains, as fragments whose places are fixed while the rest is drawn.

The ways to build the scaffold are those of the data: every example that contains it says which fragments hold it and
how they are joined. A design takes one of these ways, as often as the data do, and never leaves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import torch
from rdkit import Chem, rdBase
from torch import Tensor

from samplers.chem.fragments import joined
from samplers.diffusion.autoregressive.sampling import Follower
from samplers.environments.design import Menu
from samplers.environments.fragments import FragmentEnvironment, States
from samplers.environments.grammar import Rooted
from samplers.environments.vocabulary import MAX_SITES
from samplers.errors import ConfigError

MOST_EXAMPLES = 1000  # that contain the scaffold; the first ones are looked at, whenever a run is taken up
MOST_MATCHES = 16  # of the scaffold in one example

# (action, the parent's position in the way, the parent's site) of each fragment, parents first; the root has −1, −1
Way = tuple[tuple[int, int, int], ...]


def scaffold(environment: FragmentEnvironment, own: Tensor, structures: Sequence[str], text: str) -> Scaffold:
    """What keeps a scaffold. Raises ConfigError where it cannot be read, or no example that can be built has it."""
    query = read(text)
    ways: Counter[Way] = Counter()
    n_examples = 0
    for row, structure in zip(own.tolist(), structures, strict=True):
        mol = Chem.MolFromSmiles(structure)
        if mol is None or not mol.HasSubstructMatch(query):
            continue
        n_examples += 1
        way = _way(environment, [environment.actions[a] for a in row if a >= 0], query)
        if way is not None:
            ways[way] += 1
        if n_examples == MOST_EXAMPLES:
            break
    if not ways:
        raise ConfigError(
            "scaffold", f"{text!r:.80} is in none of the {len(structures):,} molecules of the data that can be built, "
            "so there are no fragments to keep it with. Take a smaller scaffold, or add molecules that contain it",
        )  # fmt: skip
    return Scaffold(environment, sorted(ways.items()))


def read(text: str) -> Any:
    """The pattern of a scaffold: a SMILES, * standing for any atom. Raises ConfigError."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    if mol is None or not mol.GetNumAtoms() or len(Chem.GetMolFrags(mol)) > 1:
        raise ConfigError("scaffold", f"{text!r:.80} cannot be read as the SMILES of one connected scaffold")
    Chem.RemoveStereochemistry(mol)
    adjust: Any = Chem.AdjustQueryParameters.NoAdjustments()
    adjust.makeDummiesQueries = True
    return Chem.AdjustQueryProperties(mol, adjust)


def _way(environment: FragmentEnvironment, sequence: Sequence[tuple[int, int]], query: Any) -> Way | None:
    """The way in which one example contains the scaffold, by as few atoms as can be, rooted in the scaffold itself."""
    grammar = environment.vocabulary.grammar
    best: tuple[int, Way] | None = None
    for rooted in grammar.roots(environment.assembly(sequence)):
        found = _rooted_way(environment, rooted, query)
        if found is not None and (best is None or found < best):
            best = found
    return None if best is None else best[1]


def _rooted_way(environment: FragmentEnvironment, rooted: Rooted, query: Any) -> tuple[int, Way] | None:
    """The smallest way from one root, and its heavy atoms; None where the scaffold does not reach the root."""
    words = environment.vocabulary
    sequence = words.grammar.draw(rooted, repeat(0.0))
    assembly = environment.assembly(sequence)
    mol = joined([words.templates[f] for f in assembly.fragments], assembly.links)
    node_of = [node for node, f in enumerate(assembly.fragments) for _ in range(words.heavy_atoms[f])]
    parent = {child: (node, site) for node, site, child, _ in assembly.links}
    found: list[tuple[int, Way]] = []
    for match in mol.GetSubstructMatches(query, maxMatches=MOST_MATCHES):
        nodes = sorted({node_of[atom] for atom in match})
        if nodes[0] != 0:  # nodes are numbered as they are placed, so the root is the first
            continue
        position = {node: i for i, node in enumerate(nodes)}
        way = []
        for node in nodes:
            above, site = parent.get(node, (-1, -1))
            way.append((environment.action_index[sequence[node]], position.get(above, -1), site))
        found.append((sum(words.heavy_atoms[assembly.fragments[node]] for node in nodes), tuple(way)))
    return min(found, default=None)


@dataclass(frozen=True, slots=True)
class _Tables:
    """By way, position in the way and site: the action and position that follow there (−1: free), what it reserves."""

    root: Tensor  # (W,)
    action: Tensor  # (W, P, S)
    child: Tensor  # (W, P, S)
    atoms: Tensor  # (W, P, S) heavy atoms beyond those of the cheapest fragment that would close the site
    fragments: Tensor  # (W, P, S)


class Scaffold:
    """The ways to build a scaffold, and how often each is taken."""

    def __init__(self, environment: FragmentEnvironment, ways: Sequence[tuple[Way, int]]) -> None:
        self.environment = environment
        self.ways = [way for way, _ in ways]
        counts = torch.tensor([count for _, count in ways], dtype=torch.float64)
        self.ends = (counts.cumsum(0) / counts.sum()).to(environment.device)
        self.tables = self._tables()

    def _tables(self) -> _Tables:
        shape = (len(self.ways), max(map(len, self.ways)), MAX_SITES)
        action, child = torch.full(shape, -1), torch.full(shape, -1)
        atoms, fragments = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        needed = {name: self.environment.tables[name].tolist() for name in ("atoms_needed", "fragments_needed")}
        cost = self.environment.tables["cost_of_type"].tolist()
        types, actions = self.environment.vocabulary.site_types, self.environment.actions
        for w, way in enumerate(self.ways):
            for position in reversed(range(1, len(way))):  # children before parents, whose needs hold theirs
                a, above, site = way[position]
                action[w, above, site], child[w, above, site] = a, position
                closing = cost[types[actions[way[above][0]][0]][site]]
                below = slice(None)
                atoms[w, above, site] = needed["atoms_needed"][a] - closing + int(atoms[w, position, below].sum())
                fragments[w, above, site] = needed["fragments_needed"][a] - 1 + int(fragments[w, position, below].sum())
        root = torch.tensor([way[0][0] for way in self.ways])
        device = self.environment.device
        return _Tables(*(table.to(device) for table in (root, action, child, atoms, fragments)))

    def follow(self, uniforms: Tensor) -> Follower:
        """One way for each design."""
        way = torch.searchsorted(self.ends, uniforms.contiguous(), right=True).clamp_max(len(self.ways) - 1)
        return _Following(self, way)


class _Following:
    """n molecules that grow around their scaffolds; `at` (n, F) is the position in the way of each fragment placed."""

    def __init__(self, kept: Scaffold, way: Tensor) -> None:
        self.environment, self.tables, self.way = kept.environment, kept.tables, way
        self.at = torch.full((len(way), kept.environment.max_steps), -1, dtype=torch.long, device=way.device)

    def _look(self, table: Tensor, rows: Tensor, node: Tensor, site: Tensor, other: int) -> Tensor:
        """What a table says of sites (M, ...) of nodes of designs `rows`; `other` outside the scaffold."""
        position = self.at[rows].gather(1, node)
        found = table[self.way[rows].unsqueeze(1), position.clamp_min(0), site]
        return torch.where(position >= 0, found, other)

    def _next(self, states: States, rows: Tensor, table: Tensor, first: Tensor) -> Tensor:
        """What a table says of the open sites to be filled next (M,), `first` where nothing is placed yet."""
        node, site = states.top(states.stack_node)[rows], states.top(states.stack_place)[rows]
        found = self._look(table, rows, node.unsqueeze(1), site.unsqueeze(1), -1).squeeze(1)
        return torch.where(states.n_placed[rows] == 0, first, found)

    def restrict(self, states: States, menu: Menu) -> Tensor:
        """The next fragment of the scaffold where there is one, else what leaves room for the rest of it."""
        rows = menu.rows
        forced = self._next(states, rows, self.tables.action, self.tables.root[self.way[rows]])
        waiting = torch.arange(states.stack_node.shape[1], device=rows.device) < (states.depth[rows] - 1).unsqueeze(1)
        node, site = states.stack_node[rows], states.stack_place[rows]
        reserved = [
            torch.where(waiting, self._look(table, rows, node, site, 0), 0).sum(dim=1)
            for table in (self.tables.atoms, self.tables.fragments)
        ]
        room = self.environment.room(states)[rows] - torch.stack([torch.zeros_like(rows), *reserved], dim=1)
        free = menu.mask & self.environment.fits(room, menu.actions)
        return torch.where(forced.unsqueeze(1) >= 0, menu.actions == forced.unsqueeze(1), free)

    def placed(self, states: States, actions: Tensor) -> None:
        """Note which fragments of the scaffold were placed."""
        rows = (actions >= 0).nonzero().squeeze(1)
        position = self._next(states, rows, self.tables.child, torch.zeros_like(rows))
        self.at[rows, states.n_placed[rows]] = position
