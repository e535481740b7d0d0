"""The fragments a generator builds from, taken from a team's own molecules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from samplers.chem.fragments import PARTNERS, FragmentGraph, Template, cut, join, parse, template
from samplers.environments.grammar import Assembly, Grammar, site_symmetries
from samplers.errors import StructureError, VocabularyError

MAX_SITES = 5  # more open sites than this are rare, and their permutations grow as the factorial
DESCRIPTORS = (
    "heavy_atoms", "molecular_weight", "crippen_logp", "tpsa", "h_donors", "h_acceptors", "rings",
    "aromatic_rings", "rotatable_bonds", "sp3_carbons",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a molecule may grow."""

    max_fragments: int
    max_heavy_atoms: int


@dataclass(frozen=True, slots=True)
class Expressible:
    """How much of the data the vocabulary can spell, in molecules."""

    n_total: int
    n_expressible: int
    reasons: dict[str, int] = field(default_factory=dict)

    def sentence(self) -> str:
        """The figure in words, "x of y" and the reasons for the rest."""
        share = 100 * self.n_expressible / max(self.n_total, 1)
        rest = "; ".join(f"{count}: {reason}" for reason, count in sorted(self.reasons.items(), key=lambda r: -r[1]))
        text = f"The vocabulary can express {self.n_expressible} of {self.n_total} molecules ({share:.0f} %)."
        return f"{text} Not: {rest}." if rest else text


class Vocabulary:
    """Fragments with their sites, symmetries, sizes and additive descriptors; order is part of its identity."""

    def __init__(self, smiles: Sequence[str], counts: Sequence[int]) -> None:
        """`smiles` are fragments as `samplers.chem.fragments.cut` writes them, `counts` their frequency in the data."""
        self.smiles = tuple(smiles)
        self.counts = tuple(counts)
        self.index = {text: i for i, text in enumerate(self.smiles)}
        self.templates: tuple[Template, ...] = tuple(template(text) for text in self.smiles)
        self.site_types = tuple(piece.site_types for piece in self.templates)
        self.n_sites = tuple(len(types) for types in self.site_types)
        self.heavy_atoms = tuple(piece.mol.GetNumAtoms() for piece in self.templates)
        self.grammar = Grammar([site_symmetries(text) for text in self.smiles])
        self.descriptors = np.array([_descriptors(text) for text in self.smiles], dtype=np.float64)
        self.cheapest = _cheapest_closers(self.site_types, self.heavy_atoms)

    def __len__(self) -> int:
        return len(self.smiles)

    def assembly(self, graph: FragmentGraph) -> Assembly | None:
        """The same tree by fragment ids, or None when a fragment is not in the vocabulary."""
        ids = [self.index.get(text) for text in graph.fragments]
        if any(i is None for i in ids):
            return None
        return Assembly(tuple(i for i in ids if i is not None), graph.links)

    def read(self, smiles: str, limits: Limits) -> tuple[Assembly | None, str]:
        """Spell a molecule in this vocabulary; else None and the reason."""
        try:
            mol = parse(smiles)
            graph = cut(mol)
        except StructureError:
            return None, "the structure cannot be read as one molecule"
        return self.spell(mol.GetNumHeavyAtoms(), graph, limits)

    def spell(self, n_heavy: int, graph: FragmentGraph, limits: Limits) -> tuple[Assembly | None, str]:
        """As `read`, for a molecule already cut."""
        if len(graph.fragments) == 1:
            return None, "no bond to cut"
        if len(graph.fragments) > limits.max_fragments:
            return None, f"more than {limits.max_fragments} fragments"
        if n_heavy > limits.max_heavy_atoms:
            return None, f"more than {limits.max_heavy_atoms} heavy atoms"
        assembly = self.assembly(graph)
        return assembly, "" if assembly is not None else "a fragment outside the vocabulary"

    def write(self, assembly: Assembly) -> str:
        """The canonical SMILES of a molecule. Raises StructureError when the product is no valid molecule."""
        return join([self.templates[f] for f in assembly.fragments], assembly.links)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` gives the same vocabulary back."""
        return {"smiles": list(self.smiles), "counts": list(self.counts)}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Vocabulary:
        """The vocabulary that `to_dict` described: for those asked for last the same object, which none may change."""
        return _remembered(tuple(raw["smiles"]), tuple(raw["counts"]))


@lru_cache(maxsize=2)
def _remembered(smiles: tuple[str, ...], counts: tuple[int, ...]) -> Vocabulary:
    # Ten thousand fragments take seven seconds to read, and a worker goes on with the same run slice after slice.
    return Vocabulary(smiles, counts)


def _descriptors(smiles: str) -> list[float]:
    mol = Chem.MolFromSmiles(smiles)
    contributions = rdMolDescriptors._CalcCrippenContribs(mol)
    real = [atom.GetAtomicNum() > 0 for atom in mol.GetAtoms()]
    return [
        float(sum(real)), rdMolDescriptors._CalcMolWt(mol),
        sum(logp for (logp, _), keep in zip(contributions, real, strict=True) if keep),
        rdMolDescriptors.CalcTPSA(mol), rdMolDescriptors.CalcNumHBD(mol), rdMolDescriptors.CalcNumHBA(mol),
        rdMolDescriptors.CalcNumRings(mol), rdMolDescriptors.CalcNumAromaticRings(mol),
        rdMolDescriptors.CalcNumRotatableBonds(mol),
        sum(a.GetAtomicNum() == 6 and a.GetHybridization() == Chem.HybridizationType.SP3 for a in mol.GetAtoms()),
    ]  # fmt: skip


def _cheapest_closers(site_types: Sequence[tuple[int, ...]], heavy: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Per site type that can be closed at once: heavy atoms of the smallest one-site fragment, and its id."""
    caps = [(heavy[f], f, types[0]) for f, types in enumerate(site_types) if len(types) == 1]
    best = {kind: min(((n, f) for n, f, own in caps if own in them), default=None) for kind, them in PARTNERS.items()}
    return {kind: found for kind, found in best.items() if found is not None}


def _closable(pieces: list[tuple[str, Template]], limits: Limits) -> list[tuple[str, Template]]:
    """Leave out fragments that can never be part of a finished molecule, until none is left to leave out."""
    while True:
        types = [piece.site_types for _, piece in pieces]
        cheapest = _cheapest_closers(types, [piece.mol.GetNumAtoms() for _, piece in pieces])
        kept = [
            (text, piece)
            for text, piece in pieces
            if all(kind in cheapest for kind in piece.site_types)
            and len(piece.site_types) < limits.max_fragments
            and piece.mol.GetNumAtoms() + sum(cheapest[kind][0] for kind in piece.site_types) <= limits.max_heavy_atoms
        ]
        if len(kept) == len(pieces):
            return kept
        pieces = kept


def _survives(vocabulary: Vocabulary, fragment: int) -> bool:
    """Whether the fragment, all sites closed, gives a valid molecule that is cut back into the same pieces."""
    caps = [vocabulary.cheapest[kind][1] for kind in vocabulary.site_types[fragment]]
    assembly = Assembly((fragment, *caps), tuple((0, site, site + 1, 0) for site in range(len(caps))))
    try:
        back = vocabulary.assembly(cut(parse(vocabulary.write(assembly))))
    except StructureError:
        return False
    return back is not None and vocabulary.grammar.key(back) == vocabulary.grammar.key(assembly)


def _cut_all(smiles: Iterable[str]) -> list[tuple[int, FragmentGraph] | None]:
    graphs: list[tuple[int, FragmentGraph] | None] = []
    for text in smiles:
        try:
            mol = parse(text)
            graphs.append((mol.GetNumHeavyAtoms(), cut(mol)))
        except StructureError:
            graphs.append(None)
    return graphs


def build_vocabulary(
    smiles: Sequence[str], *, limits: Limits, max_fragments_in_vocabulary: int = 1000, min_count: int = 1
) -> tuple[Vocabulary, Expressible, list[Assembly]]:
    """Cut every molecule and keep the most frequent fragments that can be closed to valid molecules.

    Returns the vocabulary, how much of the data it can spell, and those molecules as assemblies in data order.
    Raises VocabularyError when nothing can be built. Ties in frequency are broken by the SMILES, so the order of the
    data does not matter.
    """
    graphs = _cut_all(smiles)
    counts = Counter(text for entry in graphs if entry and entry[1].links for text in set(entry[1].fragments))
    pieces: list[tuple[str, Template]] = []
    for text, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(pieces) == max_fragments_in_vocabulary or count < min_count:
            break
        try:
            piece = template(text)
        except StructureError:
            continue
        if len(piece.site_types) <= MAX_SITES:
            pieces.append((text, piece))
    pieces = _closable(pieces, limits)
    while pieces:
        vocabulary = Vocabulary([text for text, _ in pieces], [counts[text] for text, _ in pieces])
        sound = [piece for i, piece in enumerate(pieces) if _survives(vocabulary, i)]
        if len(sound) == len(pieces):
            break
        pieces = _closable(sound, limits)
    if len(pieces) < 2:
        raise VocabularyError(
            f"The {len(graphs)} molecules give too few fragments to build anything new: a molecule needs bonds to "
            "cut, such as amides, ethers or links between rings, and pieces that close every open site. Add more "
            "or larger molecules, or allow rarer fragments."
        )
    reasons: Counter[str] = Counter()
    spelled = []
    for entry in graphs:
        assembly, reason = vocabulary.spell(*entry, limits) if entry else (None, "the structure cannot be read")
        if assembly is None:
            reasons[reason] += 1
        else:
            spelled.append(assembly)
    return vocabulary, Expressible(len(graphs), len(spelled), dict(reasons)), spelled


def descriptor_scales(vocabulary: Vocabulary) -> NDArray[np.float64]:
    """A typical magnitude of every descriptor over a finished molecule, for scaling network inputs."""
    return np.maximum(4.0 * np.abs(vocabulary.descriptors).mean(axis=0), 1e-3)
