"""Symmetry of fragment trees: canonical forms, and how many building sequences lead to one molecule.

A molecule is an unrooted tree of fragments (`Assembly`). A building sequence fixes a root and, at every node, which
child sits on which site. Two sequences that differ only by a symmetry of fragments give one molecule. Sequences are
those of an environment that enters a fragment through the lowest site of an orbit and fills sites in order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, permutations, product
from typing import Any

from rdkit import Chem

# (fragment, entry site or -1 at the root, one child per site and () at the entry site)
Rooted = tuple[int, int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Assembly:
    """Fragments (ids in a vocabulary) and links (node, site, node, site); one link fewer than nodes."""

    fragments: tuple[int, ...]
    links: tuple[tuple[int, int, int, int], ...]


def site_symmetries(smiles: str) -> tuple[tuple[int, ...], ...]:
    """All permutations of a fragment's sites that are symmetries of the fragment; the identity comes first.

    A permutation is a symmetry exactly when the fragment labelled through it has the same canonical SMILES.
    """
    mol = Chem.MolFromSmiles(smiles)
    sites = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0]
    types = [mol.GetAtomWithIdx(index).GetIsotope() for index in sites]
    identity = tuple(range(len(sites)))

    def labelled(order: Sequence[int]) -> str:
        for site, label in zip(sites, order, strict=True):
            mol.GetAtomWithIdx(site).SetIsotope(1000 * types[sites.index(site)] + label + 1)
        return Chem.MolToSmiles(mol)

    reference = labelled(identity)
    found = [
        order
        for order in permutations(identity)
        if order != identity and all(types[a] == types[b] for a, b in enumerate(order)) and labelled(order) == reference
    ]
    return (identity, *found)


class Grammar:
    """The symmetries of a vocabulary, and what follows from them for whole molecules."""

    def __init__(self, symmetries: Sequence[tuple[tuple[int, ...], ...]]) -> None:
        """`symmetries[f]` holds the site permutations of fragment f, as `site_symmetries` gives them."""
        self.symmetries = tuple(symmetries)
        self.orbit = tuple(
            tuple(min(p[site] for p in group) for site in range(len(group[0]))) for group in self.symmetries
        )
        self._carry = tuple(
            tuple(next(p for p in group if p[site] == low) for site, low in enumerate(orbit))
            for group, orbit in zip(self.symmetries, self.orbit, strict=True)
        )
        self._fixing = tuple(
            {low: tuple(p for p in group if p[low] == low) for low in set(orbit)}
            for group, orbit in zip(self.symmetries, self.orbit, strict=True)
        )

    def _arrangements(self, fragment: int, entry: int, children: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The distinct ways to place the children on the sites, sorted; the first is the canonical one."""
        group = self.symmetries[fragment] if entry < 0 else self._fixing[fragment][entry]
        if len(group) == 1:
            return [children]
        placed = set()
        for p in group:
            moved = [()] * len(children)
            for site, child in enumerate(children):
                moved[p[site]] = child
            placed.add(tuple(moved))
        return sorted(placed)

    def roots(self, assembly: Assembly) -> dict[Rooted, int]:
        """Every distinct rooted canonical form of a molecule, with its number of building sequences."""
        neighbours: list[dict[int, tuple[int, int]]] = [{} for _ in assembly.fragments]
        for a, site_a, b, site_b in assembly.links:
            neighbours[a][site_a] = (b, site_b)
            neighbours[b][site_b] = (a, site_a)
        seen: dict[tuple[int, int], tuple[Rooted, int]] = {}

        def canonical(node: int, entry: int) -> tuple[Rooted, int]:
            known = seen.get((node, entry))
            if known is not None:
                return known
            fragment, n_sequences = assembly.fragments[node], 1
            n_sites = len(self.orbit[fragment])
            carry = self._carry[fragment][entry] if entry >= 0 else range(n_sites)
            children: list[Any] = [()] * n_sites
            for site in range(n_sites):
                if site != entry:
                    children[carry[site]], ways = canonical(*neighbours[node][site])
                    n_sequences *= ways
            low = self.orbit[fragment][entry] if entry >= 0 else -1
            arrangements = self._arrangements(fragment, low, tuple(children))
            result = ((fragment, low, arrangements[0]), n_sequences * len(arrangements))
            seen[node, entry] = result
            return result

        # Sorted, so that draws do not depend on which sequence the molecule was met by.
        return dict(sorted({canonical(node, -1) for node in range(len(assembly.fragments))}))

    def key(self, assembly: Assembly) -> Rooted:
        """A canonical form that two assemblies share exactly when they are one molecule."""
        return min(self.roots(assembly))

    def sequences(self, rooted: Rooted) -> Iterator[tuple[tuple[int, int], ...]]:
        """All building sequences of one rooted form, each a tuple of (fragment, entry site or -1)."""
        fragment, entry, children = rooted
        for arrangement in self._arrangements(fragment, entry, children):
            parts = [list(self.sequences(child)) for child in arrangement if child]
            for choice in product(*parts):
                yield ((fragment, entry), *(step for part in choice for step in part))

    def draw(self, rooted: Rooted, uniforms: Iterator[float]) -> list[tuple[int, int]]:
        """One of those sequences, each equally likely; takes one uniform draw a node."""
        fragment, entry, children = rooted
        arrangements = self._arrangements(fragment, entry, children)
        arrangement = arrangements[int(next(uniforms) * len(arrangements))]
        sequence = [(fragment, entry)]
        for child in arrangement:
            if child:
                sequence += self.draw(child, uniforms)
        return sequence

    def draw_from(self, roots: dict[Rooted, int], uniforms: Iterator[float]) -> list[tuple[int, int]]:
        """One building sequence of a molecule, uniform over all; `roots` as `Grammar.roots` gives them."""
        ends = list(accumulate(roots.values()))
        chosen = bisect_right(ends, next(uniforms) * ends[-1])
        return self.draw(list(roots)[min(chosen, len(ends) - 1)], uniforms)


def log_n_sequences(roots: dict[Rooted, int]) -> float:
    """Natural logarithm of the number of building sequences of a molecule."""
    return math.log(sum(roots.values()))


def assemble(sequence: Sequence[tuple[int, int]], n_sites: Sequence[int]) -> Assembly:
    """Replay a building sequence. `n_sites[f]` is the number of sites of fragment f.

    Raises ValueError when the sequence leaves a site open or goes on after the last one is filled.
    """
    open_sites: list[tuple[int, int]] = []
    links = []
    for node, (fragment, entry) in enumerate(sequence):
        if node:
            if not open_sites:
                raise ValueError("the sequence goes on after the molecule is finished")
            links.append((*open_sites.pop(), node, entry))
        open_sites += [(node, site) for site in reversed(range(n_sites[fragment])) if site != entry]
    if open_sites:
        raise ValueError("the sequence leaves sites open")
    return Assembly(tuple(fragment for fragment, _ in sequence), tuple(links))
